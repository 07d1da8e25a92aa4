"""Which package of this host's own distribution holds a program, header, library or pkg-config name: the host is asked.

The answer is the index's that the host has at that moment, and no answer where it has none; shipped are only names to
look for in it (`debian_names`). Only an index is read, within a few seconds and without the network; nothing is
installed, and no name is an option.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from meshcore.healing.debian_names import called
from meshcore.knowledge.text import word_set

Kind = Literal["program", "header", "library", "pkg-config", "shared library"]

SECONDS: Final = 5.0  # for one question
_CHUNK: Final = 1 << 20
_OUTPUT: Final = 1 << 16
_NAME: Final[dict[Kind, re.Pattern[str]]] = {
    "program": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}"),
    "header": re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./+-]{0,150}"),
    "library": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}"),
    "pkg-config": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}"),
    "shared library": re.compile(r"lib[A-Za-z0-9][A-Za-z0-9_.+-]{0,60}"),
}
_PACKAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,99}")
_OF_PROGRAMS: Final = word_set(
    "admin database devel editors golang graphics httpd interpreters java javascript math misc net otherosfs rust "
    "science shells sound tex text utils vcs video web"
)
"""Sections of Debian in which a package is named after its program (measured: 97 of 100); in others names collide."""
_COMPILERS: Final = frozenset({"cc", "c++"})
"""Names that stand for any compiler, and are those of no package."""
_COMMON: Final = word_set(
    "api base client common config core data debug defs device error file global init interface io json lib list log "
    "main memory net option os package parser platform plugin queue server socket state string sys system test time "
    "tree type types util utils version view"
)
"""Words that a header of anybody's may be called, so that a library of that name says nothing."""
_ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class HostPackage:
    """A package of the host's distribution: its name, the command that installs it, and how that is known."""

    name: str
    install: tuple[str, ...]
    why: str


