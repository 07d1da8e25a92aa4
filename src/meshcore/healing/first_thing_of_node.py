"""What a program of node cannot get past: the first module or file that it asks for and that is not there.

Read from the beginning of the project's own files, as far as they do nothing but load modules and hold literals; what
is not plainly that ends the reading. So no text is believed: the same file meets the same lack, and had done nothing
before. Modules that static imports name are all looked for before any of them runs. Nothing is run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from meshcore.healing.places import Place
from meshcore.home import read_plain_file
from meshcore.knowledge.program import program_name
from meshcore.model import Incident

_FILE_BYTES = 100_000
_COMMENTS = 500  # of several lines in one file
_MODULES = 50  # of the project that are read for one failure
_BUILT_IN = frozenset(
    {"assert", "async_hooks", "buffer", "child_process", "cluster", "console", "crypto", "dns", "events", "fs", "http"}
    | {"http2", "https", "module", "net", "os", "path", "perf_hooks", "process", "querystring", "readline", "stream"}
    | {"string_decoder", "timers", "tls", "tty", "url", "util", "v8", "vm", "worker_threads", "zlib"}
)
_FILES = frozenset({"fs", "fs/promises"})
_TAKEN = frozenset({"require", "JSON", "process", "module", "exports", "__dirname", "__filename"})
_OPENS = {
    **dict.fromkeys(("readFile", "readdir"), "file"),
    **dict.fromkeys(("writeFile", "appendFile", "mkdir"), "folder"),
}
_EXTENSIONS = ("", ".js", ".json", ".cjs", ".mjs", ".node")
_NAME = r"[A-Za-z_$][\w$]{0,80}"
_TEXT = r"'[^'\\\n]{0,300}'|\"[^\"\\\n]{0,300}\""
_PLAIN = rf"(?:{_TEXT}|-?\d[\d_.]{{0,20}}|true|false|null|undefined|{_NAME})"
_PAIR = rf"[\w$]{{1,80}}\s*:\s*{_PLAIN}"
_FLAT = (
    rf"(?:{_PLAIN}|\{{\s*\}}|\[\s*\]|\{{\s*{_PAIR}(?:\s*,\s*{_PAIR}){{0,50}}\s*,?\s*\}}"
    rf"|\[\s*{_PLAIN}(?:\s*,\s*{_PLAIN}){{0,50}}\s*,?\s*\])"
)
_JSON = rf"(?:JSON\.stringify\(\s*{_FLAT}(?:\s*,\s*{_PLAIN}){{0,2}}\s*\))"
_JOINED = rf"{_NAME}\.(?:join|resolve)\(\s*__dirname(?:\s*,\s*(?:{_TEXT}))+\s*\)"
_PATH = rf"(?:{_TEXT}|{_JOINED}|__dirname\s*\+\s*(?:{_TEXT})|{_NAME})"
_TARGET = rf"(?:{_NAME}|\{{[\w$\s,:]{{0,400}}\}})"
_SHADOWED = re.compile(
    r"\bfunction\b(?:[\s*]|/\*(?:[^*]|\*(?!/))*\*/|//[^\n]*\n)*(?:require|JSON|process|__dirname)\b"
    r"|\bimport\b[^;]{0,400}\brequire\b|\\u"
)
"""A function of that name is there before the first statement; a name may be written with escapes, too."""
_COMPUTES = re.compile(r"\b(?:toJSON|toString|valueOf|then|get|set)\b")
"""Members of an object that are called by whoever takes its value."""
_IMPORTS_LATER = re.compile(r"\bimport\b(?!\s*\()|\bexport\b[^;]{0,400}\bfrom\b")
_READS = re.compile(rf"(?:\s*,\s*(?:{_TEXT}|null|\{{\s*encoding\s*:\s*(?:{_TEXT})\s*,?\s*\}}))?")


@dataclass(frozen=True, slots=True)
class Lack:
    """What is not there: a package by its name, a file that is read, or the folder for a file that is written.

    `written` is how the program's file has it, `path` where that is; "" for a package.
    """

    kind: Literal["package", "file", "folder"]
    written: str
    path: str = ""

    def is_said(self, incident: Incident) -> bool:
        """Tell whether the failure is the one that this lack must lead to."""
        said = incident.excerpt
        told = "ENOENT" in said or "Cannot find" in said
        return incident.exit_code in (None, 1) and told and any(f"'{one}" in said for one in (self.written, self.path))


class _NotPlainError(Exception):
    """A file goes on with something else, or cannot be read: nothing is known of it."""


def lacks_first(place: Place, failed_at: float) -> Lack | None:
    """Return what `node FILE …` cannot get past, None where that is not known.

    `failed_at` is seconds since the epoch: a file that was changed later is not what ran.
    """
    argv = place.argv
    if len(argv) < 2 or program_name(argv[0]) not in ("node", "nodejs") or argv[1].startswith("-"):
        return None
    begun = Path(place.cwd, argv[1])
    file = begun if begun.is_file() else begun.with_name(f"{begun.name}.js")
    try:
        return _Reading(failed_at, place.cwd).lack_of(Path(os.path.realpath(file)))
    except (_NotPlainError, OSError, ValueError, RecursionError):
        return None


@cache
def _statements() -> tuple[re.Pattern[str], ...]:
    loads = rf"(?:(?:const|let|var)\s+(?P<bound>{_TARGET})\s*=\s*)?"
    fs = rf"(?:(?P<module>require\(\s*['\"](?:node:)?fs['\"]\s*\)|{_NAME})\.)?"
    fs += r"(?P<method>(?!require\b)[a-zA-Z]{2,20})\(\s*"
    rest = rf"(?P<rest>(?:\s*,\s*(?:{_JSON}|{_FLAT}))*)\s*\)"
    texts = (
        r"(?P<strict>['\"]use strict['\"])",
        rf"import\s+(?:(?P<names>[\w$*\s,{{}}]{{1,400}}?)\s+from\s+)?(?P<imported>{_TEXT})"
        r"(?:\s+(?:with|assert)\s*\{[^{}]{0,80}\})?",
        rf"{loads}(?P<parsed>JSON\.parse\(\s*)?(?P<waits>await\s+)?{fs}(?P<path>{_PATH}){rest}",
        rf"{loads}require\(\s*(?P<required>{_TEXT})\s*\)(?P<part>(?:\.{_NAME})*)",
        rf"(?:const|let|var)\s+(?P<named>{_TARGET})\s*=\s*(?P<value>process\.env\.{_NAME}(?:\s*(?:\|\||\?\?)\s*{_PLAIN})?|{_JOINED}|{_FLAT})",
        rf"(?:module\.exports\s*=|exports\.{_NAME}\s*=|export\s+default|export\s+const\s+{_NAME}\s*=)\s*(?P<given>{_FLAT})",
    )
    return tuple(re.compile(text) for text in texts)


_GAP = re.compile(r"(?:[ \t\r\n]|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_ENDS = re.compile(r"[ \t]*(?:;|(?=//[^\n]*(?:\n|\Z))|(?=\r?\n|\Z))")
_GOES_ON = re.compile(r"[(\[`.+\-*/%,?:<>=&|^]")


@dataclass(slots=True)
class _Reading:
    failed_at: float
    cwd: str
    seen: set[Path] = field(default_factory=set)

    def lack_of(self, file: Path) -> Lack | None:
        """Return what a file lacks first, None where all of it is plain and lacks nothing. Raises _NotPlainError."""
        if file in self.seen:
            return None  # in a circle it is being read already
        self.seen.add(file)
        return _File(self, file, self._text(file)).lack()

    def _text(self, file: Path) -> str:
        if file.suffix not in (".js", ".cjs", ".mjs") or len(self.seen) > _MODULES:
            raise _NotPlainError
        status = file.stat()
        if status.st_mtime > self.failed_at or status.st_size > _FILE_BYTES:
            raise _NotPlainError
        text = read_plain_file(file, _FILE_BYTES).decode("utf-8-sig")
        # What ends a line for JavaScript and for nobody else could hide a statement in a comment.
        if re.search("[\u2028\u2029]|\r(?!\n)", text) or text.count("/*") > _COMMENTS or _SHADOWED.search(text):
            raise _NotPlainError
        return re.sub(r"\A#![^\n]*", "", text)


@dataclass(slots=True)
class _File:
    reading: _Reading
    file: Path
    text: str
    files: set[str] = field(default_factory=set)  # names that stand for the module `fs`
    opening: set[str] = field(default_factory=set)  # names that were taken out of it
    paths: set[str] = field(default_factory=set)  # names that stand for the module `path`
    values: dict[str, str] = field(default_factory=dict)  # names that stand for a written path

    def lack(self) -> Lack | None:
        found = [*self._plain()]
        # Every static import is looked for before anything runs, the modules that they name are then run in order.
        imports = [one for one in found if one.re.groupindex.get("imported")]
        for one in imports:
            if missing := self._missing(_unquoted(one["imported"]), exact=True):
                return missing
        for one in found:
            if lack := self._of(one):
                return lack
        if self._end != len(self.text):
            raise _NotPlainError
        return None

    _end: int = 0

    def _plain(self) -> Iterator[re.Match[str]]:
        """Yield the statements that a file begins with, as far as they are plain; `_end` is where that ends."""
        at = 0
        while True:
            gap = _GAP.match(self.text, at)
            at = self._end = gap.end() if gap else at
            found = next(filter(None, (one.match(self.text, at) for one in _statements())), None)
            if found is None:
                return
            end = _ENDS.match(self.text, found.end())
            yield found  # where it fails for a lack, it does not matter what would come after it
            if found.re.groupindex.get("parsed") and found["parsed"]:
                return
            after = _GAP.match(self.text, end.end()) if end else None
            following = after.end() if after else len(self.text)
            if end is None or (not end[0].endswith(";") and _GOES_ON.match(self.text, following)):
                return
            at = end.end()
            self._end = following

    def _of(self, found: re.Match[str]) -> Lack | None:
        groups = found.groupdict()
        if _COMPUTES.search(found[0]):
            raise _NotPlainError
        if groups.get("imported"):
            name = _unquoted(groups["imported"])
            self._bind(groups["names"] or "", name)
            return self._inside(name, exact=True)
        if groups.get("required"):
            name = _unquoted(groups["required"])
            if missing := self._missing(name, exact=False):
                return missing
            self._bind(groups["bound"] or "", name if not groups["part"] else f"{name}{groups['part']}")
            return self._inside(name, exact=False)
        if groups.get("method"):
            # A static import runs its module first, wherever it stands.
            if not _IMPORTS_LATER.search(self.text, found.end()) and (lack := self._opened(groups)):
                return lack
            raise _NotPlainError  # it is there, so what comes of it is not read
        if groups.get("named"):
            name, value = groups["named"], groups["value"]
            joins = "(" in value and value.partition(".")[0] not in self.paths
            if name.startswith("{") or name in _TAKEN or joins:
                raise _NotPlainError
            self._forget(name)
            self.values[name] = self._path(value)
        return None

    def _forget(self, name: str) -> None:
        self.files.discard(name)
        self.opening.discard(name)
        self.paths.discard(name)
        self.values.pop(name, None)

    def _bind(self, names: str, module: str) -> None:
        plain, own = names.strip(), module.removeprefix("node:")
        bound = set(re.findall(_NAME, plain))
        if bound & _TAKEN:
            raise _NotPlainError
        for name in bound:
            self._forget(name)
        if plain.startswith("{"):
            pairs = (re.split(r"\s*:\s*|\s+as\s+", one.strip()) for one in plain.strip("{} \n\t").split(","))
            self.opening |= {pair[0] for pair in pairs if len(pair) == 1 and own in _FILES}
        else:
            alone = re.sub(r"^\*\s+as\s+", "", plain)
            self.files |= {alone} if own in (*_FILES, "fs.promises") else set()
            self.paths |= {alone} if own == "path" else set()

    def _missing(self, name: str, *, exact: bool) -> Lack | None:
        """Return what a module's name asks for and is not there; None where it is there."""
        if name.startswith("node:") or name.partition("/")[0] in _BUILT_IN:
            return None
        if name.startswith((".", "/")):
            return None if self._file(name, exact=exact) else Lack("file", name, _normal(self.file.parent / name))
        package = re.match(r"(?:@[a-z0-9~][\w.~-]*/)?[a-z0-9~][\w.~-]*", name, re.ASCII | re.IGNORECASE)
        if package is None or self._is_own(package[0]):
            raise _NotPlainError
        above = (folder / "node_modules" / package[0] for folder in self.file.parents)
        return None if any(os.path.lexists(one) for one in above) else Lack("package", package[0])

    def _file(self, name: str, *, exact: bool) -> Path | None:
        base = self.file.parent / name
        found = (base.with_name(f"{base.name}{end}") for end in (("",) if exact else _EXTENSIONS))
        plain = next((one for one in found if one.is_file()), None)
        if plain is None and base.is_dir():
            raise _NotPlainError  # its package.json says which file that is
        return Path(os.path.realpath(plain)) if plain else None

    def _is_own(self, package: str) -> bool:
        """Tell whether a name is the project's own: its package.json says what that stands for."""
        for folder in self.file.parents:
            if (said := folder / "package.json").is_file():
                try:
                    return bool(json.loads(read_plain_file(said, _FILE_BYTES)).get("name") == package)
                except AttributeError:
                    return True
        return False

    def _inside(self, name: str, *, exact: bool) -> Lack | None:
        """Return what a module of the project lacks first; packages that are installed only define."""
        file = self._file(name, exact=exact) if name.startswith((".", "/")) else None
        return self.reading.lack_of(file) if file and file.suffix != ".json" else None

    def _opened(self, groups: dict[str, str]) -> Lack | None:
        """Return what an opening statement cannot open; None where it opens it, or may."""
        module, method = groups["module"], groups["method"]
        known = module in self.files or module.startswith("require(") if module else method in self.opening
        kind = _OPENS.get(method.removesuffix("Sync"))
        is_async = not method.endswith("Sync")
        if not known or kind is None or is_async != bool(groups["waits"]):
            return None
        # Other options may have it make what is missing, and go on.
        plain = method.startswith(("write", "append")) or _READS.fullmatch(groups["rest"])
        if not plain or not (written := self._path(groups["path"])):
            return None
        path = _normal(Path(self.reading.cwd, written))
        lacking = path if kind == "file" else str(Path(path).parent)
        if os.path.lexists(lacking):
            return None
        return Lack("file", written, path) if kind == "file" else Lack("folder", written, lacking)

    def _path(self, expression: str) -> str:
        """Return the path that an expression stands for, "" where it is none that is written down."""
        if re.fullmatch(_TEXT, expression):
            return _unquoted(expression)
        if expression.startswith("__dirname"):
            return f"{self.file.parent}{_unquoted(re.findall(_TEXT, expression)[0])}"
        if "(" in expression and expression.partition(".")[0] in self.paths:
            return _normal(Path(self.file.parent, *map(_unquoted, re.findall(_TEXT, expression))))
        return self.values.get(expression, "")


def _unquoted(text: str) -> str:
    return text[1:-1]


def _normal(path: Path) -> str:
    return os.path.normpath(path)
