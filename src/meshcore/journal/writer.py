"""The journal: events of the store as JSON lines, for people and tools. A projection, never a source.

Lines are appended under a lock between processes, in the order of their `seq`, from where the file ends: what a crash
or a power cut took is written again. Readers drop a `seq` that they have seen.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from meshcore.errors import MeshError
from meshcore.events import Event
from meshcore.filelock import FileLock
from meshcore.home import PRIVATE_FILE
from meshcore.store.store import Store

BATCH = 1000
LOCK_SECONDS = 1.0
_TAIL = 64 * 1024  # bytes in which the last line is first looked for
_OURS = b'{"seq": '
# What JSON leaves as it is and what could steer a terminal that the journal is printed on, as JSON escapes.
_STEERING = {
    code: f"\\u{code:04x}"
    for code in (*range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
}


def _nobody(events: Sequence[Event]) -> None:
    """Tell nobody else."""


def project(store: Store, path: Path, tell: Callable[[Sequence[Event]], object] = _nobody) -> int:
    """Append every event that the journal does not hold yet, and `tell` somebody else of it; return how many.

    Never raises for a file that cannot be written or a full disk: an event says so once, and a later call catches up.
    The file holds whole lines only. A journal that tells another history than the store (the store was lost, or
    restored from a backup) is kept as `<name>.before-<time>`, an event says so, and a new one is written.
    """
    try:
        if store.events.last() <= store.state.get()["journal_seq"]:
            return 0
        with FileLock(path.with_name(path.name + ".lock")).held(LOCK_SECONDS) as free:
            written = _project(store, path, tell) if free else 0
        if store.state.get()["journal_fault"]:
            store.state.set(journal_fault="")
        return written
    except OSError as error:
        _report(store, path, error.strerror or type(error).__name__)
    except MeshError:
        pass  # the store's next user says what is wrong with it
    return 0


def _report(store: Store, path: Path, reason: str) -> None:
    with suppress(MeshError):
        if store.state.get()["journal_fault"] != reason:
            store.events.add("fault", data={"what": f"{path}: the journal is not written ({reason})"})
            store.state.set(journal_fault=reason)


def _project(store: Store, path: Path, tell: Callable[[Sequence[Event]], object]) -> int:
    descriptor = _open(path)
    try:
        last = _mend(descriptor)
        if not _is_of(store, last):
            os.close(descriptor)
            kept = path.with_name(f"{path.name}.before-{store.clock.now():%Y%m%dT%H%M%S%f}")
            path.rename(kept)
            descriptor, last = _open(path), (0, "")
            what = f"{store.path} lacks events that {kept} tells: it was lost in part, or restored from a backup"
            with store.transaction():
                store.events.add("fault", data={"what": what})
                store.state.set(journal_seq=0)
        return _append(store, descriptor, last[0] or store.state.get()["journal_seq"], tell)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, PRIVATE_FILE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return descriptor


def _append(store: Store, descriptor: int, done: int, tell: Callable[[Sequence[Event]], object]) -> int:
    written = 0
    while events := store.events.after(done, BATCH):
        lines = "".join(json.dumps(event.to_json(), ensure_ascii=False).translate(_STEERING) + "\n" for event in events)
        _append_whole(descriptor, lines.encode("utf-8", "replace"))
        done = events[-1].seq
        written += len(events)
        store.state.set(journal_seq=done)
        tell(events)
    return written


def _append_whole(descriptor: int, lines: bytes) -> None:
    before = os.fstat(descriptor).st_size
    try:
        view = memoryview(lines)
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:
        os.ftruncate(descriptor, before)
        raise


def _mend(descriptor: int) -> tuple[int, str]:
    """Cut off a line of ours that is not whole; return what the last whole one says: (seq, at), (0, "") if nothing."""
    line, end, rest = _last_line(descriptor)
    if rest.startswith(_OURS) or _OURS.startswith(rest.strip(b"\0")):
        os.ftruncate(descriptor, end)
    else:
        os.write(descriptor, b"\n")
    try:
        event = json.loads(line)
        return (event["seq"], event["at"]) if isinstance(event["seq"], int) else (0, "")
    except (ValueError, TypeError, KeyError):
        return 0, ""


def _last_line(descriptor: int) -> tuple[bytes, int, bytes]:
    """Return the last whole line, where it ends, and what stands behind it."""
    size, length = os.fstat(descriptor).st_size, _TAIL
    while True:
        start = max(0, size - length)
        data = os.pread(descriptor, size - start, start)
        end = data.rfind(b"\n") + 1
        begin = data.rfind(b"\n", 0, max(0, end - 1)) + 1
        if begin or not start:
            return data[begin:end], start + end, data[end:]
        length *= 2


def first_and_last(path: Path) -> tuple[str, str]:
    """Return the times that the first and the last whole line of a journal say, "" where one says none."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        head = os.pread(descriptor, _TAIL, 0).split(b"\n", 1)[0]
        return _time_of(head), _time_of(_last_line(descriptor)[0])
    finally:
        os.close(descriptor)


def _time_of(line: bytes) -> str:
    try:
        return str(json.loads(line)["at"])
    except (ValueError, TypeError, LookupError):
        return ""


def _is_of(store: Store, last: tuple[int, str]) -> bool:
    seq, at = last
    if not seq:
        return True
    found = store.events.after(seq - 1, 1)
    # An event that was pruned from the store had been projected before.
    return seq <= store.events.last() and (found[0].seq != seq or found[0].at == at)