class HostIndex:
    """The indexes of a host; `root` is another folder than `/` in tests, where none of its programs is asked."""

    def __init__(self, root: str = "/", *, seconds: float = SECONDS) -> None:
        self._root = Path(root)
        self._seconds = seconds
        self._end = 0.0

    def package(self, kind: Kind, name: str) -> HostPackage | None:
        """Return the package that holds something, None where no index of the host says so, or several are named."""
        if kind == "library" and ".so" in name:
            kind = "shared library"  # what a program loads, not what a linker looks for
        if not _NAME[kind].fullmatch(name):
            return None
        self._end = time.monotonic() + self._seconds
        with contextlib.suppress(OSError, ValueError, sqlite3.Error, subprocess.SubprocessError):
            for has, ask, install in (
                ("apt-get", self._debian, ("apt-get", "install", "-y")),
                ("dnf", self._dnf, ("dnf", "install", "-y")),
                ("apk", self._apk, ("apk", "add")),
                ("pacman", self._pacman, ("pacman", "-S", "--noconfirm")),
                ("brew", self._brew, ("brew", "install")),
            ):
                if not self._program(has):
                    continue
                found, why = ask(kind, name)
                if not found or not _PACKAGE.fullmatch(found) or self._is_no_use(found):
                    return None
                front = ("sudo",) if has != "brew" and os.geteuid() != 0 and self._program("sudo") else ()
                return HostPackage(found, (*front, *install, found), why)
        return None

    def _program(self, name: str) -> str:
        folders = _ENVIRONMENT["PATH"].split(":")
        places = (self._root / folder.lstrip("/") for folder in folders)
        return shutil.which(name, path=":".join(map(str, places))) or ""

    def _is_no_use(self, package: str) -> bool:
        """Tell whether a package would be of no use: the system's first process is not one that comes later."""
        return package.startswith("systemd") and not (self._root / "run/systemd/system").is_dir()

    def _ask(self, argv: Sequence[str]) -> list[str]:
        """Return the lines that a program of the host prints; none where it fails or takes too long."""
        left = self._end - time.monotonic()
        where = self._program(argv[0])
        if not where or left <= 0:
            return []
        done = subprocess.run(
            (where, *argv[1:]), stdin=subprocess.DEVNULL, capture_output=True, timeout=left, check=False,
            env=_ENVIRONMENT, cwd="/",
        )  # fmt: skip
        text = done.stdout[:_OUTPUT].decode("utf-8", "replace") if done.returncode == 0 else ""
        return [line.strip() for line in text.splitlines() if line.strip()]

    # --- Debian and its children --------------------------------------------------------------------------------------

    def _debian(self, kind: Kind, name: str) -> tuple[str, str]:
        if name in _COMPILERS and self._facts("build-essential"):
            return "build-essential", f"this host's index has build-essential, which brings {name}"
        if kind == "program" and (found := self._command_not_found(name)):
            return found, f"this host's command-not-found says that {found} holds {name}"
        lists = list(self._contents())
        for path in lists:
            if held := self._held(path, kind, name):
                one = name if name in held else held[0] if len(held) == 1 else ""
                essential = one and self._facts(one).get("Essential") == "yes"  # that one cannot be what is missing
                return "" if essential else one, f"this host's index says that {one} holds {name}"
        for one in () if lists else called(kind, name):
            if self._facts(one):
                return one, f"this host's index has {one}, which holds {name} in Debian and its children"
        if kind != "program":
            return ("", "") if lists else self._development(kind, name)
        said = self._facts(name) if name == name.lower() else {}
        if said.get("Section", "").rpartition("/")[2] in _OF_PROGRAMS and said.get("Essential") != "yes":
            return name, f"this host's index has a package {name}; whether the program is in it, it does not say"
        return "", ""

    def _development(self, kind: Kind, name: str) -> tuple[str, str]:
        """Return the package that is called after a library as Debian's policy has it, where the index has just one."""
        if kind == "shared library":
            one = _called_after(name)
            return (
                (one, f"this host's index has {one}, the name that Debian gives to {name}")
                if self._facts(one)
                else ("", "")
            )
        first, _, last = name.removesuffix(".h").rpartition("/")
        stems = dict.fromkeys(stem.lower() for stem in (first, last) if stem and "/" not in stem)
        if kind == "header" and not (name.endswith(".h") and stems and _COMMON.isdisjoint(stems)):
            return "", ""
        names = {f"lib{stem.removeprefix('lib')}-dev" for stem in stems}
        if not any(map(self._facts, names)):  # policy 8.1: the name of the library, and mostly its version
            for stem in stems:
                plain = re.compile(rf"lib{re.escape(stem.removeprefix('lib'))}-?\d[\d.]*-dev")
                names |= {one for one in self._ask(("apt-cache", "pkgnames", f"lib{stem.removeprefix('lib')}"))
                          if plain.fullmatch(one)}  # fmt: skip
        found = sorted(one for one in names if self._facts(one).get("Section", "").endswith("libdevel"))
        one = found[0] if len(found) == 1 else ""
        return one, f"this host's index has {one}, which is called after {name}; whether it is in it, it does not say"

    def _command_not_found(self, name: str) -> str:
        path = self._root / "var/lib/command-not-found/commands.db"
        if not path.is_file():
            return ""
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
            database.set_progress_handler(lambda: time.monotonic() > self._end, 10_000)
            rows = database.execute(
                "SELECT p.name FROM commands c JOIN packages p ON p.pkgID = c.pkgID WHERE c.command = ?"
                " ORDER BY p.priority DESC LIMIT 10",
                (name,),
            ).fetchall()
        names = list(dict.fromkeys(str(row[0]) for row in rows))
        return name if name in names else names[0] if len(names) == 1 else ""

    def _contents(self) -> Iterator[Path]:
        """Yield the lists of files of packages that apt-file has fetched, those of this machine's kind first."""
        found = sorted((self._root / "var/lib/apt/lists").glob("*_Contents-*"))
        yield from sorted(found, key=lambda path: ("Contents-all" in path.name, -path.stat().st_size))

    def _held(self, path: Path, kind: Kind, name: str) -> list[str]:
        """Return the packages in whose lists a file stands where such a file belongs."""
        wanted = re.compile(_places(kind, name).encode())
        needle = _needle(kind, name).encode()
        helper = self._root / "usr/lib/apt/apt-helper"
        if not helper.is_file():
            return []
        found: dict[str, None] = {}
        with subprocess.Popen(
            (str(helper), "cat-file", str(path)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=_ENVIRONMENT, cwd="/",
        ) as reader:  # fmt: skip
            assert reader.stdout is not None
            rest = b""
            while (data := reader.stdout.read(_CHUNK)) and time.monotonic() < self._end:
                data = rest + data
                whole, _, rest = data.rpartition(b"\n")
                at = whole.find(needle)
                while at >= 0:
                    start, end = whole.rfind(b"\n", 0, at) + 1, whole.find(b"\n", at)
                    line = whole[start : end if end >= 0 else len(whole)]
                    where, _, packages = line.rstrip().rpartition(b" ")
                    if wanted.fullmatch(where.strip()):
                        found |= dict.fromkeys(
                            one.rpartition("/")[2] for one in packages.decode("ascii", "replace").split(",")
                        )
                    at = whole.find(needle, end) if end >= 0 else -1
                rest = rest[-4096:]
            if reader.poll() is None:
                reader.kill()
        return list(found)

    def _facts(self, package: str) -> dict[str, str]:
        """Return what apt's index says of a package, nothing where it has none of that name."""
        lines = self._ask(("apt-cache", "show", "--no-all-versions", "--", package))
        said = dict(line.split(": ", 1) for line in lines if ": " in line)
        return said if said.get("Package") == package else {}

    # --- others -------------------------------------------------------------------------------------------------------

    def _dnf(self, kind: Kind, name: str) -> tuple[str, str]:
        what = {
            "program": (f"/usr/bin/{name}", f"/usr/sbin/{name}"),
            "header": (f"/usr/include/{name}",),
            "library": (f"/usr/lib64/lib{name}.so",),
            "pkg-config": (f"pkgconfig({name})",),
            "shared library": (f"/usr/lib64/{name}",),
        }[kind]
        for one in what:
            lines = self._ask(
                ("dnf", "--cacheonly", "--quiet", "repoquery", "--qf", "%{name}\n", "--whatprovides", one)
            )
            if found := _one_of(lines, name):
                return found, f"this host's dnf says that {found} provides {one}"
        return "", ""

    def _apk(self, kind: Kind, name: str) -> tuple[str, str]:
        what = {"program": f"cmd:{name}", "pkg-config": f"pc:{name}"}.get(kind)
        if what is None:
            return "", ""  # its index names no other files
        lines = self._ask(("apk", "search", "--no-network", "--quiet", "--exact", what))
        found = _one_of(lines, name)
        return found, f"this host's apk says that {found} provides {what}"

    def _pacman(self, kind: Kind, name: str) -> tuple[str, str]:
        what = {
            "program": f"usr/bin/{name}",
            "header": f"usr/include/{name}",
            "library": f"usr/lib/lib{name}.so",
            "pkg-config": f"usr/lib/pkgconfig/{name}.pc",
            "shared library": f"usr/lib/{name}",
        }[kind]
        lines = self._ask(("pacman", "-Fq", "--", what))
        found = _one_of([line.rpartition("/")[2] for line in lines], name)
        return found, f"this host's pacman says that {found} holds {what}"

    def _brew(self, kind: Kind, name: str) -> tuple[str, str]:
        if kind != "program":
            return "", ""
        found = _one_of(self._ask(("brew", "which-formula", "--skip-update", name)), name)
        return found, f"this host's brew says that {found} holds {name}"


def _called_after(soname: str) -> str:
    """Return the package of a shared library as Debian's policy names it (8.1): by its name and version."""
    name, _, version = soname.partition(".so")
    between = "-" if name[-1:].isdigit() else ""
    plain = re.sub(r"-(?=\d)", "", name) if between else name
    return f"{plain}{between if version else ''}{version.removeprefix('.')}".lower().replace("_", "-")


def _one_of(names: Sequence[str], wanted: str) -> str:
    """Return the one name of a list, or the one of several that is the wanted one; "" for any other list."""
    found = list(dict.fromkeys(names))
    return wanted if wanted in found else found[0] if len(found) == 1 else ""


def _needle(kind: Kind, name: str) -> str:
    ends = {"program": f"bin/{name}", "library": f"/lib{name}.so", "pkg-config": f"/{name}.pc"}
    return ends.get(kind, f"/{name}")


def _places(kind: Kind, name: str) -> str:
    plain = re.escape(name)
    return {
        "program": rf"(?:usr/)?s?bin/{plain}",
        "header": rf"usr/include/(?:[a-z0-9_]+-linux-gnu[a-z0-9]*/|[A-Za-z0-9_.+-]+/)?{plain}",
        "library": rf"(?:usr/)?lib(?:/[a-z0-9_]+-linux-gnu[a-z0-9]*)?/lib{plain}\.so",
        "shared library": rf"(?:usr/)?lib(?:/[a-z0-9_]+-linux-gnu[a-z0-9]*)?/{plain}",
        "pkg-config": rf"usr/(?:lib(?:/[a-z0-9_]+-linux-gnu[a-z0-9]*)?|share)/pkgconfig/{plain}\.pc",
    }[kind]
