"""An export: a folder of evidence, each file under a checksum, the checksums under the signature of the node.

    slice/                               what every figure of the report is computed from
    report.html  report.json             the report of that slice
    database.json                        the two old queries with their results, rows per table
    monitor_log.jsonl  validation_log.jsonl
    COLLECTIVE_LEARNING_MANIFEST.md      versions, skills by hash, checksums of the files this was made from
    manifest.json                        what this folder is: format, who, when, which range, with pseudonyms or not
    SHA256SUMS  SHA256SUMS.sig           the checksum of every other file, and the node's signature under them

Whoever has the folder can check it with `sha256sum -c SHA256SUMS`; `verify_bundle` also checks the signature and
computes every figure of the report anew. What is not in the checksums does not belong to it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import meshcore
from meshcore.errors import MeshError, UsageError
from meshcore.evidence.report.report import build, render
from meshcore.evidence.slice.files import read_slice, write_slice
from meshcore.evidence.slice.rows import Slice
from meshcore.home import PRIVATE_FOLDER, open_plain_file, read_plain_file, write_atomically
from meshcore.model import Json, canonical
from meshcore.safety.keys import Identity, enrolment_text, is_signed
from meshcore.safety.visible_text import visible

FORMAT = "meshtui-evidence"
FORMAT_VERSION = 1
SLICE = "slice"
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sig"
REPORT_JSON, REPORT_HTML = "report.json", "report.html"
FAULTS_NAMED = 50  # of one kind; all are counted
_SMALL_LIMIT = 16 << 20
_REPORT_LIMIT = 1 << 30
_FILE_LIMIT = 8 << 30
_SUM = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)?)")


@dataclass(frozen=True, slots=True)
class Material:
    """What an export is made of; texts are ready to leave. `logs` are lines by file name."""

    slice: Slice
    database: Mapping[str, Json]
    logs: Mapping[str, Sequence[Mapping[str, Json]]]
    home_manifest: str
    made_at: str
    name: str
    pseudonyms: bool
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found in an export: one line per fault, who signed (keys), and its slice where that can be read."""

    folder: Path
    faults: tuple[str, ...]
    node: str = ""
    operator: str = ""
    manifest: Mapping[str, Json] = field(default_factory=dict)
    slice: Slice | None = None

    @property
    def ok(self) -> bool:
        return not self.faults


# --- writing ----------------------------------------------------------------------------------------------------------


