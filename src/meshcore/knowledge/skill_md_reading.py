"""Fixes read out of other people's `SKILL.md`: only what says clearly "this error, this command".

A section between two headings counts where it has one error and one command: two fenced blocks (or two labels with
inline code), the error's called an error, the command's called a fix and marked as shell. Everything else is left
out and named. Nothing here is believed: what is found becomes an unconfirmed skill.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from meshcore.errors import BadSkillError
from meshcore.home import read_plain_file
from meshcore.knowledge.error_line import VAGUE
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.learning import learn
from meshcore.knowledge.signature import read
from meshcore.knowledge.skill_md import FILE, MAX_BYTES, MORE, TEXT_LIMIT
from meshcore.model import Skill
from meshcore.safety.redaction import redact
from meshcore.safety.visible_text import visible

MAX_FILES = 1000
MAX_DEPTH = 4  # folders below the one that was named
_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})[ \t]*([\w+.-]{0,30})[^`]*")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+\S")
_INLINE = re.compile(r"[-*\s]{0,8}\**([A-Za-z ]{3,40}):?\**:?\s{0,4}(`{1,8})([^`]+)\2[.\s]{0,4}")
_ERROR_WORDS = re.compile(r"\b(?:errors?|symptoms?|fails with|traceback|you see)\b", re.I)
_FIX_WORDS = re.compile(r"\b(?:fix|fixes|solution|resolution|remedy|workaround)\b", re.I)
_COMMAND_WORDS = re.compile(r"\b(?:failed|failing) command\b", re.I)
_TROUBLE = re.compile(r"\b(?:errors?|fatal|fail(?:ed|ure|s)?|not found|cannot|can't|denied|unable|no such)\b", re.I)
_SHELLS = frozenset({"sh", "bash", "shell", "zsh", "console", "shell-session"})
_TEXTS = frozenset({"", "text", "txt", "log", "console", "error", "output", "traceback", "pytb", "plaintext"})
_LABEL_LIMIT = 120  # characters: a longer line is prose that happens to use the word


@dataclass(frozen=True, slots=True)
class Found:
    """The skills that files teach, and what was left out: place and reason, one line each."""

    skills: tuple[Skill, ...] = ()
    left_out: tuple[str, ...] = ()
    files: int = 0


@dataclass(frozen=True, slots=True)
class _Block:
    """A piece of code with the words before it: `role` is error, fix, command, or "" for none of them."""

    line: int
    role: str
    text: str


def read_skill_files(path: Path) -> Found:
    """Return what a SKILL.md, or all of them below a folder, teach; links are not followed. Raises OSError."""
    skills: dict[str, Skill] = {}
    left_out: list[str] = []
    files = 0
    for file in _files(path):
        try:
            text = read_plain_file(file, MAX_BYTES).decode("utf-8", "replace")
        except OSError as error:
            if file == path:
                raise
            left_out.append(f"{file}: cannot be read ({error.strerror})")
            continue
        files += 1
        found = read_skill_md(text, str(file))
        skills |= {skill.skill_id: skill for skill in found.skills}
        left_out += found.left_out
    return Found(tuple(skills.values()), tuple(left_out), files)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    waiting, number = [(path, 0)], 0
    while waiting:
        folder, depth = waiting.pop()
        for name in (FILE, MORE):
            if (folder / name).is_file() and not (folder / name).is_symlink() and number < MAX_FILES:
                number += 1
                yield folder / name
        if depth < MAX_DEPTH:
            below = sorted((f for f in folder.iterdir() if f.is_dir() and not f.is_symlink()), reverse=True)
            waiting += [(inner, depth + 1) for inner in below]


def read_skill_md(text: str, place: str = FILE) -> Found:
    """Return the skills that one text teaches; never raises for what it holds."""
    skills: list[Skill] = []
    left_out: list[str] = []
    for section in _sections(text):
        errors = [block for block in section if block.role == "error"]
        fixes = [block for block in section if block.role == "fix"]
        commands = [block.text for block in section if block.role == "command"]
        if not errors or not fixes:
            continue
        where = f"{place}:{errors[0].line}"
        if len(errors) > 1 or len(fixes) > 1 or len(commands) > 1:
            left_out.append(f"{where}: {len(errors)} errors and {len(fixes)} fixes in one section: not clear")
            continue
        try:
            skills.append(_skill(errors[0].text, fixes[0].text, "".join(commands), place))
        except BadSkillError as error:
            left_out.append(f"{where}: {error}")
    return Found(tuple(skills), tuple(left_out), 1)


def _skill(error: str, fix: str, command: str, place: str) -> Skill:
    if max(len(error), len(fix), len(command)) > TEXT_LIMIT:
        raise BadSkillError(f"more than {TEXT_LIMIT} characters")
    if visible(fix) != fix:
        raise BadSkillError("the command holds control characters")
    if redact(fix) != fix:
        raise BadSkillError("the command holds a secret")
    signature = read(visible(redact(error)), command=visible(redact(command)))
    if signature.error_type.casefold() in VAGUE and not _TROUBLE.search(error):
        raise BadSkillError("the error text names no error")
    action = parse_fix(_without_prompt(fix))
    if action.kind != "argv":
        raise BadSkillError("the fix is no plain command")
    if any(step[:2] == ("sh", "-c") for step in action.steps):
        raise BadSkillError("the fix needs a shell")
    context = f"from {visible(Path(place).parent.name or place, limit=80, keep_newlines=False)}/{Path(place).name}"
    return learn(signature, action, context=context, command=visible(redact(command)))


def _without_prompt(text: str) -> str:
    """Return commands without prompts, comments and empty lines."""
    lines = (line.strip().removeprefix("$ ") for line in text.split("\n"))
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def _sections(text: str) -> Iterator[list[_Block]]:
    """Yield the blocks of each section: what stands between two headings."""
    lines = text.replace("\r\n", "\n").split("\n")
    at = _after_front_matter(lines)
    blocks: list[_Block] = []
    label = ""
    while at < len(lines):
        line = lines[at]
        at += 1
        if fence := _FENCE.fullmatch(line):
            start = at
            while at < len(lines) and not _closes(lines[at], fence[1]):
                at += 1
            if at < len(lines):  # an open fence is no block: what follows it may be anything
                blocks.append(_Block(start, _role(label, fence[2].casefold()), "\n".join(lines[start:at]).strip()))
            at, label = at + 1, ""
        elif inline := _INLINE.fullmatch(line[: 2 * TEXT_LIMIT]):
            blocks.append(_Block(at, _role(inline[1], None), inline[3].strip()))
            label = ""
        elif _HEADING.match(line):
            yield blocks
            blocks, label = [], line
        elif line.strip():
            label = line
    yield blocks


def _after_front_matter(lines: list[str]) -> int:
    if lines[0].rstrip() != "---":
        return 0
    return next((i + 1 for i, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), 0)


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(fence) and set(stripped) == {fence[0]}


def _role(label: str, language: str | None) -> str:
    """Return what a block is by the line before it and its language; `None`: inline code, its label decides."""
    if len(label) > _LABEL_LIMIT:
        return ""
    if _COMMAND_WORDS.search(label):
        return "command"
    error, fix = bool(_ERROR_WORDS.search(label)), bool(_FIX_WORDS.search(label))
    if language is None:
        return "" if error == fix else ("error" if error else "fix")
    if fix and language in _SHELLS:
        return "fix"
    return "error" if error and not fix and language in _TEXTS else ""
