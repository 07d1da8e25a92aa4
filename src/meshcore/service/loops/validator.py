"""The validator's loop inside the runtime: what changes at once, everything at every beat, what a person asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from meshcore.clock import Clock
from meshcore.config import LEAST_INTERVAL_SECONDS, Settings
from meshcore.errors import MeshError, UsageError
from meshcore.home import Home
from meshcore.runs.history import Request, keep_results, take_request
from meshcore.runs.passes import DEFAULT_ROOT, Pass, Passes
from meshcore.runs.validate import LOG_NAME
from meshcore.runs.watching import Changes, FolderChanges, keep_validating
from meshcore.service.loops.base import Say, Work
from meshcore.store.store import Store

Watcher = Callable[[Path, threading.Event], Changes]


def watch_folders(root: Path, stop: threading.Event) -> Changes:
    """Watch a root through the operating system, from now on."""
    changes = FolderChanges(root, stop)
    changes.start()
    return changes


class ValidatorLoop:
    """Passes over one runs root, their results in the validation log and the store. Without a root it only waits."""

    name = "validator"

    def __init__(self, settings: Settings, clock: Clock, watcher: Watcher = watch_folders) -> None:
        self._settings = settings
        self._clock = clock
        self._watcher = watcher
        self._root = root_of(settings)
        self._one_at_a_time = threading.Lock()

    def run(self, stop: threading.Event, say: Say) -> None:
        """Work until `stop` is set; a root that is not there may come."""
        root = self._root
        if root is None or not self._settings.validator.enabled:
            stop.wait()
            return
        interval = max(self._settings.validator.interval_seconds, LEAST_INTERVAL_SECONDS)
        passes = self._passes(root)

        def one(work: Callable[[], Pass]) -> None:
            try:
                self._keep(passes, work)
            except MeshError as error:
                say(str(error))
            else:
                say("")

        def some(runs: frozenset[str]) -> None:
            one(lambda: passes.some(runs))

        keep_validating(lambda: one(passes.everything), some, self._watcher(root, stop), self._clock, interval)

    def asked(self, store: Store) -> Work | None:
        """Take what a person wants validated now."""
        request = take_request(store)
        return None if request is None else lambda _stop, say: self._answer(request)

    def _answer(self, request: Request) -> None:
        root = self._root if request.root is None else request.root
        if root is None:
            raise UsageError("nothing to validate: name the folder of runs with --runs-root or [validator] runs_root")
        passes, runs = self._passes(root.resolve()), request.runs
        self._keep(passes, passes.everything if runs is None else lambda: passes.some(runs), request.actor)

    def _passes(self, root: Path) -> Passes:
        return Passes(root, root / LOG_NAME, self._clock)

    def _keep(self, passes: Passes, work: Callable[[], Pass], actor: str = "") -> None:
        """Do one pass and keep its results. Raises MeshError for a root that is not there, a log not written."""
        with self._one_at_a_time:
            done = work()
            if done.verdicts or done.full or actor:
                with closing(Store(Home(self._settings.home).store, self._clock)) as store:
                    keep_results(store, done.verdicts, root=passes.root, full=done.full, actor=actor)
        if done.log_fault:
            raise MeshError(done.log_fault)


def root_of(settings: Settings) -> Path | None:
    """Return the folder of runs that is meant: the setting, else the usual one where it is there."""
    root = settings.validator.runs_root
    if root is None:
        usual = Path(DEFAULT_ROOT)
        return usual.resolve() if usual.is_dir() else None
    return root.resolve()
