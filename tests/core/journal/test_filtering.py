"""The filter language: what it lets through, what it marks, and how it says that it cannot be read."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.journal import filtering
from meshcore.journal.filtering import FilterError, parse_filter

LINE = json.dumps(
    {
        "seq": 12,
        "kind": "try.outcome",
        "agent": "claude-code@dev1",
        "ok": True,
        "gone": None,
        "tests": [{"status": "passed", "code": 0}, {"status": "failed", "code": 1}],
        "skills_snapshot": {"stats": {"auto_resolved": 1}},
        "what": 'No module named "django"',
        "folder": "/srv/été",
    }
)


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("", True),
        ("  ", True),
        ("DJANGO", True),
        ("django module", True),
        ("django flask", False),
        ('"named \\"django"', True),
        ("'No module'", True),
        ('"module  named"', False),
        ("!flask", True),
        ("!django", False),
        ("kind:try.outcome", True),
        ("kind:OUTCOME", True),
        ("kind:incident", False),
        ("!kind:incident", True),
        ("seq:12", True),
        ("seq:1", False),
        ("ok:true", True),
        ("gone:null", True),
        ("agent:dev1", True),
        ("status:failed", True),
        ("tests.status:failed", True),
        ("tests.code:1", True),
        ("tests.code:2", False),
        ("auto_resolved:1", True),
        ("skills_snapshot.stats.auto_resolved:1", True),
        ("stats.auto_resolved:1", False),
        ("nothing:1", False),
        ("!nothing:1", True),
        ('what:"named \\"django"', True),
        ("été", True),
        ("folder:ÉTÉ", True),
        ("/named .{1,3}django/", True),
        ("/^named/", False),
        ("!/^named/", True),
        ("kind:/^try\\.(outcome|intent)$/", True),
        ("kind:/^outcome/", False),
        ("seq:/^1\\d$/", True),
        ("/a\\/b/", False),
        ("/\\/srv\\//", True),
        ("http://example.org", False),
        ("12:30", False),
    ],
)
def test_a_filter_lets_through_what_it_says(source: str, seen: bool) -> None:
    wanted = parse_filter(source)
    assert wanted.matches(LINE) is seen
    assert bool(wanted) is bool(source.strip())
    if seen:
        assert wanted.may_match(f"other\n{LINE}\nother".encode())


@pytest.mark.parametrize("text", ["plain text, no JSON", "[1, 2]", '{"cut": ', "", "null", "{" * 5000])
def test_a_line_that_is_no_object_has_words_but_no_fields(text: str) -> None:
    assert parse_filter("plain").matches(text) is ("plain" in text)
    assert not parse_filter("kind:try").matches(text)
    assert parse_filter("!kind:try").matches(text)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("kind: try", "nothing after 'kind:' at character 1"),
        ("a !", "nothing after '!' at character 3"),
        ('say "this', 'the quote at character 5 has no closing "'),
        ('""', "the quote at character 1 is empty"),
        ("/[a/", "the expression at character 1 cannot be read"),
        ("x /a", "the expression at character 3 has no closing /"),
        ("//", "the expression at character 1 is empty"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(source: str, said: str) -> None:
    with pytest.raises(FilterError) as error:
        parse_filter(source)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_field_without_a_value_is_a_word_until_the_value_is_typed() -> None:
    assert parse_filter("kind:").matches("kind: is here")


def test_an_expression_that_takes_too_long_is_given_up_and_said() -> None:
    wanted = parse_filter("/(.*a){20}$/")
    text = "a" * 5000 + "x"
    for _ in range(filtering.SLOW_LINES - 1):
        assert not wanted.matches(text)
    with pytest.raises(FilterError, match="simplify"):
        wanted.matches(text)


def test_spans_mark_what_was_asked_for_in_order_and_without_overlaps() -> None:
    text = "Error: no module, no Module named x"
    assert parse_filter("module no").spans(text) == [(7, 9), (10, 16), (18, 20), (21, 27)]
    assert parse_filter("mod /module?/ !error").spans(text) == [(10, 16), (21, 27)]
    assert parse_filter("kind:named").spans(text) == [(28, 33)]
    assert parse_filter("/x*/").spans(text) == [(34, 35)]
    assert parse_filter("").spans(text) == []


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_a_filter_or_an_error_of_one_line(source: str, line: str) -> None:
    try:
        wanted = parse_filter(source)
    except FilterError as error:
        assert "\n" not in str(error).replace(source, "")
        return
    if wanted.matches(line):
        assert wanted.may_match(line.encode("utf-8", "replace"))
    spans = wanted.spans(line)
    assert all(0 <= start < end <= len(line) for start, end in spans)
    assert all(one[1] < two[0] for one, two in pairwise(spans))


@given(word=st.text(alphabet='abcé"\\\n/', min_size=1, max_size=4), text=st.text(alphabet='abcé"\\\n/', max_size=20))
def test_a_quoted_word_is_found_in_a_record_exactly_where_its_text_holds_it(word: str, text: str) -> None:
    if word.endswith("\\") or '\\"' in word:
        return  # `\"` is how a quote is written inside quotes
    wanted = parse_filter('what:"' + word.replace('"', '\\"') + '"')
    assert wanted.matches(json.dumps({"what": text})) is (word in text)
    assert wanted.matches(json.dumps({"what": text}, ensure_ascii=False)) is (word in text)
