"""What uv would install unasked is looked into first, as `wheels` does with pip; it takes a fraction of the time.

uv says what it would install, unpacks that into a private folder, which is read, and installs it from its own private
cache without the network. It gets pip's sources: where those cannot be told to it, or it does not work, pip is asked.
"""

from __future__ import annotations

import configparser
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from meshcore.healing.wheels import LookedInto, Run, cooldown, reach_of
from meshcore.home import read_plain_file
from meshcore.knowledge.well_known import normal
from meshcore.policy.argv_patterns import is_kind
from meshcore.policy.question import PlannedStep

_LIMIT: Final = 1 << 18  # bytes of a pip.conf
_CHANGE: Final = re.compile(r"(?m)^ ([-+~]) ([A-Za-z0-9._-]+)(?:==(\S+))?")
_TOO_NEW: Final = re.compile(r"exclude-newer|upload(?:ed)?[- ](?:time|date)|publish", re.IGNORECASE)
_NO_DATE: Final = "missing an upload date"
_HARMLESS: Final = frozenset(
    {"timeout", "default-timeout", "retries", "disable-pip-version-check", "no-input", "cache-dir", "no-cache-dir"}
    | {"progress-bar", "require-virtualenv", "no-warn-script-location", "root-user-action", "no-color", "prefer-binary"}
    | {"only-binary", "quiet", "verbose", "cert", "exists-action", "no-compile", "compile"}
)
"""Settings of pip that do not say where packages come from."""
_TOLD: Final = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "constraint": "--constraints",
    "no-index": "--no-index",
}


def find_uv(environment: Mapping[str, str], target: str, cwd: str) -> str:
    """Return the uv of the PATH that may be used on an environment, "" where there is none.

    One that others may write, or that lies in the folder of the command, but for that environment's own, is none.
    """
    for folder in environment.get("PATH", "").split(":"):
        path = Path(folder, "uv")
        with suppress(OSError, ValueError, RuntimeError):
            if not folder.startswith("/") or not os.access(path, os.X_OK) or path.is_dir():
                continue
            real = path.resolve(strict=True)
            own = [Path(target, "bin"), Path(target, "bin").resolve()]
            inside = any(one.is_relative_to(root) for one in (path, real) for root in (cwd, Path(cwd).resolve()))
            if inside and not (path.parent in own and real.parent in own):
                continue
            if all(_is_safe(one.stat()) for one in (path.parent, real.parent, real)):
                return str(path)
    return ""


def _is_safe(found: os.stat_result) -> bool:
    return found.st_uid in (0, os.geteuid()) and not found.st_mode & stat.S_IWOTH


def look_into_by_uv(
    step: PlannedStep, folder: Path, run: Run, uv: str, environment: Mapping[str, str], published_before: str
) -> LookedInto | None:
    """Do what `wheels.look_into` does, by uv; None where pip is to do it.

    `published_before`: a time (UTC); what was published later is not installed. "" for no such limit.
    """
    sources = pip_sources(environment, step.writable[0])
    names = [word for word in step.argv[step.argv.index("install") + 1 :] if not word.startswith("-")]
    if sources is None or step.given or not names:
        return None
    shown, words = replace(step, writable=(*step.writable, str(folder)), given=""), (uv, "pip", "install")
    copied = ("--link-mode", "copy")  # between two file systems, as a container may make them, uv would warn
    plain = (
        *("--no-config", "--no-progress", "--color", "never"),
        *("--cache-dir", str(folder / "cache"), "--python", step.argv[0], "--only-binary", ":all:"),
    )
    until = ("--exclude-newer", published_before) if published_before and "--no-index" not in sources else ()
    options = (*plain, *until, *sources)
    asked = run(replace(shown, argv=(*words, "--dry-run", *options, "--", *names)))
    if asked.exit_code != 0 and until and _NO_DATE in asked.output and (local := of_this_host(sources)):
        # Files of this host tell no times, and nobody published them an hour ago: nothing else is looked at then.
        options = (*plain, *local)
        again = run(replace(shown, argv=(*words, "--dry-run", *options, "--", *names)))
        asked = again if again.exit_code == 0 else asked
    if asked.exit_code != 0:
        waits = bool(until) and _TOO_NEW.search(asked.output)
        return LookedInto((asked,), waits=cooldown(published_before)) if waits else None
    changes = _CHANGE.findall(asked.output)
    if not changes:
        same = replace(shown, argv=(*words, "--offline", *copied, *options, "--", *names), network=False)
        return LookedInto((asked,), same, keeps_sources=True)
    pinned = [f"{name}=={version}" for sign, name, version in changes if sign == "+"]
    if len(pinned) != len(changes) or not all(is_kind("PACKAGE", one) for one in pinned):
        return None  # it would replace something
    look = folder / "look"
    # What is looked at lies beside the cache: thousands of files need not be there twice.
    linked = ("--target", str(look), "--no-deps", "--link-mode", "hardlink")
    unpacked = run(replace(shown, argv=(*words, *linked, *options, "--", *pinned)))
    if unpacked.exit_code != 0:
        return None
    if doubt := _doubt(look, pinned, Path(step.writable[0])):
        return LookedInto((asked, unpacked), waits=doubt)
    last = replace(shown, argv=(*words, "--offline", "--no-deps", *copied, *options, "--", *pinned), network=False)
    return LookedInto((asked, unpacked), last, keeps_sources=True)


