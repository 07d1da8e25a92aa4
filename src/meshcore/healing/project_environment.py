"""Which environment `uv run` and its kin choose, read from the files and variables by which they choose it.

What may choose another one than the project's own leaves it open: None. Nothing is run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from meshcore.home import read_plain_file

_LIMIT = 1 << 18  # bytes of a file that is read
_CHOOSING = {
    "uv": re.compile(r"UV_(PROJECT|WORKING|NO_PROJECT|ISOLATED|PYTHON$|CONFIG_FILE|ENV_FILE)"),
    "poetry": re.compile(r"POETRY_(VIRTUALENVS|CACHE|CONFIG)|CONDA_PREFIX$"),
    "pdm": re.compile(r"PDM_(?!CHECK)|CONDA_PREFIX$"),
    "pipenv": re.compile(r"PIPENV_|WORKON_HOME$|CONDA_PREFIX$"),
}
"""Variables by which a runner may be told to use another environment."""


def project_environment(runner: str, cwd: str, environment: Mapping[str, str], inner: tuple[str, ...]) -> Path | None:
    """Return the folder of the environment in which a runner runs a command, None where that is not certain."""
    root = _above(cwd, "Pipfile" if runner == "pipenv" else "pyproject.toml")
    if root is None or any(_CHOOSING[runner].match(name) for name in environment):
        return None
    own = root / ".venv"
    if not (own / "pyvenv.cfg").is_file():
        return None
    if runner == "uv":
        return None if _is_elsewhere_for_uv(root, cwd, inner) else own
    active = environment.get("VIRTUAL_ENV", "")
    if active and os.path.realpath(active) != os.path.realpath(own):
        return None  # they stay in an environment that is active
    if runner == "pdm" and (said := _text(root / ".pdm-python").strip()):
        return own if Path(said).parents[1:2] == (own,) else None
    everywhere = Path(environment.get("HOME", "/"), ".config", "pypoetry", "config.toml")
    told = "false" in _text(root / "poetry.toml") or "virtualenvs" in _text(everywhere)
    return None if runner == "poetry" and told else own


def _is_elsewhere_for_uv(root: Path, cwd: str, inner: tuple[str, ...]) -> bool:
    """Tell whether uv may use another environment: that of a workspace above, or one of its own for a script."""
    if any("[tool.uv.workspace" in _text(folder / "pyproject.toml") for folder in root.parents):
        return True
    if re.search(r"(?m)^\s*managed\s*=\s*false", _text(root / "pyproject.toml")):
        return True
    return inner[:1] != () and inner[0].endswith(".py") and "# /// script" in _text(Path(cwd, inner[0]))


def _above(cwd: str, name: str) -> Path | None:
    """Return the nearest folder at or above a folder that holds a file."""
    folder = Path(cwd).absolute()
    return next((one for one in (folder, *folder.parents) if (one / name).is_file()), None)


def _text(path: Path) -> str:
    try:
        return read_plain_file(path, _LIMIT).decode(errors="replace")
    except OSError:
        return ""


def environments_below(folder: str, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the environments in a project's folder: under a usual name, and those that nox and tox have made."""
    for name in names:
        yield f"{folder}/{name}"
    for made in (".nox", ".tox"):
        try:
            yield from sorted(entry.path for entry in os.scandir(f"{folder}/{made}") if entry.is_dir())
        except (OSError, ValueError):  # a name that no file can have
            continue
