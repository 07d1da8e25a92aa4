"""What a wrapper prints below the output of its command: the words of `time`, which are not the command's own."""

from __future__ import annotations

import re

from meshcore.healing.places import Failing
from meshcore.knowledge.program import program_name

_FIGURE = r"(?:\d{1,6}m)?\d{1,9}[.,]\d{1,6}s?"
_OF_TIME = re.compile(
    rf"(?:^\n)?^real[ \t]{_FIGURE}\nuser[ \t]{_FIGURE}\nsys[ \t]{_FIGURE}\n?\Z"  # a shell's own, and `time -p`
    r"|^(?:Command [^\n]{1,60}\n)?[\d.,:]+user [\d.,:]+system [\d.,:]+elapsed [^\n]{1,200}\n[^\n]{1,200}swaps\n?\Z"
    r"|^(?:Command [^\n]{1,60}\n)?\tCommand being timed: [^\n]{1,9000}\n(?:\t[^\n]{1,200}\n?){5,30}\Z"
    r"|^[^\n]{1,9000}  [\d.]+s user [\d.]+s system \d+% cpu [\d:.]+ total\n?\Z",  # zsh
    re.MULTILINE,
)


def without_trailers(output: str, failed: Failing) -> str:
    """Return what a command printed without what the wrappers around it add at its end, once for each of them."""
    for one in failed.around:
        if one.argv and program_name(one.argv[0]) == "time" and (found := _OF_TIME.search(output)):
            output = output[: found.start()]
    return output
