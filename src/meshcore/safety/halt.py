"""The kill switch: while a HALT file stands in the operator's folder nothing is applied, also after a restart."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from meshcore.errors import ConfigurationError
from meshcore.home import PRIVATE_FILE, make_private_folder, read_plain_file, write_atomically
from meshcore.safety.visible_text import visible

REASON_LIMIT = 500  # bytes
_LOUD = "the mesh is NOT halted: end its processes"


def halt_file(operator_folder: Path) -> Path:
    """Return where the switch is; anyone who can write there can stop the mesh with `touch`."""
    return operator_folder / "HALT"


def halted(operator_folder: Path) -> str:
    """Return why everything is halted, empty where it is not. Anything of that name that cannot be read halts too."""
    path = halt_file(operator_folder)
    try:
        reason = read_plain_file(path, REASON_LIMIT).decode(errors="replace")
    except FileNotFoundError:
        return f"{path} is a link to nothing" if path.is_symlink() else ""
    except OSError as error:
        return f"{path} is there" if error.errno == errno.EFBIG else f"{path} cannot be read ({error.strerror})"
    return visible(reason.strip()) or f"{path} is there"


def halt(operator_folder: Path, reason: str) -> None:
    """Stop every application of fixes by this operator's nodes on this host, now and after a restart.

    On a full disk the reason is left out. Raises ConfigurationError where nothing can be written at all.
    """
    path = halt_file(operator_folder)
    try:
        make_private_folder(operator_folder)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; {_LOUD}") from error
    text = (reason.strip() or "halted").encode(errors="replace")[: REASON_LIMIT - 1].decode(errors="ignore")
    try:
        write_atomically(path, text.encode() + b"\n")
    except OSError:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE))
        except OSError as error:
            if not os.path.lexists(path):
                raise ConfigurationError(f"{path}: cannot be made ({error.strerror}); {_LOUD}") from error


def resume(operator_folder: Path) -> bool:
    """Allow applying again; False where nothing was halted. Raises ConfigurationError where it stays halted."""
    path = halt_file(operator_folder)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be removed ({error.strerror}); still halted") from error
    return True
