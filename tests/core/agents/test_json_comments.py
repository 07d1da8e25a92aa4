"""Settings with comments: read as what they say, and changed with every comment in its place."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.agents.json_comments import changed, read

COMMENTED = """\
// for everybody
{
  "theme": "dark", // not light
  /* "model": "old", */
  "hooks": {
    // ours stand at the end
    "AfterTool": [
      {"matcher": "a//b", "hooks": [{"command": "x /* y */"}]}, // the first
    ],
  },
  "url": "http://127.0.0.1/", // no comment begins in a text
}
"""


def strict(text: str) -> Any:
    """Read a text whose comments are taken out and that has no comma too many."""
    pattern = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
    return json.loads(pattern.sub(lambda found: found[1] or " ", text))


def test_comments_and_trailing_commas_are_passed_over() -> None:
    found: Any = read(COMMENTED)
    assert found["theme"] == "dark" and found["url"] == "http://127.0.0.1/"
    assert found["hooks"]["AfterTool"][0] == {"matcher": "a//b", "hooks": [{"command": "x /* y */"}]}


def test_a_change_keeps_every_comment() -> None:
    value: Any = read(COMMENTED)
    value["hooks"]["AfterTool"].append({"matcher": "ours"})
    value["hooks"]["BeforeTool"] = [1]
    after = changed(COMMENTED, value)
    assert read(after) == value
    for line in (1, 3, 4, 6, 7, 10):
        comment = COMMENTED.splitlines()[line - 1].rpartition("  ")[2].strip() if line != 7 else "}]}, // the first\n"
        assert comment in after
    assert changed(after, read(after)) == after
    back: Any = read(after)
    del back["hooks"]["BeforeTool"]
    back["hooks"]["AfterTool"].pop()
    assert read(changed(after, back)) == read(COMMENTED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1",
        '{"a" 1}',
        '{"a": 1 "b": 2}',
        "{} {}",
        '{"a": 1, "a": 2}',
        "{1: 2}",
        "nope",
        "[" * 5000,
        "{,}",
        "[,]",
    ],
)
def test_what_is_no_such_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text('ab/*,:"\\é', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_items_put_before_another_keep_their_order() -> None:
    assert read(changed("[9]", [1, [2], 3, 9])) == [1, [2], 3, 9]
    assert read(changed("[null]", [False, [], None])) == [False, [], None]


def test_a_truth_is_no_number() -> None:
    assert json.dumps(read(changed('{"a": [true], "b": 1}', {"a": [1], "b": True}))) == '{"a": [1], "b": true}'


@given(VALUES, VALUES, st.sampled_from([None, 2]))
def test_any_value_becomes_any_other_without_a_comma_too_many(before: Any, after: Any, indent: int | None) -> None:
    text = json.dumps(before, indent=indent, ensure_ascii=False)
    done = changed(text, after)
    assert read(done) == after
    assert strict(done) == after
