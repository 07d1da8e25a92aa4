"""The varying parts of a line of text, typed: what is a path, a number, a name, and what is the tool's own wording.

A template is the line with a placeholder such as `<path>` for each varying part. Every rule is linear: repeats are
bounded, and what stands before a token is looked at as one word.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence

from meshcore.knowledge.text import word_set
from meshcore.model import Slot, SlotKind

KINDS: tuple[SlotKind, ...] = ("path", "number", "port", "host", "version", "hex", "name", "identifier")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "[::1]", "localhost.localdomain"})  # noqa: S104

# What an operating system says of a file; the name that stands beside it is a path, however it looks.
_FILE_REFUSALS = (
    "no such file or directory", "permission denied", "file exists", "is a directory", "not a directory",
    "directory not empty", "read-only file system", "no space left on device", "operation not permitted",
    "device or resource busy", "text file busy", "exec format error", "too many levels of symbolic links",
    "file name too long", "invalid cross-device link", "already exists and is not an empty directory",
    "omitting directory", "too many open files",
)  # fmt: skip
# A file whose name says what it is for: kept in the template, because another file would need another fix.
_MANIFESTS = word_set(
    "package.json package-lock.json yarn.lock requirements.txt pyproject.toml setup.py setup.cfg tox.ini "
    "manage.py Makefile CMakeLists.txt Dockerfile docker-compose.yml compose.yaml Cargo.toml go.mod pom.xml "
    "build.gradle Gemfile composer.json tsconfig.json .env .git Procfile Vagrantfile Pipfile poetry.lock "
    "Chart.yaml"
)
# A number behind one of these words says which error it is, not which instance.
_TELLING_NUMBER = word_set("errno error status code http exit signal returned e base protocol winerror")
_PATH_WORDS = word_set("path file directory folder jarfile open repository ref tag at")
# What a tool complains of by name: `No such command: x`, `target not found: x`.
_NAMED = word_set(
    "command subcommand task script option argument target package module container image volume network remote table "
    "column function variable key user group service unit formula plugin found database relation symbol"
)
# A git ref is a file below .git/refs: `feature/x` and `main` in the same place are both paths.
_REF_WORDS = frozenset({"branch", "refspec"})
_AFTER_REF_WORD = word_set("has is that named already does without name of for to and from or with was by in")
# What stands behind one of these is a name, in quotes or not.
_NAMING = frozenset({"named", "called"})
_PLACE = re.compile(r":\d{1,7}:\d{1,7}\b")
_HEX = re.compile(r"[0-9a-f]{7,64}")
_PLACED = re.compile(
    r"(?:<\w{1,20}:)?(?P<path>(?=[^\s:]{0,40}[A-Za-z])[^\s:()\[\]'\"<>]{1,240})>?"
    r"(?::(?P<row>\d{1,7})(?P<col>:\d{1,6})?|\((?P<at>\d{1,7})(?:, ?\d{1,6}){0,3}\)):(?:in [`'][^`'\n]{1,120}':)? "
)
_IN_QUOTES = re.compile(r"['\"`‘“]([\w.+@:-]{1,100})['\"`’”]")
_LIST = re.compile(r"<([a-z]{4,10})>(?:,? <\1>){2,100}")
_PLACEHOLDER = re.compile(r"<(?:" + "|".join(KINDS) + r")>")
_SUFFIXES = word_set(
    "py js ts jsx tsx mjs cjs c h cc cpp hpp rs go rb sh bash zsh pl php java kt jar war json yaml yml toml ini "
    "cfg conf txt md rst csv tsv xml html htm css sql db sqlite sqlite3 log lock pem key crt zip tar gz bz2 xz "
    "tgz whl so o a dll exe png jpg svg pdf bak tmp new orig patch diff ipynb pyx env tf tfstate "
    "lua tex bib proto jl r hs ml ex exs erl nim zig swift dart scala clj groovy gradle f90 bats ps1 bat fish nix hcl "
    "vue svelte scss sass less graphql"
)


@functools.cache
def _tokens() -> re.Pattern[str]:
    return re.compile(
        r"(?P<plain>\b[A-Za-z]{1,60}(?![\w./+@:\\-]|://))"  # most words
        r"|(?P<url>\b[a-z][a-z0-9+.-]{1,14}://[^\s'\"<>`]{1,400})"
        r"|(?P<quoted>(?<!\w)'[^'\n]{1,200}'(?!\w)|\"[^\"\n]{1,200}\"|`[^`'\n]{1,200}[`']|‘[^’\n]{1,200}’|“[^”\n]{1,200}”"
        r"|«[^»\n]{1,200}»|»[^«\n]{1,200}«)"
        r"|(?P<uuid>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b)"
        r"|(?P<time>\b\d{4}-\d\d-\d\d(?:[T _]\d\d[:_]\d\d(?:[:_]\d\d(?:[.,_]\d{1,9})?)?Z?)?)"
        r"|(?P<ip>\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b)"
        r"|(?P<path>(?<![\w.])(?:~|\.{1,2})?/[^\s:;,'\"`<>()\[\]{}|]{1,400}|\b[A-Za-z]:\\[^\s:;,'\"`<>|]{1,400}"
        r"|(?<![\w./-])[\w.+@-]{1,120}/[\w./+@-]{1,300})"
        r"|(?P<scoped>\b[A-Za-z_]\w{0,60}(?:::[A-Za-z_]\w{0,60}){1,8}\b)"
        r"|(?P<hex>\b0x[0-9a-fA-F]{1,32}\b)"
        r"|(?P<version>\bv?\d{1,6}\.\d{1,6}\.\d{1,8}[\w.+-]{0,40})"
        r"|(?P<number>(?<![\w.])\d{1,40}(?:\.\d{1,20})?(?![\w]))"
        r"|(?P<word>[\w-][\w.+@-]{0,120})"
    )


def placeholders(template: str) -> int:
    """Return how many slots a template has."""
    return len(_PLACEHOLDER.findall(template))


def about_a_file(line: str) -> bool:
    """Return whether the line is an operating system's refusal about a file."""
    return bool(refusal_of(line))


