"""Texts that nobody should have to read: none raises, and none teaches what would match everything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcore.errors import BadSkillError
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.learning import learn
from meshcore.knowledge.matching import match
from meshcore.knowledge.signature import around, read
from meshcore.knowledge.text import HEAD, TAIL, tidy
from meshcore.model import Action, KnownSkill
from meshcore.testing import MemoryIndex

ERROR = "ModuleNotFoundError: No module named 'flask'"
TRACEBACK = (
    f'Traceback (most recent call last):\n  File "/srv/é/a.py", line 3, in <module>\n    import flask\n{ERROR}\n'
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t\n",
        "\0\1\2\3",
        "".join(map(chr, range(256))) * 20,
        b"\xff\xfe\x80abc\xc3".decode("latin-1"),
        b"\xff\xfe caf\xe9".decode("utf-8", "surrogateescape"),
        "\u202egnp.exe\u202c\u2066",
        "x" * 1_000_000,
        "'" * 50_000,
        "/" * 50_000,
        "\x1b[" * 20_000,
        "\x1b]" * 20_000,
        "a.b." * 20_000,
        "1." * 40_000,
    ],
    ids=lambda text: f"{text[:6]!r}x{len(text)}",
)
def test_no_text_is_too_odd_to_read(text: str) -> None:
    signature = read(text, command=text[:5000], error_type=text[:100])
    assert len(signature.template) <= 700
    assert all(c.isprintable() or not c.isascii() for c in signature.line)


def test_the_end_of_a_text_of_ten_megabytes_is_read() -> None:
    assert read("progress 1%\n" * 900_000 + TRACEBACK).line == ERROR
    assert len(tidy("x" * 10_000_000)) <= HEAD + TAIL + 1


def test_the_end_of_a_hundred_thousand_lines_is_read() -> None:
    assert read("ok line\n" * 100_000 + "E: Unable to locate package x").line == "E: Unable to locate package x"


@pytest.mark.parametrize("cut", range(len(TRACEBACK.encode()) + 1))
def test_a_traceback_cut_at_any_byte_is_read(cut: int) -> None:
    data = TRACEBACK.encode()
    for part in (data[:cut], data[cut:]):
        text = part.decode("utf-8", "replace")
        signature = read(text)
        if ERROR in text:
            assert signature.slots[0].value == "flask"


@pytest.mark.parametrize("mixed", ["caf\xe9".encode("latin-1"), "日本語".encode("shift-jis"), "x".encode("utf-16")])
def test_mixed_encodings_do_not_hide_the_error(mixed: bytes) -> None:
    text = mixed.decode("utf-8", "surrogateescape") + "\n" + TRACEBACK
    assert read(text).slots[0].value == "flask"


def test_right_to_left_text_keeps_its_letters_and_loses_its_overrides() -> None:
    signature = read("שגיאה: error: הקובץ \u202e'x.txt'\u202c not found")
    assert "הקובץ" in signature.line
    assert "\u202e" not in signature.line


@pytest.mark.parametrize(
    "pattern", ["", "   ", ".*", "\\b", "[a", "()", "^$", "(.*a){25}", "12345", "…", "\x1b[31m\x1b[0m"]
)
def test_a_pattern_that_is_empty_or_matches_everything_is_refused(pattern: str) -> None:
    with pytest.raises(BadSkillError, match="pattern"):
        learn(read(pattern), parse_fix("pip install x"))


@pytest.mark.parametrize(
    "fix", [Action("advice", (), " "), Action("argv"), Action("argv", ((),)), Action("argv", (("",),))]
)
def test_a_fix_that_does_nothing_is_refused(fix: Action) -> None:
    with pytest.raises(BadSkillError, match="fix"):
        learn(read(ERROR), fix)


def test_ten_thousand_near_identical_skills_do_not_answer_for_each_other() -> None:
    index = MemoryIndex()
    for i in range(10_000):
        index.add(
            KnownSkill(
                learn(read(f"ModuleNotFoundError: No module named 'mod_{i}'"), parse_fix(f"pip install mod-{i}"))
            )
        )
    found = match(read("ModuleNotFoundError: No module named 'mod_777'"), index)
    assert found is not None
    assert found.action.command() == "pip install mod-777"
    assert match(read("ModuleNotFoundError: No module named 'mod_x'"), index) is None


@given(st.text("'\"`/\\.:;-_<>{}()[]=@ \n\t\r\x1b0aAéE", max_size=300), st.text("'\"`$;|&<>{}~#* \nab-", max_size=60))
@settings(max_examples=150, deadline=None)
def test_learning_from_any_text_gives_a_skill_that_answers_it_or_a_reason(text: str, fix: str) -> None:
    signature = read(text, command="tool run a.txt")
    action = parse_fix(fix)
    try:
        skill = learn(signature, action, command="tool run a.txt")
    except BadSkillError as error:
        assert "\n" not in str(error)
        return
    assert all(key.index <= around(signature.template).base for key in skill.key_slots)
    index = MemoryIndex()
    index.add(KnownSkill(skill))
    found = match(signature, index)
    assert found is None or found.action == action
