"""JSON from outside is read strictly or refused with the reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.errors import BadRecordError
from meshcore.safety.strict_json import loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_writes_is_read_back(value: object) -> None:
    assert loads(json.dumps(value)) == value
    assert loads(json.dumps(value, ensure_ascii=False).encode("utf-8")) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "NaN"),
        ('{"a": Infinity}', "Infinity"),
        ("[-Infinity]", "-Infinity"),
        ("1e999", "too large"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": {"b": 1, "\\u0062": 2}}', "twice"),
        ("[" * 65 + "]" * 65, "deeper than 64"),
        ("[" * 100_000, "deeper"),
        ('{"a":' * 100_000, "deeper"),
        ('"\\ud800"', "surrogate"),
        ('{"\\udc00": 1}', "surrogate"),
        ("1" * 5000, "digits"),
        ('{"a": 1', "line 1"),
        ("", "line 1"),
        ("{} x", "line 1"),
        ('"a\nb"', "line 1"),
        ("'a'", "line 1"),
        (b"\xff\xfe", "UTF-8"),
        ("[" + "1," * 600_000 + "1]", "bytes"),
    ],
)
def test_what_is_refused_says_why(text: str | bytes, reason: str) -> None:
    with pytest.raises(BadRecordError) as caught:
        loads(text)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_brackets_inside_a_text_are_no_nesting() -> None:
    assert loads('"' + "[" * 1000 + '\\"]"') == "[" * 1000 + '"]'


def test_limits_are_the_callers() -> None:
    assert loads("[[1]]", max_depth=2) == [[1]]
    with pytest.raises(BadRecordError):
        loads("[[1]]", max_depth=1)
    with pytest.raises(BadRecordError):
        loads('"äöü"', max_bytes=5)


def test_something_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadRecordError):
        loads(None)  # type: ignore[arg-type]


@given(st.text(alphabet='[]{}",:\\u0019aeE.-+ \n', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        value = loads(text)
    except BadRecordError:
        return
    assert json.loads(text) == value


@pytest.mark.parametrize("unit", ['"', '\\"', '"\\', "[]", '"a', "\\"])
def test_hostile_repetition_is_refused_in_linear_work(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    with pytest.raises(BadRecordError):
        loads(text)
