"""What task runners, containers and logs of CI put around the output of what they run, and where they quote it."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence


@functools.cache
def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_TAG = r"\[(?!(?i:error|warn|warning|info|debug|fatal|alert|notice|critical)\])[\w:./@-]{1,40}\] ?"
_TIME = r"(?:[^\t\n]{1,80}\t[^\t\n]{1,80}\t)?\d{4}-\d\d-\d\dT[\d:.]{8,20}Z ?"
_FRAME = r"#\d{1,4} {1,3}(?:0x[0-9a-f]{4,16} in |\S{1,200}\(\d{1,7}\): |\{main\})"
_STEP = rf"(?!{_FRAME})#\d{{1,4}}(?: \d{{1,5}}\.\d{{1,3}})? |\d{{1,5}}\.\d{{2,3}} "
_COLUMN = r"[A-Za-z][\w.-]{0,40}\s{0,20}\| ?|│ (?=[A-Z]\w{1,20}: )"
# One word before a colon is the name of a program, but where it stands before nothing or what is set in too.
_REPORTS = r"^(?:/|e  )|\d:$|error|exception|fatal|warn|\b(?:err|fail|alert|critical|panic|(?:note|help|hint)\b)"
_LOGS = r"\b(?:info|notice|debug)\]?(?::| -)?$"
_ALIKE = str.maketrans("123456789", "0" * 9)
_ENDED_SO = r".{0,200}\bexit(?:ed with)?(?: status| code):? \d{1,3}(?:\. \w{1,12})?: (?=\S)"
_ECHO = r"\$ \S|> \S{1,100}@\S{1,100} \S"


def unwrap(lines: Sequence[str], *, logged: bool = False) -> list[str]:
    """Return the lines without what task runners, containers and logs of CI put in front of each.

    `logged`: a command is known to have failed whose output may stand in a log as information.
    """
    wrapped = _re(f"{_TAG}|{_TIME}|{_STEP}|{_COLUMN}")
    plain = []
    for line in lines:
        if line[:1] in "[#│0123456789" or "|" in line[:44] or "\t" in line[:160]:
            found = wrapped.match(line)
            if found and found.end() < len(line):
                line = line[found.end() :]
        plain.append(line)
    return _without_speakers(plain, logged=logged)


def _without_speakers(lines: list[str], *, logged: bool) -> list[str]:
    """Return lines without what more than two of them start with, but for its digits: the name of who relays them."""
    marked = [at for at, line in enumerate(lines) if ": " in line or line[-1:] == ":" or "] " in line or logged]
    if len(marked) < 3:
        return lines
    often = {start for start, count in Counter([lines[at][:6] for at in marked]).items() if count > 2 and start.strip()}
    if not often:
        return lines
    ends = _re(r"[:\]](?: |$)| - " if logged else r"[:\]](?: |$)")
    heads = {at: lines[at][:100].translate(_ALIKE) for at in marked if lines[at][:6] in often}
    starts = {at: [head[: found.end()] for found in ends.finditer(head)] for at, head in heads.items()}
    counts = Counter(start.rstrip() for at, found in starts.items() for start in found if start != heads[at])
    often = {name for name, count in counts.items() if count > 2}
    if not often:
        return lines
    tails = heads.values()
    set_in = {head.partition(":  ")[0].rstrip(":") + ":" for head in tails if ":  " in head or head[-1:] == ":"}
    names = {
        name
        for name in often
        if (name in set_in or not _re(r"\s*[^\s:/]*[:\]]?").fullmatch(name))
        and not _re(_REPORTS).search(name.lower())
        and (logged or not _re(_LOGS).search(name.lower()))
    }
    plain = list(lines)
    for at, found in starts.items():
        plain[at] = lines[at][max((len(start) for start in found if start.rstrip() in names), default=0) :]
    return plain


def relayed(text: str) -> list[str]:
    """Return the lines of standard error that a wrapper relays as a string of JSON; empty where none does."""
    if '"stderr": "' not in text:
        return []
    found = _re(r'"stderr": ("(?:[^"\\\n]|\\.){2,20000}")').findall(text)
    try:
        return str(json.loads(found[-1])).split("\n") if found else []
    except ValueError:
        return []


def quoted(lines: Sequence[str]) -> list[str]:
    """Return what a wrapper quotes of what it wraps, below a mark of its own or behind an exit status; else nothing."""
    mark = _re(r"[\s╰─>]{0,12}(?:\[(?:\d{1,6} lines of output|stdout|stderr)\]|--- stderr|(?:stderr|output):)$")
    at = (n for n in range(len(lines) - 1, -1, -1) if lines[n].endswith(("]", "stderr", ":")))
    start = next((n + 1 for n in at if mark.match(lines[n])), None)
    if start is None:
        behind = (found for line in lines if "exit" in line and (found := _re(_ENDED_SO).match(line)))
        return [found.string[found.end() :] for found in behind][-1:]
    margin = next((len(line) - len(line.lstrip()) for line in lines[start:] if line.strip()), 0)
    end = next((n for n in range(start, len(lines)) if lines[n].strip() and lines[n][:margin].strip()), len(lines))
    return [line[margin:] for line in lines[start:end]]


def sections(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Return the stretches of lines below each command that a task runner echoes, the last one first."""
    echo = _re(_ECHO)
    end = len(lines)
    for at in range(len(lines) - 1, 0, -1):
        if lines[at][:1] in "$>" and echo.match(lines[at]):
            yield at, end
            end = at
    yield 0, end
