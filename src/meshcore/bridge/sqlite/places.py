"""Is a place safe to use? Asked before anything there is opened, made or changed, always through descriptors.

Whoever can write a bridge can put a link, a pipe or somebody else's file in the place of one of its files.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from meshcore.errors import ConfigurationError

PRIVATE = 0o600
SHARED = 0o660
MAX_RECOVERED = 256 * 1024 * 1024  # bytes of a write-ahead log or journal: SQLite reads it whole before it answers

_KINDS = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def file_mode(folder: Path) -> int:
    """Return the permissions of our files in a folder: for the group where the folder is the group's, else private."""
    try:
        return _mode_in(folder.stat())
    except OSError:
        return PRIVATE


def check_folder(folder: Path) -> None:
    """Refuse a folder in which, or in place of which, any user of the host can put files; missing ones are passed over.

    Raises ConfigurationError with the remedy.
    """
    below: os.stat_result | None = None
    for place in (where := Path(os.path.realpath(folder)), *where.parents):
        try:
            found = os.lstat(place)
        except OSError:
            continue
        if found.st_mode & stat.S_IWOTH:
            if place == where:
                raise ConfigurationError(
                    f"{place} can be written by every user, so a bridge there can be swapped; name a folder of your "
                    f"own with --bridge, or run: chmod o-w {place}"
                )
            if not found.st_mode & stat.S_ISVTX:
                raise ConfigurationError(
                    f"{place} can be written by every user, so a bridge below it can be swapped; run: chmod +t {place}"
                )
            if below is not None and below.st_uid not in (0, os.geteuid()):
                raise ConfigurationError(
                    f"{folder} belongs to user {below.st_uid} in {place}, where everybody can make folders; name a "
                    "folder of your own with --bridge"
                )
        below = found


def check_file(path: Path) -> os.stat_result | None:
    """Refuse what is no plain file with one name, or can be written by every user; None where nothing is there.

    Raises ConfigurationError with the remedy.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be looked at ({error.strerror}); check its folder") from error
    if not stat.S_ISREG(found.st_mode):
        what = _KINDS.get(stat.S_IFMT(found.st_mode), "a device")
        raise ConfigurationError(
            f"{path} is {what}, no plain file; name the file itself with --bridge, or move it away"
        )
    if found.st_nlink > 1:
        raise ConfigurationError(
            f"{path} has a second name (a hard link); find it with `find -samefile` and remove one"
        )
    if found.st_mode & stat.S_IWOTH:
        raise ConfigurationError(f"{path} can be written by every user; run: chmod o-w {path}")
    return found


def has_content(path: Path) -> bool:
    """Refuse a database by what lies in its place or beside it; False where none is, or an empty one.

    Raises ConfigurationError with the remedy.
    """
    for beside in ("-wal", "-shm", "-journal"):
        file = path.with_name(path.name + beside)
        if (found := check_file(file)) is not None and found.st_size > MAX_RECOVERED:
            raise ConfigurationError(
                f"{file} is larger than {MAX_RECOVERED // 2**20} MiB: a program keeps the bridge from tidying up; find "
                f"it with `fuser {path}` and stop it, or move both files away"
            )
    return (found := check_file(path)) is not None and found.st_size > 0


@contextmanager
def opened_folder(folder: Path) -> Iterator[int]:
    """Give a descriptor of a folder that is itself no link. Raises OSError."""
    descriptor = os.open(folder, _FOLDER | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


OPENING = threading.Lock()
"""Held while a descriptor of a database is opened or closed beside SQLite's own: closing one drops their locks."""


def make_empty_file(path: Path) -> None:
    """Make an empty file where there is none. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(FileExistsError), OPENING, opened_folder(path.parent.resolve()) as folder:
        descriptor = os.open(path.name, flags, PRIVATE, dir_fd=folder)
        try:
            os.fchmod(descriptor, _mode_in(os.fstat(folder)))
        finally:
            os.close(descriptor)


def make_file(path: Path, content: bytes) -> None:
    """Put a file with a content in the place of none, or of an empty one, whole. Raises OSError."""
    with opened_folder(path.parent.resolve()) as folder:
        name = f".{path.name}.{os.urandom(4).hex()}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(name, flags, PRIVATE, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), _mode_in(os.fstat(folder)))
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.rename(name, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(name, dir_fd=folder)
            raise


def make_folder(path: Path) -> None:
    """Make a folder beside the bridge's files, or check one: for the group where they are, else private.

    Raises OSError, PermissionError for one that other users can write, or that is theirs alone.
    """
    with opened_folder(path.parent.resolve()) as above:
        is_shared = _mode_in(os.fstat(above)) == SHARED
        with suppress(FileExistsError):
            os.mkdir(path.name, 0o700, dir_fd=above)
        folder = os.open(path.name, _FOLDER | os.O_NOFOLLOW, dir_fd=above)
        try:
            found, parent = os.fstat(folder), os.fstat(above)
            if found.st_mode & stat.S_IWOTH or (not is_shared and found.st_uid not in (0, os.geteuid(), parent.st_uid)):
                raise PermissionError(errno.EACCES, "folder of another user", str(path))
            if is_shared and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != 0o2770:
                # The group of the bridge's folder writes here too.
                os.fchown(folder, -1, parent.st_gid)
                os.fchmod(folder, 0o2770)
        finally:
            os.close(folder)


def writers(path: Path) -> str:
    """Return in words who can write a file of the bridge, beside the superuser."""
    try:
        file, folder = path.lstat(), path.parent.stat()
    except OSError:
        return "nobody yet"
    users = sorted({file.st_uid, folder.st_uid} - {0} or {0})
    said = ["you" if user == os.geteuid() else f"user {_user(user)}" for user in users]
    groups = {one.st_gid for one in (file, folder) if one.st_mode & stat.S_IWGRP}
    said += [f"the group {_group(group)}" for group in sorted(groups)]
    return " and ".join(said)


def _mode_in(folder: os.stat_result) -> int:
    return SHARED if folder.st_mode & stat.S_IWGRP and not folder.st_mode & stat.S_IWOTH else PRIVATE


def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    import grp

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
