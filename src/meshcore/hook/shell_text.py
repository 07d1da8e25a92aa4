"""The text that an agent gives to its shell, as one plain command in its folder where it is one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from meshcore.policy.plain_words import plain_words

SHELL = ("bash", "-c")
_CD = re.compile(r"cd (?P<folder>[\w./~@+:-]{1,1000}|'[^'\n]{1,1000}'|\"[^\"$`\\\n]{1,1000}\") ?(?:&&|;) ?")
_TRIMMED = re.compile(r"(?: ?2>&1)? ?\| ?(?:tail|head)(?: -n)?(?: ?-?\d{1,6})?$| ?2>&1$")


@dataclass(frozen=True, slots=True)
class Plain:
    """What a shell text comes down to: an argv and the folder in which it runs; else `bash -c` of all of it.

    `piped`: its output went through a pipe, so its exit code says nothing about the command.
    """

    argv: tuple[str, ...]
    cwd: str
    piped: bool = False


def plain_command(command: str, cwd: str, *, succeeded: bool = False) -> Plain:
    """Return what a shell text comes down to.

    Taken off are a leading `cd FOLDER &&` and what only joins the streams. Of a text that `succeeded` also a pipe into
    `tail` or `head`, with which agents shorten an output: of one that failed it is the pipe's end that failed.
    """
    text, folder = command.strip(), cwd
    while found := _CD.match(text):
        inner = os.path.join(folder, os.path.expanduser(found["folder"].strip("'\"")))  # noqa: PTH118, PTH111
        if not os.path.isdir(inner):  # noqa: PTH112  a text with a NUL is no folder, and no error
            break
        text, folder = text[found.end() :].strip(), os.path.normpath(inner)
    trimmed = _TRIMMED.search(text)
    if trimmed and (succeeded or "|" not in trimmed[0]):
        text = text[: trimmed.start()].strip()
    argv = plain_words(text) if "\n" not in text else None
    piped = succeeded and trimmed is not None and "|" in trimmed[0]
    return Plain(argv, folder, piped) if argv else Plain((*SHELL, command), cwd)