def write_bundle(folder: Path, material: Material, identity: Identity) -> list[Path]:
    """Write an export into a new or empty folder; return its files. Raises UsageError, MeshError."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder}: not an empty folder; name a new one")
        folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        write_slice(folder / SLICE, material.slice)
        report = build(read_slice(folder / SLICE))
        texts = {
            REPORT_HTML: render(report, "html"),
            REPORT_JSON: render(report, "json"),
            "database.json": _json(material.database),
            **{name: "".join(_line(line) for line in lines) for name, lines in material.logs.items()},
            "COLLECTIVE_LEARNING_MANIFEST.md": material.home_manifest,
            MANIFEST: _json(_manifest(material)),
        }
        for name, text in texts.items():
            write_atomically(folder / name, text.encode("utf-8", "backslashreplace"))
        sums = sums_of(folder)
        write_atomically(folder / SUMS, sums.encode("ascii"))
        write_atomically(folder / SIGNATURE, _signature(sums, identity).encode("ascii"))
    except OSError as error:
        raise MeshError(f"{folder}: not written ({error.strerror}); name another folder") from error
    return [folder / name for name in (*texts, SUMS, SIGNATURE)]


def _manifest(material: Material) -> dict[str, Json]:
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "meshtui": meshcore.__version__,
        "made_at": material.made_at,
        "name": material.name,
        "since": material.since,
        "until": material.until,
        "pseudonyms": material.pseudonyms,
    }


def _json(value: Mapping[str, Json]) -> str:
    return json.dumps(dict(value), indent=1, sort_keys=True, allow_nan=False) + "\n"


def _line(value: Mapping[str, Json]) -> str:
    return json.dumps(dict(value), allow_nan=False) + "\n"


def sums_of(folder: Path) -> str:
    """Return the checksum of every file of an export, as `sha256sum` writes them."""
    names = (name for name in _files(folder) if name not in (SUMS, SIGNATURE))
    return "".join(f"{_digest(folder / name)}  {name}\n" for name in sorted(names))


def _signature(sums: str, identity: Identity) -> str:
    body = {
        "key": identity.node.public,
        "sig": identity.node.sign(_signed_text(sums)),
        "operator": identity.operator,
        "enrolment": identity.enrolment,
    }
    return canonical(body) + "\n"


def _signed_text(sums: str) -> str:
    return canonical({"meshtui": "evidence", "sums": hashlib.sha256(sums.encode("ascii")).hexdigest()})


# --- verifying --------------------------------------------------------------------------------------------------------


def verify_bundle(folder: Path) -> Verified:
    """Check an export: every byte, the signature, and every figure of the report. Raises UsageError for no export."""
    if not folder.is_dir() or not os.path.lexists(folder / SUMS):
        raise UsageError(f"{folder}: not an export; name the folder that `meshtui evidence export` wrote")
    faults: list[str] = []
    node = operator = ""
    try:
        sums = read_plain_file(folder / SUMS, _SMALL_LIMIT).decode("ascii")
        faults += _changed(folder, sums)
        node, operator = _signer(folder, sums)
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{SUMS}: cannot be read ({_reason(error)})")
    except MeshError as error:
        faults.append(str(error))
    manifest: Mapping[str, Json] = {}
    found: Slice | None = None
    try:
        manifest = _read_manifest(folder)
        found = read_slice(folder / SLICE)
        faults += _recomputed(folder, found, manifest)
    except (MeshError, OSError, ValueError, RecursionError) as error:
        faults.append(_reason(error))
    return Verified(folder, tuple(visible(fault, limit=400) for fault in faults), node, operator, manifest, found)


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return " ".join((text or type(error).__name__).split())


def _changed(folder: Path, sums: str) -> Iterator[str]:
    """Yield a line for every file that is not what the checksums say."""
    said: dict[str, str] = {}
    for number, line in enumerate(sums.splitlines(), start=1):
        match = _SUM.fullmatch(line)
        if match is None or match[2] in said or ".." in match[2]:
            yield f"{SUMS}:{number}: no checksum of a file of an export"
            continue
        said[match[2]] = match[1]
    there = set(_files(folder)) - {SUMS, SIGNATURE}
    for name in sorted(said.keys() - there):
        yield f"{name}: missing"
    for name in sorted(there - said.keys()):
        yield f"{name!r:.200}: added, it is not in {SUMS}"
    for name in sorted(there & said.keys()):
        try:
            digest = _digest(folder / name)
        except OSError as error:
            yield f"{name}: cannot be read ({error.strerror})"
            continue
        if digest != said[name]:
            yield f"{name}: changed (its checksum is {digest[:12]}…, signed was {said[name][:12]}…)"


def _files(folder: Path) -> Iterator[str]:
    """Yield everything below a folder that is no folder, links included, by its path there."""
    for base, folders, names in os.walk(folder):
        inside = Path(base).relative_to(folder)
        links = [name for name in folders if (Path(base) / name).is_symlink()]
        empty = [name for name in folders if name not in links and not any((Path(base) / name).iterdir())]
        yield from (str(inside / name) for name in (*names, *links, *empty))


def _digest(path: Path) -> str:
    """Return the SHA-256 of a plain file. Raises OSError, also for a link, a pipe, a folder, or one without an end."""
    with open_plain_file(path, _FILE_LIMIT, follow=False) as file:
        digest = hashlib.sha256()
        while data := file.read(1 << 20):
            digest.update(data)
        return digest.hexdigest()


def _signer(folder: Path, sums: str) -> tuple[str, str]:
    """Return the keys of the node and the operator that signed. Raises MeshError where the signature does not hold."""
    try:
        text = read_plain_file(folder / SIGNATURE, _SMALL_LIMIT).decode("ascii")
        body = json.loads(text)
        key, sig, operator, enrolment = (body[name] for name in ("key", "sig", "operator", "enrolment"))
        exact = canonical({"key": key, "sig": sig, "operator": operator, "enrolment": enrolment}) + "\n" == text
    except OSError as error:
        raise MeshError(f"{SIGNATURE}: cannot be read ({error.strerror})") from error
    except (ValueError, LookupError, TypeError, RecursionError):
        raise MeshError(f"{SIGNATURE}: no signature of an export") from None
    if not exact or not isinstance(sig, str) or not isinstance(key, str):
        raise MeshError(f"{SIGNATURE}: no signature of an export")
    if not is_signed(key, _signed_text(sums), sig):
        raise MeshError(f"{SIGNATURE}: the signature does not hold: {SUMS} or the signature was changed")
    if operator and not is_signed(operator, enrolment_text(key, operator), enrolment):
        raise MeshError(f"{SIGNATURE}: the operator that is named has not enrolled the node that signed")
    return key, operator


def _read_manifest(folder: Path) -> Mapping[str, Json]:
    manifest = json.loads(read_plain_file(folder / MANIFEST, _SMALL_LIMIT))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise MeshError(f"{MANIFEST}: not the manifest of an export")
    if manifest.get("version") != FORMAT_VERSION:
        raise MeshError(
            f"{MANIFEST}: written in version {str(manifest.get('version'))[:20]} of the format, this meshtui reads"
            f" version {FORMAT_VERSION}; export it again with this version, or upgrade"
        )
    return manifest


# --- figures ----------------------------------------------------------------------------------------------------------


def _recomputed(folder: Path, found: Slice, manifest: Mapping[str, Json]) -> Iterator[str]:
    """Yield a line for every value of the report that does not follow from the slice."""
    report = build(found)
    said = json.loads(read_plain_file(folder / REPORT_JSON, _REPORT_LIMIT))
    differing = list(_differences("", json.loads(render(report, "json")), said))
    yield from differing[:FAULTS_NAMED]
    if len(differing) > FAULTS_NAMED:
        yield f"{REPORT_JSON}: {len(differing) - FAULTS_NAMED} more values do not follow from the slice"
    # Another version may draw the same figures in another way.
    if manifest.get("meshtui") == meshcore.__version__:
        html = read_plain_file(folder / REPORT_HTML, _REPORT_LIMIT)
        if html != render(report, "html").encode("utf-8", "backslashreplace"):
            yield f"{REPORT_HTML}: does not follow from the slice"


def _differences(place: str, computed: Json, said: Json) -> Iterator[str]:
    if isinstance(computed, dict) and isinstance(said, dict):
        for name in sorted(computed.keys() | said.keys()):
            yield from _differences(f"{place}.{name}".lstrip("."), computed.get(name), said.get(name))
    elif isinstance(computed, list) and isinstance(said, list) and len(computed) == len(said):
        for number, (one, other) in enumerate(zip(computed, said, strict=True)):
            yield from _differences(f"{place}[{number}]", one, other)
    elif type(computed) is not type(said) or computed != said:
        yield f"{REPORT_JSON}: {place} says {str(said)[:80]!r}, the slice gives {str(computed)[:80]!r}"
