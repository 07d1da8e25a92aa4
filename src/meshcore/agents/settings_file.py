"""A settings file of another program: read with care, kept in its style, backed up once, given back as it was."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from meshcore.agents import json_comments
from meshcore.errors import ConfigurationError
from meshcore.home import read_plain_file, write_atomically
from meshcore.model import Json

LIMIT = 4 << 20  # bytes of a settings file
BACKUP = ".before-meshtui"
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """One JSON file as it stands: `text` is None where there is none. `path` is the file behind any links."""

    path: Path
    text: str | None
    data: dict[str, Json]

    def styled(self, data: dict[str, Json]) -> str:
        """Return other data as text in the style of this file: indent, line end, BOM, characters beyond ASCII.

        Where it holds comments, they stay.
        """
        before = self.text if self.text is not None else "{\n  \n}\n"
        found = re.search(r"^\{\s*?\n([ \t]+)", before.removeprefix(_BOM), re.MULTILINE)
        if self.text is not None and self.text.strip(_BOM).strip() and not _is_plain(self.text):
            head = _BOM if before.startswith(_BOM) else ""
            return head + json_comments.changed(before.removeprefix(_BOM), data, found[1] if found else "  ")
        compact = self.text is not None and "\n" not in self.text.strip()
        indent: str | None = None if compact else (found[1] if found else "  ")
        escaped = re.search(r"\\u[0-9a-fA-F]{4}", before) is not None and before.isascii()
        text = json.dumps(data, indent=indent, ensure_ascii=escaped)
        head = _BOM if before.startswith(_BOM) else ""
        tail = before[len(before.rstrip()) :] if self.text is not None else "\n"
        return head + text + tail

    @property
    def backup(self) -> Path:
        """Return where the file lies as it was before the first connection."""
        return self.path.with_name(self.path.name + BACKUP)


def read_settings(path: Path) -> SettingsFile:
    """Read a settings file; one that is not there is empty. Raises ConfigurationError where it is not to be touched."""
    try:
        real = path.resolve() if path.is_symlink() else path
        text: str | None = read_plain_file(real, LIMIT).decode()
    except FileNotFoundError:
        return SettingsFile(real, None, {})
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 ({error.reason}); nothing was changed, mend it first") from error
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "links in a circle"
        raise ConfigurationError(f"{path}: cannot be read ({why}); nothing was changed") from error
    assert text is not None
    if not text.removeprefix(_BOM).strip():
        return SettingsFile(real, text, {})
    try:
        data = json_comments.read(text.removeprefix(_BOM))
    except (ValueError, RecursionError) as error:
        what = (
            f"{path}: not JSON as meshtui can write it back ({error}); nothing was changed, mend it or edit it by hand"
        )
        raise ConfigurationError(what) from error
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: holds no JSON object; nothing was changed, mend it first")
    return SettingsFile(real, text, data)


def _is_plain(text: str) -> bool:
    """Tell whether a text is JSON as it is, without comments."""
    try:
        json.loads(text.removeprefix(_BOM))
    except (ValueError, RecursionError):
        return False
    return True


def write_settings(file: SettingsFile, text: str, *, backup: bool = True, mode: int = 0o644) -> None:
    """Replace the file, backed up once as it was, a new one with `mode`.

    Raises ConfigurationError; the file is then as it was.
    """
    check_writable(file)
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        if backup and file.text is not None and not file.backup.exists():
            write_atomically(file.backup, file.text.encode(), _mode_of(file.path))
        write_atomically(file.path, text.encode(), _mode_of(file.path, mode))
    except OSError as error:
        raise ConfigurationError(f"{file.path}: cannot be written ({error.strerror}); nothing was changed") from error


def check_writable(file: SettingsFile) -> None:
    """Raise ConfigurationError for a file that this user should not write, whatever the folder would allow."""
    if file.text is None:
        return
    found = file.path.stat()
    if found.st_uid != os.geteuid():
        raise ConfigurationError(f"{file.path}: belongs to another user; nothing was changed, let its owner connect")
    if not found.st_mode & 0o200 or not os.access(file.path, os.W_OK):
        raise ConfigurationError(f"{file.path}: read-only; nothing was changed, run: chmod u+w {file.path}")


def restore_settings(file: SettingsFile, rest: dict[str, Json], made_by_us: bool) -> str:
    """Write back what is left without us; return in words what was done. Raises ConfigurationError.

    Where that is what the backup holds, the backup itself takes its place, byte by byte. A file that only we had
    filled (`made_by_us`: nothing is left) and that has no backup goes away.
    """
    check_writable(file)
    try:
        before = read_settings(file.backup) if file.backup.exists() else None
        if before is not None and before.data == rest and before.text is not None:
            write_atomically(file.path, before.text.encode(), _mode_of(file.path))
            file.backup.unlink()
            return "restored as it was"
        if before is None and made_by_us:
            file.path.unlink()
            return "removed, nothing else was in it"
        write_atomically(file.path, file.styled(rest).encode(), _mode_of(file.path))
        file.backup.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{file.path}: cannot be written ({error.strerror}); nothing was changed") from error
    return "only meshtui's part was taken out"


def _mode_of(path: Path, new: int = 0o644) -> int:
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return new
