"""What pip would install unasked is looked into first: a wheel that reaches beyond its own package waits for a person.

A `.pth` file, or a module that Python imports at its start, runs with every program of an environment from then on.
pip says what it would install, the wheels come into a private folder, are read there and installed from there.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from meshcore.home import read_plain_file
from meshcore.knowledge.well_known import normal
from meshcore.model import StepResult
from meshcore.policy.argv_patterns import is_kind
from meshcore.policy.question import PlannedStep

if TYPE_CHECKING:
    from zipfile import ZipFile

_REPORT: Final = "report.json"
_REPORT_LIMIT: Final = 1 << 26  # bytes
_MOST_NAMES: Final = 100_000  # files in one wheel
_ENTRY_POINTS_LIMIT: Final = 1 << 20  # bytes
_AT_START: Final = frozenset({"sitecustomize", "usercustomize"})
_ENVIRONMENTS_OWN: Final = re.compile(r"(?:python|pip|pypy|activate|deactivate)[\w.-]*", re.IGNORECASE)
_NAME: Final = re.compile(r"(?m)^[ \t]*([^\s=#\[]+)[ \t]*=")
_UPLOADED: Final = re.compile(r"upload(?:ed)?[- ](?:time|prior|date)", re.IGNORECASE)
_NO_SUCH_OPTION: Final = "no such option: --report"

Run = Callable[[PlannedStep], StepResult]
"""Executes a step. Raises MeshError where it is not to be, or cannot be, started."""


@dataclass(frozen=True, slots=True)
class LookedInto:
    """What to do after a look: a step that installs just what was read, or why a person decides.

    `done` are the steps of the look itself; neither a step nor a reason where one of them failed. `keeps_sources`: the
    step is to see the settings by which packages are found.
    """

    done: tuple[StepResult, ...]
    step: PlannedStep | None = None
    waits: str = ""
    keeps_sources: bool = False


@dataclass(frozen=True, slots=True)
class _Offered:
    """A package that pip would install: `digest` is its wheel's SHA-256 by the index's word, "" for none."""

    name: str
    version: str
    url: str
    digest: str

    @property
    def pinned(self) -> str:
        return f"{self.name}=={self.version}"


def look_into(step: PlannedStep, folder: Path, run: Run, published_before: str = "") -> LookedInto:
    """Ask pip what a step would install, fetch it into `folder`, which is private and empty, and read it there.

    `published_before`: a time (UTC); what an index has later than that is not installed, by a pip that can tell.
    """
    shown = replace(step, writable=(*step.writable, str(folder)))
    report = ("--dry-run", "--quiet", "--report", str(folder / _REPORT))
    until = ("--uploaded-prior-to", published_before) if published_before and _can_wait(Path(step.writable[0])) else ()
    asked = run(replace(shown, argv=(*step.argv, *report, *until)))
    if asked.exit_code != 0:
        if until and _UPLOADED.search(asked.output):
            return LookedInto((asked,), waits=cooldown(published_before))
        old = _NO_SUCH_OPTION in asked.output
        return LookedInto((asked,), waits="its pip is too old to say what it would install" if old else "")
    try:
        offered = list(_offered(read_plain_file(folder / _REPORT, _REPORT_LIMIT)))
    except (OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return LookedInto((asked,), waits="pip does not say what it would install")
    if not offered:
        return LookedInto((asked,), step)
    if strange := next((one.name for one in offered if not one.url.endswith(".whl")), ""):
        return LookedInto((asked,), waits=f"{strange:.60} is no wheel")
    fetched = _fetch(shown, offered, folder, run, until)
    if any(one.exit_code != 0 for one in fetched):
        return LookedInto((asked, *fetched))
    wheels = sorted(folder.glob("*.whl"))
    if doubt := _doubt(wheels, offered, Path(step.writable[0])):
        return LookedInto((asked, *fetched), waits=doubt)
    own = (*_pip(step), "install", *_OPTIONS, "--no-deps", "--no-index", "--find-links", str(folder))
    pinned = tuple(one.pinned for one in offered)
    return LookedInto((asked, *fetched), replace(shown, argv=(*own, *pinned), given="", network=False))


_OPTIONS: Final = ("--only-binary=:all:", "--no-input", "--disable-pip-version-check")


def _pip(step: PlannedStep) -> tuple[str, ...]:
    return step.argv[: step.argv.index("pip") + 1]


def _offered(report: bytes) -> Iterator[_Offered]:
    """Yield what pip's report lists. Raises LookupError, TypeError, ValueError, RecursionError for one that is none."""
    data: Any = json.loads(report)
    for one in data["install"]:
        source, said = one["download_info"], one["metadata"]
        archive = source.get("archive_info", {})
        digest = archive.get("hashes", {}).get("sha256", "") or archive.get("hash", "").partition("sha256=")[2]
        found = _Offered(str(said["name"]), str(said["version"]), str(source["url"]), str(digest))
        if not is_kind("PACKAGE", found.pinned):
            raise ValueError(found.pinned)
        yield found


def cooldown(published_before: str) -> str:
    """Return why a package waits of which the index tells no version that is old enough."""
    return (
        f"its index names no version that was published before {published_before[:10]}; package_cooldown_days in"
        " config.toml says how long a new one waits"
    )


