"""What an error says is missing, as far as something may be known of that in general. Light: a hook asks."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal

from meshcore.knowledge.program import program_name
from meshcore.knowledge.text import word_set
from meshcore.model import Signature

MissingKind = Literal["module", "node module", "pytest option", "fixture", "program", "header", "library", "pkg-config"]
_BY_TYPE: dict[str, MissingKind] = {
    "ModuleNotFoundError": "module",
    "MODULE_NOT_FOUND": "node module",
    "CommandNotFound": "program",
    "HeaderNotFound": "header",
    "LibraryNotFound": "library",
}


SPEAKING = word_set(
    "git pip npm npx yarn pnpm bun deno cargo rustup rustc go gem bundle bundler composer apt apt-get brew dnf apk "
    "pacman poetry uv pdm conda mamba terraform tofu docker podman kubectl helm dotnet flutter dart pod gh az aws "
    "gcloud mix cabal stack opam swift gradle mvn playwright prisma alembic pre-commit ansible-galaxy nvm rbenv pyenv "
    "asdf mise vagrant heroku hg svn rails lerna ng expo eas sam cdk pulumi serverless sls firebase netlify vercel "
    "wrangler fly flyctl doctl minikube kind skaffold supabase"
)
"""Programs whose words on their own command line are their own; what others relay may be anybody's."""


_READ = 4_000  # characters of a command


@dataclass(frozen=True, slots=True)
class Missing:
    """A thing that is missing: its kind, and its name as the error has it (of options, all that are not known)."""

    kind: MissingKind
    names: tuple[str, ...]


@functools.cache
def _patterns() -> tuple[tuple[MissingKind, re.Pattern[str]], ...]:
    return (
        (
            "node module",
            re.compile(
                r"(?:Can't resolve '|Failed to resolve import \")((?:@[a-z0-9-]{1,60}/)?[a-z0-9][\w.-]{0,80})"
                r"(?:/[^'\"\n]{0,200})?['\"] (?:in|from) "
            ),
        ),
        ("program", re.compile(r"^error: linker [`'](cc|c\+\+|gcc|clang|lld)[`'] not found$")),
        ("program", re.compile(r"^Command '([\w.+-]{1,64})' not found, but can be installed with:$")),
        (
            "program",
            re.compile(
                r"\byou (?:must|need to) install the ([\w.+-]{1,64}) (?:program|command|tool|utility|binary)\b"
                r"|\b([\w.+-]{1,64}) executable not found\b"
                r"|^[`'\"]?([\w.+-]{1,64})[`'\"]? is required,? but (?:it(?:'s| is) )?not (?:installed|found)\b"
            ),
        ),
        ("pytest option", re.compile(r"pytest\S{0,40}: error: unrecognized arguments: (-[ -~]{1,400})$")),
        ("fixture", re.compile(r"^(?:E +)?fixture '(\w{1,100})' not found$")),
        (
            "pkg-config",
            re.compile(
                r"\bPackage '?([\w.+-]{1,64})'? was not found in the pkg-config search path"
                r"|\bNo package '([\w.+-]{1,64})' found|^Package '([\w.+-]{1,64})'[^\n]{0,200}, not found$"
                r"|\bThe system library `([\w.+-]{1,64})` required by crate `"
            ),
        ),
    )


def missing(signature: Signature) -> Missing | None:
    """Return what an error says is missing, None for every other error."""
    kind = _BY_TYPE.get(signature.error_type)
    if kind is not None:
        if " is a package and cannot be directly executed" in signature.line:
            return None  # it is there, and nothing in it is to be run
        slot = signature.slots[0] if signature.slots else None
        is_one = slot is not None and slot.kind == "identifier" and signature.template.count("<identifier>") == 1
        return Missing(kind, (slot.value,)) if is_one and slot else None
    for kind, pattern in _patterns():
        found = pattern.search(signature.line)
        if found:
            said = next(filter(None, found.groups()))
            words = said.split() if kind == "pytest option" else [said]
            return Missing(
                kind, tuple(dict.fromkeys(word for word in words if kind != "pytest option" or word[0] == "-"))
            )
    return None


def is_own_choice(gone: Missing, argv: tuple[str, ...]) -> bool:
    """Tell whether a command asks for a missing thing itself, so that to install it is no news to who typed it.

    It imports a module in code that it brings along, or it asks for a program's version or place.
    """
    name, typed = re.escape(gone.names[0].partition(".")[0]), "\n".join(argv)[:_READ]
    if gone.kind == "module":
        imports = rf"(?m)(?:^|[;'\"])[ \t]*(?:import (?:[\w.]+(?: as \w+)?, ?)*|from ){name}\b"
        return _brings_code().search(typed) is not None and re.search(imports, typed) is not None
    if gone.kind == "program":
        name = re.escape(gone.names[0])
        version = rf"(?:\S+/)?{name}\s(?:-{{1,2}}version|-V)(?=$|[\s;&|])"
        place = rf"(?:command -v|which|type|hash) (?:[\w.-]+ )*{name}(?=$|[\s;&|])"
        return re.search(rf"(?:^|[\s;&|(])(?:{version}|{place})", typed) is not None
    return False


@functools.cache
def _brings_code() -> re.Pattern[str]:
    return re.compile(r"(?:^|[\s/])(?:python|pypy)[\d.]*\s(?:-\w+\s)*-\w*c(?=[\s'\"])|<<")


def without_relayed(output: str) -> str:
    """Return an output without the lines that git passes on from a server: they are the server's words, not git's."""
    return re.sub(r"(?m)^remote:.*$", "", output) if "remote:" in output else output


def said_itself(argv: tuple[str, ...], output: str) -> str:
    """Return what a program says itself: nothing of a server that git speaks with, nor of the script that npm starts.

    "" where it runs a script, and the beginning of the output, where it says so, may have been cut off.
    """
    if argv and program_name(argv[0]) in _RUNNERS:
        if len(output) >= _WHOLE and not _INSTALLING.intersection(argv[1:2]):
            return ""
        output = re.split(r"(?m)^(?:> \S+@\S+ \S|\$ \S)", output, maxsplit=1)[0]
    return without_relayed(output)


_WHOLE = 4_000  # characters of output: of a longer one an incident keeps the end
_RUNNERS = word_set("npm yarn pnpm bun")
"""Programs that say which script they run, and then let it speak."""
_INSTALLING = word_set("ci install i add")  # verbs of theirs that show no script's words


def may_propose(argv: tuple[str, ...], output: str) -> bool:
    """Tell whether it is worth to look for a command that a failed one proposes."""
    return (program_name(argv[0]) if argv else "") in SPEAKING or "install" in output
