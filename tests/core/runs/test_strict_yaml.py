"""YAML 1.2, read safely: values, refusals, and layouts that a parser of YAML 1.1 sees otherwise."""

from __future__ import annotations

import json
from math import inf, isnan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.runs.reading import ReadError
from meshcore.runs.strict_yaml import MAX_ALIASES, parse_yaml, resolve


def value(text: str) -> Any:
    return parse_yaml(text.encode()).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("2025-10-13", "2025-10-13"),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("+12", 12),
        ("1.", 1.0),
        ("-.5e3", -500.0),
        (".", "."),
        ("-", "-"),
        ("1e", "1e"),
        ("-.INF", -inf),
        (".inf", inf),
        ("٣", "٣"),
        ("1" * 5000, inf),
    ],
)
def test_a_plain_scalar_means_what_the_core_schema_says(text: str, expected: object) -> None:
    assert resolve(text) == expected
    assert type(resolve(text)) is type(expected)


def test_nan_is_a_number() -> None:
    assert isnan(resolve(".nan"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(alphabet="ab:# -[]{}'\"\\é"),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet="abc", max_size=3), inner),
    )
)
def test_json_is_yaml(expected: Any) -> None:
    assert value(json.dumps(expected)) == expected


def test_a_document_is_read_as_it_is_written() -> None:
    text = 'a: &x [1, two, "3", !!str 4]\nb: *x\n1: ~\n? [complex]\n: |\n  block\n<<: {merged: no}\n'
    assert value(text) == {
        "a": [1, "two", "3", "4"],
        "b": [1, "two", "3", "4"],
        "1": None,
        "[…]": "block\n",
        "<<": {"merged": "no"},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2", "the key 'a' twice in one mapping at line 2, column 1"),
        ("x: {1: a, 1.0: b}", "twice"),
        ("x: {true: a, True: b}", "twice"),
        ("? ~\n: a\n? null\n: b", "twice"),
        ("a: !!python/object:os.system x", "the tag tag:yaml.org,2002:python/object:os.system is not allowed"),
        ("!!python/object/apply:os.system [ls]", "is not allowed"),
        ("a: !local x", "the tag !local is not allowed"),
        ("a: !!binary eA==", "is not allowed"),
        ("a: &a [*a]", r"the alias \*a stands inside its own anchor"),
        ("&a {b: {c: *a}}", "stands inside its own anchor"),
        ("a: *b", "has no anchor"),
        ("a: 1\n---\nb: 2", "a second document begins"),
        ("a: [1", "no YAML: .* at line 2, column 1"),
        ("a: b: c", "no YAML"),
        ("\ta: 1", "no YAML"),
        pytest.param("[" * 100_000, "nested deeper than 400 levels", id="brackets"),
        pytest.param("- " * 100_000, "nested deeper than 400 levels", id="dashes"),
        ("&a: 1", "':' in the name of an anchor"),
        ('a: "x"# comment', "no space before a comment"),
        ("a: [x]# comment", "no space before a comment"),
        ('a: "x\ny"', "not indented enough at line 2"),
        ("a:\n  b: [1,\n  2]", "not indented enough at line 3"),
    ],
)
def test_what_is_not_plain_and_whole_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ReadError, match=words):
        value(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"1": a, true: b, "true": c}', {"1": "a", "true": "c"}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ('a: "x\n  y"', {"a": "x y"}),
        ("a: [1,\n  2\n]", {"a": [1, 2]}),
        ("a:\n- b:\n    [1,\n     # low\n     2]", {"a": [{"b": [1, 2]}]}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
        ("&a a: &b b\nc: *b", {"a": "b", "c": "b"}),
        ("x: &a 1\ny: &a 2\nz: *a", {"x": 1, "y": 2, "z": 2}),
    ],
)
def test_what_is_allowed_is_read(text: str, expected: Any) -> None:
    assert value(text) == expected


def test_line_breaks_that_yaml_1_2_does_not_know_are_characters() -> None:
    read = parse_yaml("a: x\u2028b\u0085c\rd\x07".encode())
    assert read.value == {"a": "x\ufffdb\ufffdc\ufffdd\ufffd"}
    assert len(read.warnings) == 1


def test_aliases_are_counted_through_aliases() -> None:
    many = "a: &a 1\nb: [" + ", ".join(["*a"] * (MAX_ALIASES - 1))
    assert len(value(many + "]")["b"]) == MAX_ALIASES - 1
    with pytest.raises(ReadError, match="more than 100 aliases"):
        value(many + ", *a]")
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for one, other in ("ab", "bc", "cd", "de"):
        bomb += f"{other}: &{other} [{', '.join(['*' + one] * 9)}]\n"
    with pytest.raises(ReadError, match="more than 100 aliases"):
        value(bomb)


def test_what_an_alias_repeats_is_shared_not_copied() -> None:
    found = value("a: &a [1]\nb: *a")
    assert found["a"] is found["b"]


@given(st.binary() | st.text(alphabet="ab:-?&*!|>'\"[]{},#%@ \n\t").map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_yaml(data)
    except ReadError as error:
        assert "\n" not in str(error)
