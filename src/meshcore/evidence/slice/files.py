"""A slice on disk: a folder with a header and a file of JSON Lines per table, for a stranger to read and recompute."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meshcore.errors import MeshError
from meshcore.evidence.monitor.jsonl import MAX_LINE_BYTES, read_lines
from meshcore.evidence.monitor.log import snapshot_of
from meshcore.evidence.slice.codec import clean, from_json, to_json
from meshcore.evidence.slice.rows import TABLES, MonitorRow, Origin, Slice
from meshcore.home import PRIVATE_FILE, PRIVATE_FOLDER, read_plain_file, write_atomically
from meshcore.model import Json

FORMAT = "meshtui-slice"
FORMAT_VERSION = 1
HEADER = "header.json"
MAX_ROWS = 5_000_000  # of one table
_HEADER_LIMIT = 16 << 20


def write_slice(folder: Path, found: Slice) -> list[Path]:
    """Write a slice into a folder, which is made where it is missing; return its files. Raises MeshError."""
    written = [folder / f"{name}.jsonl" for name in TABLES]
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "rows": {name: len(getattr(found, name)) for name in TABLES},
        "origins": [to_json(origin) for origin in found.origins],
        "skipped": list(found.skipped),
        "contradictions": list(found.contradictions),
    }
    try:
        folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        for path in written:
            rows: Sequence[Any] = getattr(found, path.stem)
            text = "".join(json.dumps(to_json(row), sort_keys=True) + "\n" for row in rows)
            write_atomically(path, text.encode("ascii"), PRIVATE_FILE)
        # The header comes last: a slice without one is not finished.
        write_atomically(folder / HEADER, (json.dumps(header, indent=1, sort_keys=True) + "\n").encode("ascii"))
    except OSError as error:
        raise MeshError(f"{folder}: not written ({error.strerror}); name another folder") from error
    return [folder / HEADER, *written]


def read_slice(folder: Path) -> Slice:
    """Read what `write_slice` wrote. Raises MeshError, one line with file and line, where anything does not fit."""
    header = _header(folder / HEADER)
    rows = header.get("rows")
    if not isinstance(rows, dict):
        raise MeshError(f"{folder / HEADER}: rows must be an object; export it again")
    try:
        origins = tuple(from_json(Origin, item) for item in _list(header, "origins"))
        skipped, contradictions = (
            tuple(clean(str(text)) for text in _list(header, name)) for name in ("skipped", "contradictions")
        )
    except ValueError as error:
        raise MeshError(f"{folder / HEADER}: {error}; export it again") from None
    tables: dict[str, Any] = {
        name: _table(folder / f"{name}.jsonl", kind, rows.get(name)) for name, kind in TABLES.items()
    }
    return Slice(origins=origins, **tables, skipped=skipped, contradictions=contradictions)


def is_slice(folder: Path) -> bool:
    """Tell whether a folder looks like a slice."""
    return (folder / HEADER).is_file()


def _header(path: Path) -> dict[str, Json]:
    try:
        header = json.loads(read_plain_file(path, _HEADER_LIMIT))
    except FileNotFoundError:
        raise MeshError(f"{path}: no such file; name the folder of a slice or of an export") from None
    except OSError as error:
        raise MeshError(f"{path}: cannot be read ({error.strerror}); check it and its permissions") from error
    except (ValueError, RecursionError):
        raise MeshError(f"{path}: not JSON; export it again") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise MeshError(f"{path}: not the header of a slice; name the folder of a slice or of an export")
    if header.get("version") != FORMAT_VERSION:
        found = clean(str(header.get("version")))[:20]
        raise MeshError(
            f"{path}: written in version {found} of the format, this meshtui reads version {FORMAT_VERSION};"
            " export it again with this version, or upgrade"
        )
    return header


def _list(header: dict[str, Json], name: str) -> list[Json]:
    value = header.get(name)
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list")
    return value


def _table(path: Path, kind: type, expected: Json) -> tuple[Any, ...]:
    if path.is_symlink():
        raise MeshError(f"{path}: a link; a slice holds plain files only, export it again")
    found: list[Any] = []
    for line in read_lines(path, MAX_LINE_BYTES):
        try:
            if line.value is None:
                raise ValueError(line.reason)
            if line.number > MAX_ROWS:
                raise ValueError(f"more than {MAX_ROWS:,} rows")
            row: Any = from_json(kind, line.value)
            if isinstance(row, MonitorRow):
                snapshot_of(row.record)  # a record without a usable time is no record
            found.append(row)
        except ValueError as error:
            raise MeshError(f"{path}:{line.number}: {error}; export it again") from None
    if expected != len(found):
        said = clean(str(expected))[:20]
        raise MeshError(f"{path}: holds {len(found)} rows, its header says {said}; export it again")
    return tuple(found)
