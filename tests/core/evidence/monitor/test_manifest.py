"""The manifest: what is in it can be checked with ordinary tools, and writing it harms no open database."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from meshcore.errors import MeshError
from meshcore.evidence.monitor.manifest import FileFact, examine_files, render, write_manifest
from meshcore.knowledge.interchange import put
from meshcore.store.store import Store
from meshcore.testing import START, known_skill


def test_it_names_versions_every_skill_by_its_hash_and_every_file_by_its_checksum(store: Store, tmp_path: Path) -> None:
    known = put(store, known_skill())
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"{}\n")
    size = write_manifest(tmp_path / "M.md", store, [log, tmp_path / "not-there"], START)
    text = (tmp_path / "M.md").read_text()
    assert size == len(text.encode())
    assert f"| {known.label} | `{known.skill_id}` | active |" in text
    assert f"| `{log}` | 3 | `{hashlib.sha256(b'{}' + bytes([10])).hexdigest()}` |" in text
    assert sqlite3.sqlite_version in text
    assert "not-there" not in text


def test_the_same_facts_give_the_same_size_at_any_time(store: Store, tmp_path: Path) -> None:
    first = write_manifest(tmp_path / "M.md", store, [], START)
    assert write_manifest(tmp_path / "M.md", store, [], START.replace(microsecond=123456)) == first


def test_the_checksum_of_a_log_that_grows_is_that_of_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"before\n")
    [fact] = examine_files([log])
    log.write_bytes(b"before\nafter\n")
    assert fact == FileFact(log, 7, hashlib.sha256(log.read_bytes()[:7]).hexdigest())


def test_what_is_no_plain_file_is_left_out_and_waits_for_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert examine_files([tmp_path / "pipe", tmp_path, tmp_path / "missing"]) == []


def test_a_file_that_cannot_be_read_is_named_with_the_reason() -> None:
    text = render([], [FileFact(Path("/srv/log|x`\n"), None, "Permission denied")], START)
    assert "| `/srv/log\\x7cx\\x60\\x0a` | ? | cannot be read: Permission denied |" in text


LOCKED = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    print("locked")
"""


def test_examining_a_database_does_not_drop_the_locks_of_this_process(store: Store) -> None:
    store.meta.set("node", "written")

    def seen_from_outside() -> str:
        done = subprocess.run([sys.executable, "-c", LOCKED, str(store.path)], capture_output=True, text=True)
        return done.stdout.strip()

    before = seen_from_outside()
    assert examine_files([store.path])[0].size == store.path.stat().st_size
    assert (before, seen_from_outside()) == ("locked", "locked")


def test_a_manifest_that_cannot_be_written_leaves_the_old_one(store: Store, tmp_path: Path) -> None:
    with pytest.raises(MeshError, match="not written"):
        write_manifest(tmp_path / "missing" / "M.md", store, [], START)
    target = tmp_path / "M.md"
    target.mkdir()
    with pytest.raises(MeshError, match="not written"):
        write_manifest(target, store, [], START)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]
