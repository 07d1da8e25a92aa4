"""One home folder: where a node keeps its key, store, journal and skills file."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meshcore.errors import ConfigurationError

if TYPE_CHECKING:
    from typing import BinaryIO

MANAGED_FILE = Path("/etc/meshtui/managed.toml")  # of the host's administrator; see `safety.managed`
PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
MOST_HOLE = 64 << 20  # a crash leaves holes in logs, but none of that size


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one node."""

    root: Path

    @property
    def store(self) -> Path:
        return self.root / "store.db"

    @property
    def key(self) -> Path:
        return self.root / "node.key"

    @property
    def enrolment(self) -> Path:
        """Return the operator's signature under the node's key, kept for when the operator's key is protected."""
        return self.root / "node.enrolment"

    @property
    def next_key(self) -> Path:
        """Return a key that is to take the place of the node's."""
        return self.root / "node.key.new"

    @property
    def journal(self) -> Path:
        return self.root / "journal.jsonl"

    @property
    def skills_file(self) -> Path:
        return self.root / "skills_database.json"

    @property
    def runtime_lock(self) -> Path:
        return self.root / "runtime.lock"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def swept(self) -> Path:
        """Return where it is noted when what commands printed was last looked through."""
        return self.state / "printed.swept"

    def create(self) -> Home:
        """Make the folder, private to the user, where it does not exist. Raises ConfigurationError."""
        make_private_folder(self.root)
        make_private_folder(self.state)
        return self


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, so that only the user can enter them, whatever the umask.

    A folder that is there keeps its permissions. Raises ConfigurationError.
    """
    try:
        if not path.is_dir():
            if not path.parent.is_dir():
                make_private_folder(path.parent)
            path.mkdir(PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be used as a folder ({error.strerror}); choose another") from error


def open_plain_file(path: Path, limit: int, *, follow: bool = True) -> BinaryIO:
    """Open a file for reading that is one, and not endless. Raises OSError for anything else.

    A pipe, a device, more than `limit` bytes, and a hole of more than `MOST_HOLE` bytes are refused without reading or
    waiting; without `follow` a symbolic link is too.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        if found.st_size > limit:
            raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
        if found.st_size > MOST_HOLE and _largest_hole(descriptor, found.st_size) > MOST_HOLE:
            raise OSError(errno.EINVAL, "mostly a hole", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _largest_hole(descriptor: int, size: int) -> int:
    """Return the size of the largest hole among the first thousand, 0 where the file system cannot tell."""
    at = largest = 0
    with contextlib.suppress(OSError):
        for _ in range(1_000):
            hole = os.lseek(descriptor, at, os.SEEK_HOLE)
            if hole >= size:
                break
            try:
                at = os.lseek(descriptor, hole, os.SEEK_DATA)
            except OSError:  # nothing but a hole up to the end
                at = size
            largest = max(largest, at - hole)
            if at >= size:
                break
    os.lseek(descriptor, 0, os.SEEK_SET)
    return largest


def read_plain_file(path: Path, limit: int, *, private: bool = False) -> bytes:
    """Return what a file holds. Raises OSError, also for what `open_plain_file` refuses.

    `limit` is in bytes. `private`: a symbolic link, a file of another user, or one that others can read is refused too.
    """
    with open_plain_file(path, limit, follow=not private) as file:
        found = os.fstat(file.fileno())
        if private and os.geteuid() not in (0, found.st_uid):
            raise OSError(errno.EPERM, "it belongs to another user", str(path))
        if private and stat.S_IMODE(found.st_mode) & 0o077:
            raise OSError(errno.EPERM, f"others can read it; run: chmod 600 {path}", str(path))
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    return data


def write_atomically(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Replace a file so that readers see the old or the new content, never a part, also after a power cut.

    A symbolic link is replaced itself, never followed. Raises OSError; the old file is then intact.
    """
    temporary = _write_beside(path, data, mode)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def create_once(path: Path, data: bytes) -> bool:
    """Write a private file only where none is; False where one is. Two processes at once: one wins, whole."""
    temporary = _write_beside(path, data, PRIVATE_FILE)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def _write_beside(path: Path, data: bytes, mode: int) -> Path:
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def user_name(env: Mapping[str, str]) -> str:
    """Return the name of the user whose process this is."""
    if name := env.get("USER") or env.get("LOGNAME"):
        return name
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def refuse_another_users(home: Path, env: Mapping[str, str]) -> None:
    """Raise ConfigurationError where root would write into the home folder of a user, whom that would lock out."""
    folder = env.get("HOME", "")
    if os.geteuid() != 0 or not folder or not home.is_relative_to(folder):
        return
    import pwd

    try:
        owner = pwd.getpwuid(Path(folder).stat().st_uid)
    except (OSError, KeyError):
        return
    if owner.pw_uid != 0 and os.path.realpath(owner.pw_dir) == os.path.realpath(folder):
        raise ConfigurationError(
            f"{home}: belongs to {owner.pw_name}, whom files of root would lock out; set HOME to root's own"
        )


def platform_folder(kind: str, env: Mapping[str, str]) -> str:
    """Return where a person's files of a kind (`config`, `data`) are kept on this system."""
    variable = {"config": "XDG_CONFIG_HOME", "data": "XDG_DATA_HOME"}[kind]
    if (base := env.get(variable)) and Path(base).is_absolute():
        return str(Path(base) / "meshtui")
    if os.uname().sysname == "Linux":
        # What platformdirs would say, for a hook that imports the standard library only.
        return {"config": "~/.config/meshtui", "data": "~/.local/share/meshtui"}[kind]
    from platformdirs import user_config_dir, user_data_dir

    return user_config_dir("meshtui") if kind == "config" else user_data_dir("meshtui")