def refusal_of(line: str) -> str:
    """Return what an operating system says of a file in a line, "" where it says nothing."""
    low = line.lower()
    return next((phrase for phrase in _FILE_REFUSALS if phrase in low), "")


def file_first(message: str) -> str:
    """Return a refusal about a file in the order of most programs, where one names the file last."""
    refusal, _, file = message.partition(": ")
    return f"{file}: {refusal}" if file and " " not in file and refusal.lower() in _FILE_REFUSALS else message


def is_file_name(word: str) -> bool:
    """Return whether a bare word looks like the name of a file."""
    stem, dot, suffix = word.rpartition(".")
    return bool(dot and stem) and suffix.lower() in _SUFFIXES and " " not in word


def generalise(line: str, operands: Collection[str] = ()) -> tuple[str, tuple[Slot, ...]]:
    """Return the template of a line and its slots in order; `operands` are words that the user typed."""
    slots: list[Slot] = []
    out: list[str] = []
    end = 0
    if place := _placed(line):
        slots += [Slot("path", place["path"]), Slot("number", place["row"] or place["at"])]
        out.append("\0path\1:\0number\1: ")
        end = place.end()
    if any(quote in line for quote in "'\"`‘“"):
        # What stands in quotes in one place of a line varies in the others too.
        operands = {*operands, *(word for word in _IN_QUOTES.findall(line, end) if len(word) > 2)}
    file_refusal = about_a_file(line)
    names_refs = "branch" in line or "refspec" in line or " named " in line or " called " in line
    for token in _tokens().finditer(line, end):
        start = token.start()
        if start > end:
            out.append(line[end:start])
        end = token.end()
        group, text = token.lastgroup or "", token[0]
        may_vary = names_refs or text in operands or (file_refusal and line.startswith(": ", end))
        may_vary = may_vary or line.startswith((": ", "- "), start - 2)
        if group == "plain" and not may_vary:
            out.append(text)
            continue
        if group == "quoted" and " " in text and not set(text[1:-1].split()).isdisjoint(operands):
            # A command or a sentence in quotes is no name: what the user typed varies within it.
            inner, inner_slots = generalise(text[1:-1], operands)
            out.append(text[0] + _PLACEHOLDER.sub(lambda m: f"\0{m[0][1:-1]}\1", inner) + text[-1])
            slots += inner_slots
            continue
        slot, rest = _slot_of(group, text, line, start, end, operands, file_refusal)
        if slot is not None and slot.kind == "port" and not _is_port(line, start, slots):
            slot = Slot("number", slot.value)
        if slot is not None:
            slots.append(slot)
            out.append(f"\0{slot.kind}\1")
        out.append(rest)
    out.append(line[end:])
    template = "".join(out).replace("<", "‹").replace(">", "›")  # so that no outside text poses as a placeholder
    return _without_lists(" ".join(template.replace("\0", "<").replace("\1", ">").split()), slots)


def _placed(line: str) -> re.Match[str] | None:
    """Return the place in a file that a line begins with, None where it begins with something else."""
    found = _PLACED.match(line) if "/" in line[:240] or "." in line[:240] else None
    if found is None or "://" in found["path"]:
        return None
    is_file = "/" in found["path"] or is_file_name(found["path"])
    return found if is_file or found["col"] or found["at"] else None


