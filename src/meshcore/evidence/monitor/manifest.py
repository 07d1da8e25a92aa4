"""The manifest of a home: versions, skills by hash, and the checksum and size of every file that evidence rests on."""

from __future__ import annotations

import json
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import meshcore
from meshcore.clock import to_text
from meshcore.errors import MeshError
from meshcore.home import write_atomically
from meshcore.model import KnownSkill
from meshcore.store.database import SCHEMA_VERSION
from meshcore.store.store import Store

MANIFEST_NAME = "COLLECTIVE_LEARNING_MANIFEST.md"
HASHING_SECONDS = 300.0

# SQLite's locks belong to the process: closing a database file here, also one that was only read, would drop the locks
# of our own open connections to it. So another process reads the files.
_HASHER = """
import hashlib, json, os, stat, sys
found = {}
for path in sys.argv[1:]:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            continue
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            digest, left = hashlib.sha256(), status.st_size
            while left and (data := file.read(min(left, 1 << 20))):
                digest.update(data)
                left -= len(data)
            found[path] = [status.st_size - left, digest.hexdigest()]
    except FileNotFoundError:
        continue
    except OSError as error:
        found[path] = [None, error.strerror]
json.dump(found, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file as it was: its size in bytes and the SHA-256 of that many first bytes; size None: `digest` says why."""

    path: Path
    size: int | None
    digest: str


def examine_files(paths: Sequence[Path]) -> list[FileFact]:
    """Return size and checksum of those files that are there, in the order named. Raises MeshError."""
    command = [sys.executable, "-I", "-S", "-c", _HASHER, *map(str, paths)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=HASHING_SECONDS, check=True
        )
        found: Mapping[str, tuple[int | None, str]] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise MeshError(f"manifest: the files could not be read ({type(error).__name__}); try again") from error
    return [FileFact(path, *found[str(path)]) for path in paths if str(path) in found]


def write_manifest(path: Path, store: Store, files: Sequence[Path], now: datetime) -> int:
    """Replace the manifest in one step; return its size in bytes. Raises MeshError; the old one is then intact."""
    text = render(store.skills.all(), examine_files(files), now).encode("utf-8", "backslashreplace")
    try:
        write_atomically(path, text)
    except OSError as error:
        raise MeshError(f"{path}: not written ({error.strerror}); check its folder") from error
    return len(text)


def render(skills: Sequence[KnownSkill], files: Sequence[FileFact], now: datetime) -> str:
    """Return the manifest as Markdown."""
    versions = {
        "meshtui": meshcore.__version__,
        "store schema": str(SCHEMA_VERSION),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    }
    lines = [
        "# Collective learning manifest",
        "",
        f"Written {to_text(now)} by `meshtui monitor`.",
        "",
        "## Versions",
        "",
    ]
    lines += [f"- {name}: {version}" for name, version in versions.items()]
    lines += ["", f"## Skills ({len(skills)})", "", "| label | skill (SHA-256) | state | source | created |"]
    lines += ["| ---: | --- | --- | --- | --- |"]
    lines += [f"| {k.label} | `{k.skill_id}` | {k.state} | {k.source} | {k.created} |" for k in skills]
    lines += [
        "",
        "## Files",
        "",
        "The checksum is of the first *bytes* bytes: a log that has grown since still shows it",
        "",
    ]
    lines[-1:] = ["(`head -c BYTES FILE | sha256sum`).", "", "| file | bytes | SHA-256 |", "| --- | ---: | --- |"]
    lines += [_file_row(fact) for fact in files]
    return "\n".join(lines) + "\n"


def _file_row(fact: FileFact) -> str:
    name = "".join(c if c.isprintable() and c not in "|`" else f"\\x{ord(c):02x}" for c in str(fact.path))
    if fact.size is None:
        return f"| `{name}` | ? | cannot be read: {fact.digest} |"
    return f"| `{name}` | {fact.size} | `{fact.digest}` |"
