"""How pip is set up here: where packages come from, and whom it trusts, by its files and the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from meshcore.home import read_plain_file

SOURCES: Final = ("index-url", "extra-index-url", "find-links", "constraint", "no-index")
"""Settings of pip that say where packages come from, and which."""

_LIMIT: Final = 1 << 18  # bytes of a pip.conf
_IN_HOME: Final = re.compile(r"(?<!\S)~/")


def pip_settings(environment: Mapping[str, str], target: str) -> dict[str, str]:
    """Return the settings by which pip installs into an environment, by name; a file that is damaged has none.

    `target`: the environment's folder, "" for none.
    """
    return dict(_settings(environment, target))


def with_pip_settings(environment: Mapping[str, str], target: str) -> dict[str, str]:
    """Return the variables with what pip's files say of its sources: what only a file names is out of sight inside."""
    found = pip_settings(environment, target)
    home = environment.get("HOME", "")
    told = {
        f"PIP_{name.upper().replace('-', '_')}": _IN_HOME.sub(f"{home}/", found[name])
        for name in (*SOURCES, "cert")
        if found.get(name)
    }
    return {**environment, **told}


def _settings(environment: Mapping[str, str], target: str) -> Iterator[tuple[str, str]]:
    """Yield pip's settings by name, those that win last."""
    home = environment.get("HOME", "")
    named = environment.get("PIP_CONFIG_FILE", "")
    folders = [f"{folder}/pip" for folder in (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")]
    own = environment.get("XDG_CONFIG_HOME") or f"{home}/.config"
    files = [*(f"{one}/pip.conf" for one in reversed(folders)), "/etc/pip.conf", f"{home}/.pip/pip.conf"]
    files += [f"{own}/pip/pip.conf", *([f"{target}/pip.conf"] if target else [])]
    for path in () if named == os.devnull else (*files, named):
        yield from _of_file(path)
    for name, value in environment.items():
        if name.startswith("PIP_") and name != "PIP_CONFIG_FILE":
            yield name.removeprefix("PIP_").lower().replace("_", "-"), value


def _of_file(path: str) -> Iterator[tuple[str, str]]:
    try:
        text = read_plain_file(Path(path), _LIMIT).decode() if path else ""
    except (OSError, ValueError):
        return
    if not text:
        return
    import configparser  # most hosts have no such file

    parser = configparser.RawConfigParser()
    with suppress(ValueError, configparser.Error):
        parser.read_string(text)
    for section in ("global", "install"):
        if parser.has_section(section):
            yield from ((name.replace("_", "-"), value) for name, value in parser.items(section))
