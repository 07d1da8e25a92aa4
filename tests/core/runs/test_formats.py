"""Date-times and URIs, at the edges of their forms."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.runs.formats import is_date_time, is_uri

FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")


@pytest.mark.parametrize(
    "text",
    [
        "2025-10-13T16:05:32Z",
        "2025-10-13t16:05:32.123456789z",
        "2025-10-13 16:05:32+05:30",
        "2025-10-13T16:05:32+0530",
        "2025-10-13T16:05:32-05",
        "2024-02-29T00:00:00Z",
        "2016-12-31T23:59:60Z",
        "2016-12-31T23:59:60.9Z",
        "2017-01-01T00:59:60+01:00",
        "2016-12-31T15:59:60-08:00",
        "0000-01-01T00:00:00Z",
    ],
)
def test_a_date_time_is_one(text: str) -> None:
    assert is_date_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025-10-13",
        "2025-10-13T16:05:32",
        "2025-10-13T16:05Z",
        "2025-10-13T16:05:32.Z",
        "2025-10-13T24:00:00Z",
        "2025-10-13T16:60:00Z",
        "2025-10-13T16:05:60Z",
        "2016-12-31T22:59:60Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-10-13T16:05:32+24:00",
        "2025-10-13T16:05:32+05:60",
        "2025-10-13T16:05:32Z\n",
        " 2025-10-13T16:05:32Z",
        "2025-10-13  16:05:32Z",
        "٢025-10-13T16:05:32Z",
        "20251013T160532Z",
    ],
)
def test_another_text_is_no_date_time(text: str) -> None:
    assert not is_date_time(text)


@given(
    st.datetimes(min_value=FIRST, max_value=LAST),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_what_datetime_writes_is_a_date_time(moment: datetime, offset: int) -> None:
    assert is_date_time(moment.replace(tzinfo=timezone(timedelta(minutes=offset))).isoformat())


@given(st.integers(1, 9999), st.integers(0, 99), st.integers(0, 99))
def test_the_calendar_is_that_of_datetime(year: int, month: int, day: int) -> None:
    try:
        date(year, month, day)
        exists = True
    except ValueError:
        exists = False
    assert is_date_time(f"{year:04}-{month:02}-{day:02}T00:00:00Z") == exists


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org",
        "HTTP://u:p@h:80/p;x/%41?q=/?#f/?",
        "gs://bucket/a b".replace(" ", "%20"),
        "file:///c:/x",
        "mailto:a@b",
        "urn:isbn:1",
        "x:y",
        "x:/",
        "x://",
        "x:///",
        "h+.-1:z",
        "http://[::1]/",
        "http://[1:2:3:4:5:6:7:8]:80",
        "http://[::ffff:1.2.3.4]",
        "http://[1:2:3:4:5:6:7::]",
        "http://[v1.a:b]",
        "http://h:/",
        "x:a//b",
        "http://h:8a/",  # an empty host and a path, for the old validator
        "http://u@v@h/",
    ],
)
def test_a_uri_is_one(text: str) -> None:
    assert is_uri(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "/x",
        "//x",
        "1x:y",
        "x:",
        "mailto:",
        "x:?q",
        "x:#f",
        "http://h/a b",
        "http://h/%4",
        "http://h/%zz",
        "http://h/<a>",
        'http://h/"a"',
        "http://h/a|b",
        "http://h/\\",
        "http://h/#a#b",
        "http://[::1",
        "http://[1::2::3]",
        "http://[1:2:3]",
        "http://[1:2:3:4:5:6:7:8:9]",
        "http://[::1.2.3.256]",
        "http://[1.2.3.4::]",
        "http://[12345::]",
        "http://[v1.]",
        "http://[::1]x",
        "http://ü/",
        "http://h/ü",
        "ſ:x",
        "x:a\n",
        "x:[a]",
    ],
)
def test_another_text_is_no_uri(text: str) -> None:
    assert not is_uri(text)


@given(st.lists(st.sampled_from(["x:", "//", "a", "@", ":", "[", "]", "%41", "/", "?", "#"]), max_size=400))
def test_any_text_is_judged_at_once(parts: list[str]) -> None:
    assert is_uri("".join(parts)) in (True, False)