def _without_lists(template: str, slots: Sequence[Slot]) -> tuple[str, tuple[Slot, ...]]:
    """Return a template and its slots with one placeholder for each list of them: how long one is says nothing."""
    if "> <" not in template and ">, <" not in template:
        return template, tuple(slots)
    kept = list(slots)
    for found in reversed(list(_LIST.finditer(template))):
        first = placeholders(template[: found.start()])
        del kept[first + 1 : first + placeholders(found[0])]
        template = f"{template[: found.start()]}<{found[1]}>{template[found.end() :]}"
    return template, tuple(kept)


def _is_port(line: str, start: int, slots: Sequence[Slot]) -> bool:
    """Return whether a number is said to be a port, or stands behind a host and a colon (not a file and a colon)."""
    if line[start - 1] != ":":
        return True
    last = slots[-1] if slots else Slot("name", "")
    return (
        (last.kind == "host" or "." in last.value) and last.kind != "path" and line.endswith(last.value, 0, start - 1)
    )


def _word_before(line: str, start: int) -> str:
    """Return the word before a position, in lower case, without what separates the two."""
    before = line[max(0, start - 24) : start].rstrip(" :=(#[")
    at = len(before)
    while at and before[at - 1].isalpha():
        at -= 1
    return before[at:].lower()


def _slot_of(
    group: str, text: str, line: str, start: int, end: int, operands: Collection[str], file_refusal: bool
) -> tuple[Slot | None, str]:
    """Return the slot for a token, if it varies, and what of its text stays in the template."""
    before = _word_before(line, start)
    if group in ("word", "plain"):
        kind = _kind_of_word(text, before, line[end : end + 60], operands, file_refusal)
        if kind is None and before in _NAMED and line.startswith(": ", start - 2):
            kind = "identifier"
        if kind is None and line.startswith(" -- ", start - 4) and line[end : end + 2] in ("", " ("):
            kind = "identifier"  # as GNU's programs name what they complain of
        if kind is None:
            return None, text
        bare = text if text.endswith("..") else text.rstrip(".")  # a full stop belongs to the sentence
        return Slot(kind, bare), text[len(bare) :]
    if group == "number":
        if before in _TELLING_NUMBER or text == "0":
            return None, text
        is_port = text.isdigit() and len(text) < 6 and (before == "port" or line[start - 1 : start] == ":")
        return Slot("port" if is_port else "number", text), ""
    if group == "quoted":
        return Slot(_kind_of_quoted(text[1:-1], before, file_refusal), text[1:-1]), ""
    if group in ("path", "url"):
        bare = text.rstrip(".,;:!?")
        name = bare.rsplit("/", 1)[-1]
        return Slot("path", bare), (f"/{name}" if name in _MANIFESTS else "") + text[len(bare) :]
    if group == "ip":
        return Slot("host", text), ""
    if group == "scoped":
        return Slot("identifier", text), ""
    if group in ("uuid", "hex"):
        return Slot("hex", text), ""
    if group == "version":
        return Slot("version", text.rstrip(".-+")), ""
    return Slot("number", text), ""


def _kind_of_quoted(text: str, before: str, file_refusal: bool) -> SlotKind:
    if text.isdigit():
        return "number"
    if _HEX.fullmatch(text) and any(c.isdigit() for c in text):
        return "hex"
    if "/" in text and " " not in text and not text.startswith(("@", "--")):
        return "path"
    if file_refusal or before in _PATH_WORDS or before in _REF_WORDS or is_file_name(text):
        return "path"
    return "name"


def _kind_of_word(text: str, before: str, after: str, operands: Collection[str], file_refusal: bool) -> SlotKind | None:
    """Return the kind of a bare word that varies, None where it belongs to the wording."""
    bare = text.rstrip(".")
    if bare in LOOPBACK:
        return "host"
    if file_refusal and after.startswith(": ") and after[2:].lower().startswith(_FILE_REFUSALS):
        return "path"
    if before in _REF_WORDS and bare not in _AFTER_REF_WORD:
        return "path"
    if before in _NAMING and bare not in _AFTER_REF_WORD:
        return "identifier"
    if bare in operands:
        return "path" if is_file_name(bare) or before in _PATH_WORDS else "identifier"
    if text[0] == "-":
        return "identifier" if text.strip("-") else None
    if "." in bare and _PLACE.match(after):
        return "path"
    if is_file_name(bare):
        return "path" if after[:1] == ":" and after[1:2].isdigit() else None
    if any(c.isdigit() for c in bare) and any(c.isalpha() for c in bare):
        return "hex" if _HEX.fullmatch(bare) else "identifier"
    if "_" in bare.strip("_") or ("." in bare.strip(".") and bare.replace(".", "").isalnum()):
        return "identifier" if not bare.isupper() else None
    return None
