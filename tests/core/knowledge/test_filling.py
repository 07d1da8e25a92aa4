"""What a fix takes from an error: of one that another node told, as far as its line says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshcore.knowledge.filling import fix_of, slots_told
from meshcore.knowledge.signature import read
from meshcore.model import Action, Signature, Skill

ERRORS = (
    "FileNotFoundError: [Errno 2] No such file or directory: 'build/reports/x.txt'",
    "ModuleNotFoundError: No module named 'celery'",
    "mkdir: cannot create directory 'a/b': No such file or directory",
)
FIXES = ("touch build/reports/x.txt", "touch celery", "touch a/b")


def told(text: str) -> Signature:
    """Return what another node tells of an error: its line, its type and its template."""
    known = read(text)
    return Signature(0, known.error_type, known.template, (), known.line)


def touch(text: str) -> Skill:
    known = read(text)
    return Skill(1, known.error_type, known.template, (), Action("argv", (("touch", "{0}"),)), known.line, known.slots)


@pytest.mark.parametrize(("text", "fix"), zip(ERRORS, FIXES, strict=True))
def test_what_another_node_told_is_filled_in_from_its_line(text: str, fix: str) -> None:
    assert fix_of(touch(text), told(text)) == fix


@pytest.mark.parametrize("text", ERRORS)
def test_what_its_line_does_not_say_is_left_open_and_never_the_examples(text: str) -> None:
    for other in replace(told(text), line=""), replace(told(text), template="read by other rules"):
        assert slots_told(other.error_type, other.template, other.line) == ()
        assert fix_of(touch(text), other) == "touch …"
