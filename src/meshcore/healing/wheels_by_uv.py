"""What uv would install unasked is looked into first, as `wheels` does with pip; it takes a fraction of the time.

uv says what it would install, unpacks that into a private folder, which is read, and installs it from its own private
cache without the network. It gets pip's sources: where those cannot be told to it, or it does not work, pip is asked.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from meshcore.healing.pip_settings import SOURCES, pip_settings
from meshcore.healing.wheels import LookedInto, Run, cooldown, reach_of
from meshcore.knowledge.well_known import normal
from meshcore.model import StepResult
from meshcore.policy.argv_patterns import is_kind
from meshcore.policy.question import PlannedStep

_CHANGE: Final = re.compile(r"(?m)^ ([-+~]) ([A-Za-z0-9._-]+)(?:==(\S+))?")
_TOO_NEW: Final = re.compile(r"exclude-newer|upload(?:ed)?[- ](?:time|date)|publish", re.IGNORECASE)
_NO_CHANGES: Final = "Would make no changes"
_NO_SOLUTION: Final = 1
_NO_DATE: Final = "missing an upload date"
_HARMLESS: Final = frozenset(
    {"timeout", "default-timeout", "retries", "disable-pip-version-check", "no-input", "cache-dir", "no-cache-dir"}
    | {"progress-bar", "require-virtualenv", "no-warn-script-location", "root-user-action", "no-color", "prefer-binary"}
    | {"only-binary", "quiet", "verbose", "cert", "exists-action", "no-compile", "compile"}
)
"""Settings of pip that do not say where packages come from."""
_TOLD: Final = dict(
    zip(SOURCES, ("--default-index", "--index", "--find-links", "--constraints", "--no-index"), strict=True)
)
_TRUST: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_TRUST_THE_HOSTS: Final = ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS")  # the second is what older ones read
_LISTS_OF_HOSTS: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


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
) -> LookedInto:
    """Do what `wheels.look_into` does, by uv; without a step or a reason to wait where pip is to do it.

    `published_before`: a time (UTC); what was published later is not installed. "" for no such limit.
    """
    sources = _sources(pip_settings(environment, step.writable[0]))
    names = [word for word in step.argv[step.argv.index("install") + 1 :] if not word.startswith("-")]
    if sources is None or step.given or not names:
        return LookedInto(())
    shown, words = replace(step, writable=(*step.writable, str(folder)), given=""), (uv, "pip", "install")
    copied = ("--link-mode", "copy")  # between two file systems, as a container may make them, uv would warn
    plain = (
        *("--no-config", "--no-progress", "--color", "never"),
        *("--cache-dir", str(folder / "cache"), "--python", step.argv[0], "--only-binary", ":all:"),
    )
    until = ("--exclude-newer", published_before) if published_before and "--no-index" not in sources else ()
    options = (*plain, *until, *sources)
    asked = run(replace(shown, argv=(*words, "--dry-run", *options, "--", *names)))
    done: tuple[StepResult, ...] = (asked,)
    if asked.exit_code != 0 and until and _NO_DATE in asked.output and (local := of_this_host(sources)):
        # Files of this host tell no times, and nobody published them an hour ago: nothing else is looked at then.
        options = (*plain, *local)
        again = run(replace(shown, argv=(*words, "--dry-run", *options, "--", *names)))
        done, asked = (asked, again), again if again.exit_code == 0 else asked
    if asked.exit_code != 0:
        # An older one, which has not all these options, ends otherwise, and repeats them.
        waits = bool(until) and asked.exit_code == _NO_SOLUTION and _TOO_NEW.search(asked.output)
        return LookedInto(done, waits=cooldown(published_before) if waits else "")
    changes = _CHANGE.findall(asked.output)
    if not changes and _NO_CHANGES in asked.output:
        same = replace(shown, argv=(*words, "--offline", *copied, *options, "--", *names), network=False)
        return LookedInto(done, same, keeps_sources=True)
    pinned = [f"{name}=={version}" for sign, name, version in changes if sign == "+"]
    if not pinned or len(pinned) != len(changes) or not all(is_kind("PACKAGE", one) for one in pinned):
        return LookedInto(done)  # it would replace something
    look = folder / "look"
    # What is looked at lies beside the cache: thousands of files need not be there twice.
    linked = ("--target", str(look), "--no-deps", "--link-mode", "hardlink")
    unpacked = run(replace(shown, argv=(*words, *linked, *options, "--", *pinned)))
    done = (*done, unpacked)
    if unpacked.exit_code != 0:
        return LookedInto(done)
    if doubt := _doubt(look, pinned, Path(step.writable[0])):
        return LookedInto(done, waits=doubt)
    last = replace(shown, argv=(*words, "--offline", "--no-deps", *copied, *options, "--", *pinned), network=False)
    return LookedInto(done, last, keeps_sources=True)


def _doubt(look: Path, pinned: Sequence[str], environment: Path) -> str:
    """Return why what was unpacked is not to be installed unasked, "" where nothing speaks against it."""
    names = {normal(one) for one in pinned}
    found = {normal(path.name.removesuffix(".dist-info").rsplit("-", 1)[0]) for path in look.glob("*.dist-info")}
    if found != names:
        return "other packages came than uv had said"
    files = [
        f"{folder}/{name}"[len(f"{look}/") :] for folder, _, inner in os.walk(look) for name in inner if name != ".lock"
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


def _sources(settings: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the options by which uv looks where pip would; None where uv cannot be told."""
    options: list[str] = []
    for name, value in settings.items():
        if name in _HARMLESS:
            continue
        if name not in _TOLD:
            return None
        if name == "no-index":
            options += [_TOLD[name]] if value.lower() not in ("", "0", "no", "false", "off") else []
            continue
        values = value.split()
        if any(one.startswith("-") for one in values) or (name == "constraint" and any("://" in one for one in values)):
            return None
        options += [word for one in values for word in (_TOLD[name], os.path.expandvars(one))]
    return tuple(options)


def as_pip_trusts(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which uv trusts whom pip trusts, by variables of pip's alone.

    Told nothing, uv trusts a list of its own; pip, like everything else of a host, the host's, where a company's is.
    """
    named = (environment.get(name, "") for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    if cert := next(filter(None, named), ""):
        others = {name: value for name, value in environment.items() if name not in _TRUST}
        return {**others, "SSL_CERT_DIR" if Path(cert).is_dir() else "SSL_CERT_FILE": cert}
    said = any(environment.get(name) for name in (*_TRUST, *_TRUST_THE_HOSTS))
    if said or not any(Path(path).exists() for path in _LISTS_OF_HOSTS):
        return dict(environment)
    return {**environment, **dict.fromkeys(_TRUST_THE_HOSTS, "true")}
