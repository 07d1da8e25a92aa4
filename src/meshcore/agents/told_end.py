"""How a command ended by the words that Gemini, and what came of it, write around its output. Light."""

from __future__ import annotations

import re

from meshcore.agents.base import Call, Failure, Success, ended, number

# What the program itself writes behind the output; the output before it may hold the same words.
_TAIL = re.compile(
    r"(?:\nError: \(none\))?(?:\n(?:Signal|Background PIDs|Process Group PGID|Exit Code):[^\n]{0,1000})+"
    r"(?:\n</untrusted_context>)?\s*$"
)
_EXIT_CODE = re.compile(r"\nExit Code: (-?\d{1,10})(?=\n|$)")
# A command that goes on in the background, that a signal ended, or that could not be started, has no exit code: it is
# not told, as that of a success is not.
_UNFINISHED = re.compile(r"\n(?:Background PIDs|Signal): (?!\(none\)(?:\n|$))")
_NOT_STARTED = "Error: "  # behind the output; where an exit code follows, these are the command's own last words
_HEAD = re.compile(r"\s*(?:<untrusted_context>\s*\n)?(?:(?:Command|Directory): [^\n]*\n)*Output: ?")


def end_of(call: Call, said: str) -> Failure | Success | None:
    """Return how a call ended by what is said of it, None where it did not end, or nobody can tell."""
    tail, head = _TAIL.search(said), _HEAD.match(said)
    if tail is None or head is None or _UNFINISHED.search(tail[0]):
        return None
    codes = _EXIT_CODE.findall(tail[0])
    if not codes and said[: tail.start()].rpartition("\n")[2].startswith(_NOT_STARTED):
        return None
    code = number(codes[-1]) if codes else 0
    output = said[head.end() : tail.start()] if tail.start() > head.end() else ""
    return ended(Call(call.command, call.cwd, call.session, call.call, output, call.event), code)
