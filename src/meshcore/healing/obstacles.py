"""What kept a fix from being applied, where that says nothing of the fix: told by how its step ended and what it said.

A network, an index or a daemon that is not reached, a lock that is held, a place that cannot be written, a right or a
tool that is missing. The words are the system's own (`strerror`, the resolver's), and those in which tools say that
they could not reach, lock or write something; whoever fails for another reason has no cause to say them.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache

from meshcore.model import StepResult

LINE_LIMIT = 160  # characters of the line that is quoted

_REACH = (
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.ECONNRESET),
    *(errno.ECONNABORTED, errno.ETIMEDOUT, errno.ENETRESET),
)
_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
_RIGHT = (errno.EACCES, errno.EPERM)
_HELD = (errno.EAGAIN, errno.EBUSY, errno.EDEADLK, errno.ENOLCK, errno.ETXTBSY)

_NOT = r"(?:could ?n[o']t|cannot|can't|unable to|failed to|failure (?:in|to))"
_REACHING = (
    rf"{_NOT} (?:be )?(?:resolv|connect|reach|look ?up|access|download|fetch|retriev|establish|contact)",
    rf"{_NOT} read from remote",
    r"(?:name|address|dns)[ -](?:resolution|lookup) (?:failed|error)|name resolution|name or service not known",
    r"\bdns error\b|no such host|unknown host|nodename nor servname|no address associated with hostname",
    r"\btimed? ?out\b|timeout (?:was )?(?:reached|exceeded|expired)",
    r"connection (?:was |is )?(?:refused|reset|aborted|closed|broken|lost)|network is unreachable|no route to host",
    r"error sending request|tcp connect error|network (?:error|was disabled|is down)|\boffline\b(?! wheels)",
    r"certificate verify failed|(?:ssl|tls)[ _](?:error|handshake|certificate)|\bproxy (?:error|authentication)",
    r"(?:http|status|error|code|server)\D{0,24}\b(?:401|403|407|408|425|429|5\d\d)\b",
    r"\b(?:401|403|407|408|425|429|5\d\d) (?:client |server )?(?:error|unauthorized|forbidden|proxy|request|too many|"
    r"internal|bad gateway|service|gateway)",
    r"\bE(?:NOTFOUND|AI_AGAIN|NOTCACHED)\b",
    r"(?:index|repository|location|source|mirror)\b.{0,120} is (?:being )?(?:ignored|unavailable|unreachable|disabled)",
    r"is the docker daemon running",
)
_LOCKING = (
    rf"{_NOT} (?:get|obtain|acquire|take|create|open) (?:the |an? )?(?:\S+ )?(?:file )?lock\b",
    r"\block(?:file|\.lock)?\b.{0,80}\b(?:held|exists|in use|busy|timed? ?out|another process)",
    r"\.lock'?: file exists|another (?:\S+ ){0,2}(?:process|instance) .{0,40}(?:running|using|holds)",
    r"resource (?:is )?(?:busy|temporarily unavailable)|database is locked|is locked by",
)
_WRITING = (r"disk (?:is )?full|quota exceeded|read-only file ?system|out of (?:disk space|memory)|not enough space",)
_RIGHTS = (
    r"are you root|must be (?:run as )?root|requires? (?:root|superuser|elevated)|not in the sudoers file",
    r"permission denied|access (?:is )?denied|password is required|not allowed to (?:run|execute)",
    r"authentication (?:is )?(?:required|failed)|terminal prompts disabled|could not read (?:username|password)",
    r"externally-managed-environment|not writeable|not writable",
)
_KINDS = (
    ("it could not reach what it needs", _REACH, _REACHING),
    ("what it changes is locked", _HELD, _LOCKING),
    ("it could not write", _WRITE, _WRITING),
    ("it has not the right to", _RIGHT, _RIGHTS),
)
_OFFLINE = ("PIP_NO_INDEX", "UV_OFFLINE", "UV_NO_INDEX", "npm_config_offline")
_NEEDS_INDEX = re.compile(r"no matching distribution|could not find a version|no versions? (?:of|found)", re.I)
_KILLED = frozenset({124, 129, 130, 134, 137, 143})
_NO_MODULE = re.compile(r"no module named '?([\w.]+)'?", re.I)
_OF_A_TOOL = re.compile(r"^bwrap: ", re.M)


def obstacle(step: StepResult, environment: Mapping[str, str]) -> str:
    """Return what kept a step that failed from doing what it does, in one line; "" where nothing shows that."""
    if step.exit_code in _KILLED:
        return f"it was ended (exit code {step.exit_code})"
    if step.exit_code in (126, 127):
        return _because("its program is not here", _last(step.output))
    found = _NO_MODULE.search(step.output)
    if found and found[1] == _module(step.argv):
        return f"its program is not here: no module {found[1]}"
    if _OF_A_TOOL.search(step.output):
        return _because("it could not be shut in", _last(step.output))
    lines = [line.strip() for line in step.output.splitlines() if line.strip()]
    for what, pattern in _patterns():
        for line in reversed(lines):
            if pattern.search(line):
                return _because(what, line)
    if _NEEDS_INDEX.search(step.output) and any(environment.get(name) not in (None, "", "0") for name in _OFFLINE):
        return "no package index is to be asked here"
    return ""


def last_lines(step: StepResult, most: int) -> list[str]:
    """Return the last lines that a step printed, at most so many, without empty ones."""
    return [line.rstrip() for line in step.output.splitlines() if line.strip()][-most:]


def _module(argv: Iterable[str]) -> str:
    words = list(argv)
    return words[words.index("-m") + 1] if "-m" in words[:-1] else ""


def _last(output: str) -> str:
    return next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")


def _because(what: str, line: str) -> str:
    return f"{what}: {line[:LINE_LIMIT]}" if line else what


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (what, re.compile("|".join((*_words_of(numbers), *patterns)), re.I)) for what, numbers, patterns in _KINDS
    )


def _words_of(numbers: Iterable[int]) -> list[str]:
    """Return how the system and programs name these errors: in words, and by their symbol."""
    found = []
    for number in numbers:
        found += [rf"\b{re.escape(os.strerror(number))}\b", rf"\b{errno.errorcode[number]}\b"]
    return found
