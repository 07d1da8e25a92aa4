"""Validation that goes on: what changed is validated at once, everything once in a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from meshcore.clock import Clock
from meshcore.config import LEAST_INTERVAL_SECONDS
from meshcore.errors import UsageError
from meshcore.runs.validate import ARTIFACTS, list_runs

_QUIET_MS: Final = 200  # what is being written is left alone until it was quiet for so long
_LOOK_MS: Final = 250  # how often it is asked whether to stop, or whether a root that was missing is there


class Changes(Protocol):
    """Where news of changed runs come from."""

    def wait(self, seconds: float) -> frozenset[str] | None:
        """Return the names of runs that changed, none after so many seconds; None to end."""
        ...


class FolderChanges:
    """Changes below a runs root, from the operating system; only the root and its runs are watched."""

    def __init__(self, root: Path, stop: threading.Event) -> None:
        self._root = root
        self._stop = stop
        self._news: Iterator[set[tuple[Any, str]]] | None = None  # None: to be begun (again)

    def start(self) -> None:
        """Watch from now on; without it, watching begins with the first wait."""
        self.wait(0.0)

    def wait(self, seconds: float) -> frozenset[str] | None:
        """Wait for a change, a signal to stop, or the end of the time (give or take a quarter of a second)."""
        until = time.monotonic() + seconds
        changed: set[str] = set()
        while not self._stop.is_set():
            if self._news is None:
                self._news = self._watch()
            changed |= self._next()
            # A new run is watched before it is told of: what is written to it afterwards is not missed.
            if (changed and self._news is not None) or time.monotonic() >= until:
                return frozenset(changed)
        return None

    def _watch(self) -> Iterator[set[tuple[Any, str]]] | None:
        from watchfiles import watch

        try:
            folders = [self._root, *(self._root / run for run in list_runs(self._root).runs)]
        except UsageError:
            return None
        return watch(
            *folders,
            watch_filter=None,
            debounce=_QUIET_MS * 5,
            step=_QUIET_MS,
            stop_event=self._stop,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            recursive=False,
        )

    def _next(self) -> set[str]:
        if self._news is None:
            self._stop.wait(_LOOK_MS / 1000)
            return set()
        try:
            paths = [Path(path) for _, path in next(self._news, ())]
        except OSError:  # a folder that went away meanwhile
            self._news = None
            return set()
        if any(path == self._root or (path.parent == self._root and not path.is_file()) for path in paths):
            self._news = None
        return self._runs(paths)

    def _runs(self, paths: Iterable[Path]) -> set[str]:
        runs = set()
        for path in paths:
            if path.parent == self._root and path.is_dir():
                runs.add(path.name)
            elif path.parent.parent == self._root and path.name in ARTIFACTS:
                runs.add(path.parent.name)
        return runs


def keep_validating(
    everything: Callable[[], None],
    some: Callable[[frozenset[str]], None],
    changes: Changes,
    clock: Clock,
    interval: float,
) -> None:
    """Call `everything` now and every `interval` seconds, without drift, and `some` with what changed in between.

    Ends when `changes` says so. A pass that took longer than the interval is followed by the next one of the beat.
    """
    interval = max(interval, LEAST_INTERVAL_SECONDS)
    due = clock.monotonic()
    while True:
        if clock.monotonic() >= due:
            everything()
            missed = max(0.0, clock.monotonic() - due) // interval
            due += (missed + 1) * interval
        changed = changes.wait(max(0.0, due - clock.monotonic()))
        if changed is None:
            return
        if changed:
            some(changed)
