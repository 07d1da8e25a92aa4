"""News of folders from the operating system, for whoever follows files in them; without inotify from watchfiles."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from meshcore.journal import inotify

QUICK_MS: Final = 10  # how often news are looked for while there are any: they come after 10 to 20 ms
CALM_MS: Final = 50  # and after a while without: a fifth of the processor's time
CALM_AFTER_MS: Final = 30_000


class FolderNews:
    """Changes in folders; `close` ends it. `names`: only of files that are called so, None for all.

    The folder is watched and not the file: a watch on a file goes deaf once the file is renamed. Where nothing can be
    watched, `wait` returns after its time.
    """

    def __init__(self, names: frozenset[str] | None = None) -> None:
        self._names = names
        self._heard = asyncio.Event()
        self._watched: frozenset[tuple[Path, int]] = frozenset()
        self._stop = threading.Event()
        self._descriptor = -1

    async def wait(self, folders: frozenset[Path], seconds: float) -> None:
        """Return when something changed in the folders since the last call, or after so many seconds."""
        self._watch(folders)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        self._heard.clear()

    def close(self) -> None:
        """Watch nothing any more; to be called in the event loop of `wait`."""
        self._stop.set()
        self._watched = frozenset()
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _watch(self, folders: frozenset[Path]) -> None:
        # A folder that was made anew is another one, under the same name.
        wanted = frozenset((folder, _inode(folder)) for folder in folders)
        if wanted == self._watched:
            return
        self.close()
        self._watched, self._stop = wanted, threading.Event()
        loop = asyncio.get_running_loop()
        try:
            self._descriptor = inotify.watch(sorted(folders))
            loop.add_reader(self._descriptor, self._read)
        except (OSError, NotImplementedError):
            self._listen_in_a_thread(loop, folders)

    def _read(self) -> None:
        names = inotify.names(self._descriptor)
        if self._names is None or "" in names or not names.isdisjoint(self._names):
            self._heard.set()

    def _listen_in_a_thread(self, loop: asyncio.AbstractEventLoop, folders: frozenset[Path]) -> None:
        def tell() -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._heard.set)

        arguments = (sorted(folders), self._stop, tell)
        threading.Thread(target=_listen, args=arguments, name="folder news", daemon=True).start()


def _inode(folder: Path) -> int:
    try:
        return folder.stat().st_ino
    except OSError:
        return 0


def _listen(folders: list[Path], stop: threading.Event, tell: Callable[[], None]) -> None:
    """Call `tell` for every change until `stop` is set; quickly while there is something, calmly while there is not."""
    from watchfiles import watch

    step = QUICK_MS
    while not stop.is_set():
        try:
            changes = watch(
                *folders,
                watch_filter=None,
                debounce=2 * step,
                step=step,
                stop_event=stop,
                rust_timeout=CALM_AFTER_MS,
                yield_on_timeout=True,
                recursive=False,
            )
            for change in changes:
                tell()
                if bool(change) == (step == CALM_MS):
                    step = QUICK_MS if change else CALM_MS
                    break
        except OSError:  # a folder that went away, or no more watches: the caller looks by itself
            return
        tell()  # what came while the one watch had ended and the other not begun