def _can_wait(environment: Path) -> bool:
    """Tell whether an environment's pip can leave out what was published lately."""
    found = (one.name for one in environment.glob("lib/python3*/site-packages/pip-*.dist-info"))
    return any(name.split("-")[1].partition(".")[0].isdecimal() and int(name[4:].split(".")[0]) >= 26 for name in found)


def _fetch(
    step: PlannedStep, offered: Sequence[_Offered], folder: Path, run: Run, until: Sequence[str]
) -> tuple[StepResult, ...]:
    """Bring the wheels into the folder: those of this host are copied, all others pip fetches, once more by name."""
    afar = []
    for one in offered:
        address = urlsplit(one.url)
        if address.scheme == "file" and (path := Path(unquote(address.path))).is_file():
            shutil.copyfile(path, folder / path.name)
        else:
            afar.append(one.pinned)
    if not afar:
        return ()
    words = (*_pip(step), "download", *_OPTIONS, "--no-deps", "--quiet", *until, "--dest", str(folder), *afar)
    return (run(replace(step, argv=words, given="")),)


def _doubt(wheels: Sequence[Path], offered: Sequence[_Offered], environment: Path) -> str:
    """Return why the wheels that came are not to be installed unasked, "" where nothing speaks against it."""
    found = {normal(wheel.name.partition("-")[0]): wheel for wheel in wheels}
    if len(found) != len(wheels) or set(found) != {normal(one.name) for one in offered}:
        return "other wheels came than pip had said"
    for one in offered:
        wheel = found[normal(one.name)]
        with wheel.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if one.digest and one.digest != digest:
            return f"another wheel of {one.pinned:.60} came than pip had said"
        if reaches := reach(wheel, environment):
            return f"the wheel of {one.pinned:.60} {reaches}"
    return ""


def reach(wheel: Path, environment: Path) -> str:
    """Return how far a wheel reaches beyond its own package, in words, "" where it does not."""
    import zipfile  # what uv unpacks needs none

    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) > _MOST_NAMES:
                return "holds too many files"
            scripts = [script for name in names for script in _scripts(archive, name)]
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError):
        return "cannot be read"
    if bad := next((script for script in scripts if _ENVIRONMENTS_OWN.fullmatch(script)), ""):
        return f"would put a program named {bad:.60} into the environment"
    own = {normal(wheel.name.partition("-")[0])}
    sites = tuple(environment.glob("lib/python3*/site-packages"))
    for name in names:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in name:
            return "holds a path that leads out of it"
        if parts[0].lower().endswith(".data"):
            if parts[1:2] == ("data",) and parts[2:3] not in (("share",), ("etc",)):
                return f"would put {'/'.join(parts[2:]):.60} into the environment itself"
            if parts[1:2] not in (("purelib",), ("platlib",)):
                continue
            parts = parts[2:]
        if len(parts) == 1 and parts[0].lower().endswith((".pth", ".egg-link")):
            return f"holds {parts[0]:.60}, which runs with every Python of the environment"
        if parts and parts[0].partition(".")[0].lower() in _AT_START:
            return f"holds {parts[0]:.60}, which runs with every Python of the environment"
        if _is_of_another(parts, own, sites):
            return f"would replace {'/'.join(parts):.60} of another package"
    return ""


def reach_of(files: Iterable[str], packages: Collection[str], environment: Path) -> str:
    """Return what `reach` does of packages that were unpacked into one folder, by the paths of their files in it."""
    sites = tuple(environment.glob("lib/python3*/site-packages"))
    # They may be thousands: below what is not there yet, nothing is replaced.
    there = {one.name.lower() for site in sites if site.is_dir() for one in site.iterdir()}
    for name in files:
        parts = tuple(name.split("/"))
        if parts[0] == "bin" and _ENVIRONMENTS_OWN.fullmatch(parts[-1]):
            return f"would put a program named {parts[-1]:.60} into the environment"
        if parts[0].lower() in ("lib", "lib64", "libexec", "pyvenv.cfg"):
            return f"would put {name:.60} into the environment itself"
        if len(parts) == 1 and name.lower().endswith((".pth", ".egg-link")):
            return f"holds {name:.60}, which runs with every Python of the environment"
        if parts[0].partition(".")[0].lower() in _AT_START:
            return f"holds {parts[0]:.60}, which runs with every Python of the environment"
        if parts[0] != "bin" and parts[0].lower() in there and _is_of_another(parts, packages, sites):
            return f"would replace {name:.60} of another package"
    return ""


def _scripts(archive: ZipFile, name: str) -> Iterator[str]:
    """Yield the names of the programs that a file of a wheel would put into the environment."""
    parts = PurePosixPath(name).parts
    if len(parts) > 2 and parts[0].lower().endswith(".data") and parts[1] == "scripts":
        yield parts[-1]
    if len(parts) == 2 and parts[0].lower().endswith(".dist-info") and parts[1].lower() == "entry_points.txt":
        if archive.getinfo(name).file_size > _ENTRY_POINTS_LIMIT:
            raise ValueError(name)
        yield from _NAME.findall(archive.read(name).decode("utf-8", "replace"))


def _is_of_another(parts: tuple[str, ...], own: Collection[str], sites: Sequence[Path]) -> bool:
    """Say whether a file is installed already, and not by an earlier version of the same package."""
    for site in sites:
        if Path(site, *parts).is_file():
            records = (one.parent.name for one in site.glob("*.dist-info/RECORD"))
            return not any(normal(one.partition("-")[0]) in own for one in records)
    return False
