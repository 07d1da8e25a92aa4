"""What the artifacts call a date-time, a URI and a number: exactly what the old validator let through."""

from __future__ import annotations

import re
from math import inf
from typing import Annotated, Any, Final

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# Between date and time stands a T or any one white-space character, as JavaScript counts them.
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"[Tt\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
    r"(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)",
    re.ASCII,
)


def is_date_time(text: str) -> bool:
    """Say whether a text is an RFC 3339 date-time; the offset may also be written +hhmm or +hh."""
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return False
    year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
    offset_hour, offset_minute = int(found[8] or 0), int(found[9] or 0)
    if not (1 <= month <= 12 and 1 <= day <= _days(year, month)) or offset_hour > 23 or offset_minute > 59:
        return False
    if hour <= 23 and minute <= 59 and second < 60:
        return True
    sign = -1 if found[7] == "-" else 1
    return second == 60 and _is_last_minute(hour - sign * offset_hour, minute - sign * offset_minute)


def _days(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _DAYS[month - 1]


def _is_last_minute(hour: int, minute: int) -> bool:
    """Say whether a leap second fits: it is the last minute of a day in UTC."""
    return hour - (minute < 0) in (23, -1) and minute in (59, -1)


_ESCAPE = "%[0-9A-Fa-f]{2}"
_NAME_CHARS = r"\w.~!$&'()*+,;=\-"
_PATH_CHAR = rf"(?:[{_NAME_CHARS}:@]|{_ESCAPE})"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*", re.ASCII)
_TAIL = re.compile(rf"(?:[{_NAME_CHARS}:@/?]|{_ESCAPE})*", re.ASCII)
_PATH = re.compile(rf"(?:/(?!/))?{_PATH_CHAR}(?:/|{_PATH_CHAR})*", re.ASCII)
_AUTHORITY_AND_PATH = re.compile(
    rf"//?(?:(?:[{_NAME_CHARS}:]|{_ESCAPE})*@)?"
    rf"(?:\[([^\]]*)\]|(?:[{_NAME_CHARS}]|{_ESCAPE})*)(?::\d*)?(?:/(?:/|{_PATH_CHAR})*)?",
    re.ASCII,
)
_FUTURE_ADDRESS = re.compile(rf"[Vv][0-9A-Fa-f]+\.[{_NAME_CHARS}:]+", re.ASCII)
_GROUP = re.compile(r"[0-9A-Fa-f]{1,4}")
_BYTE = re.compile(r"25[0-5]|2[0-4]\d|[01]?\d\d?", re.ASCII)


def is_uri(text: str) -> bool:
    """Say whether a text is an absolute URI (RFC 3986) with a path or an authority after its scheme."""
    scheme, colon, rest = text.partition(":")
    rest, _, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    if not (colon and _SCHEME.fullmatch(scheme) and _TAIL.fullmatch(query) and _TAIL.fullmatch(fragment)):
        return False
    if _PATH.fullmatch(rest):
        return True
    found = _AUTHORITY_AND_PATH.fullmatch(rest)
    return found is not None and (found[1] is None or _is_address(found[1]))


def _is_address(text: str) -> bool:
    """Say whether a text is what may stand in brackets: an IPv6 address or one of a future version."""
    if _FUTURE_ADDRESS.fullmatch(text):
        return True
    left, gap, right = text.partition("::")
    if not gap:
        return _groups(text) == 8
    if "." in left or "::" in right:
        return False
    before, after = _groups(left), _groups(right)
    return before is not None and after is not None and before + after <= 7


def _groups(text: str) -> int | None:
    """Return how many 16-bit groups a text holds (an IPv4 address at its end is two), None where it holds others."""
    if not text:
        return 0
    *groups, last = text.split(":")
    count = len(groups) + 1
    if "." in last:
        numbers = last.split(".")
        if len(numbers) != 4 or not all(map(_BYTE.fullmatch, numbers)):
            return None
        count += 1
    else:
        groups.append(last)
    return count if all(map(_GROUP.fullmatch, groups)) else None


def _date_time(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "must be a text")
    if not is_date_time(value):
        raise PydanticCustomError("date_time", "must be a date-time such as 2025-10-13T16:05:32Z")
    return value


def _uri(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "must be a text")
    if not is_uri(value):
        raise PydanticCustomError("uri", "must be a URI such as https://host/path")
    return value


def _amount(value: object) -> float:
    """Return a number that is not negative as a double: infinite beyond its range, as it was for the old validator."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PydanticCustomError("number", "must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = inf if value > 0 else -inf
    if number < 0:
        raise PydanticCustomError("negative", "must not be negative")
    return number


def _count(value: object) -> float:
    number = _amount(value)
    if not (number.is_integer() or number == inf):
        raise PydanticCustomError("integer", "must be a whole number")
    return number


DateTime = Annotated[str, PlainValidator(_date_time)]
Uri = Annotated[str, PlainValidator(_uri)]
Amount = Annotated[float, PlainValidator(_amount)]
Count = Annotated[float, PlainValidator(_count)]
Anything = Any
