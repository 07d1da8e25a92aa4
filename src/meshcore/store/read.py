"""A question to a store as a value: its SQL, its parameters, how a row of the answer is read. Quick to load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import sqlite3

T_co = TypeVar("T_co", covariant=True)
Parameter = str | int | float | bytes | None


@dataclass(frozen=True, slots=True)
class Read(Generic[T_co]):
    """A question: its SQL, how each row of the answer is read, and its parameters."""

    sql: str
    row: Callable[[sqlite3.Row], T_co]
    parameters: Sequence[Parameter] = ()


def marks(values: Sequence[object]) -> str:
    """Return a placeholder for each value."""
    return ",".join("?" * len(values))
