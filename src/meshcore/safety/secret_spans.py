"""A secret's place in a text, and the two ways in which rules look for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from meshcore.safety.secret_names import is_placeholder


class Span(NamedTuple):
    """A secret in a text: where it starts, where it ends (exclusive), what it is."""

    start: int
    end: int
    kind: str


@lru_cache(maxsize=512)
def compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII | flags)


def whole(pattern: str, kind: str, text: str, flags: int = 0) -> Iterator[Span]:
    for match in compiled(pattern, flags).finditer(text):
        start, end = match.span(match.lastindex or 0)
        if not is_placeholder(text[start:end]):
            yield Span(start, end, kind)