def _doubt(look: Path, pinned: Sequence[str], environment: Path) -> str:
    """Return why what was unpacked is not to be installed unasked, "" where nothing speaks against it."""
    names = {normal(one) for one in pinned}
    found = {normal(path.name.removesuffix(".dist-info").rsplit("-", 1)[0]) for path in look.glob("*.dist-info")}
    if found != names:
        return "other packages came than uv had said"
    files = [
        str(Path(folder, name).relative_to(look))
        for folder, _, inner in os.walk(look)
        for name in inner
        if name != ".lock"
    ]
    if reaches := reach_of(files, names, environment):
        return f"what comes with {', '.join(sorted(pinned)):.100} {reaches}"
    return ""


def of_this_host(sources: Sequence[str]) -> tuple[str, ...]:
    """Return the options that leave only files of this host to look at, () where the sources name none."""
    pairs = list(zip(sources[::2], sources[1::2], strict=True)) if len(sources) % 2 == 0 else []
    local = [(name, value) for name, value in pairs if value.startswith(("file:", "/"))]
    kept = [word for name, value in local if name in ("--find-links", "--constraints") for word in (name, value)]
    indexes = [value for name, value in local if name in ("--index", "--default-index")]
    if not indexes:
        return ("--no-index", *kept) if any(name == "--find-links" for name, _ in local) else ()
    return (*(word for one in indexes[:-1] for word in ("--index", one)), "--default-index", indexes[-1], *kept)


# --- where pip gets its packages --------------------------------------------------------------------------------------


def pip_sources(environment: Mapping[str, str], target: str) -> tuple[str, ...] | None:
    """Return the options by which uv looks where pip would; None where uv cannot be told."""
    found: dict[str, str] = {}
    for name, value in _pip_settings(environment, target):
        if name in _HARMLESS:
            continue
        if name not in _TOLD:
            return None
        found[name] = value
    options: list[str] = []
    for name, value in found.items():
        if name == "no-index":
            options += [_TOLD[name]] if value.lower() not in ("", "0", "no", "false", "off") else []
            continue
        values = value.split()
        if any(one.startswith("-") for one in values) or (name == "constraint" and any("://" in one for one in values)):
            return None
        options += [word for one in values for word in (_TOLD[name], os.path.expandvars(one))]
    return tuple(options)


def _pip_settings(environment: Mapping[str, str], target: str) -> Iterator[tuple[str, str]]:
    """Yield pip's settings by name, those that win last."""
    home = environment.get("HOME", "")
    named = environment.get("PIP_CONFIG_FILE", "")
    folders = [f"{folder}/pip" for folder in (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")]
    own = environment.get("XDG_CONFIG_HOME") or f"{home}/.config"
    files = [*(f"{one}/pip.conf" for one in reversed(folders)), "/etc/pip.conf", f"{home}/.pip/pip.conf"]
    files += [f"{own}/pip/pip.conf", f"{target}/pip.conf"]
    for path in () if named == os.devnull else (*files, named):
        parser = configparser.RawConfigParser()
        with suppress(OSError, ValueError, configparser.Error):
            if path:
                parser.read_string(read_plain_file(Path(path), _LIMIT).decode())
        for section in ("global", "install"):
            if parser.has_section(section):
                yield from ((name.replace("_", "-"), value) for name, value in parser.items(section))
    for name, value in environment.items():
        if name.startswith("PIP_") and name != "PIP_CONFIG_FILE":
            yield name.removeprefix("PIP_").lower().replace("_", "-"), value
