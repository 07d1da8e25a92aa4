"""Offsets on the disk: old or new, never a part, whatever happens in between."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.core.journal.logs import Reader, append

from meshcore.journal.generations import Mark
from meshcore.journal.offsets import Saved, read_offsets, write_offsets

ROOT = Path(__file__).parents[3]

# Each child is killed at another step of replacing the file; no child is told to be gentle.
KILLED_OFTEN = """
import json, os, signal, sys
from pathlib import Path
from meshcore.journal.generations import Mark
from meshcore.journal.offsets import Saved, read_offsets, write_offsets
path, log = Path(sys.argv[1]), Path("/a.jsonl")
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
steps = [(os, "fsync"), (os, "fchmod"), (Path, "replace"), (os, "fdopen")]
write_offsets(path, {log: Saved([Mark((1, 2), (0, ""), 0)])})
seen = {0}
for number in range(1, 201):
    child = os.fork()
    if not child:
        holder, name = steps[number % len(steps)]
        if number % 3 == 0:  # after the step
            real = getattr(holder, name)
            setattr(holder, name, lambda *a, **k: (real(*a, **k), die()))
        else:
            setattr(holder, name, die)
        write_offsets(path, {log: Saved([Mark((1, 2), (0, ""), number)])})
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    json.loads(path.read_text())
    [mark] = read_offsets(path)[log].marks
    assert mark.offset == number or mark.offset in seen, (mark, number)
    seen.add(mark.offset)
    write_offsets(path, {log: Saved([mark])})
assert len(seen) > 20, seen
assert [p.name for p in path.parent.iterdir()] == [path.name]
"""


def test_two_hundred_kills_leave_old_or_new_offsets_and_a_whole_newer_file_counts(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED_OFTEN, str(tmp_path / "offsets.json")], check=True, cwd=ROOT)


def test_offsets_come_back_as_they_were_saved(tmp_path: Path) -> None:
    saved = {Path("/a"): Saved([Mark((1, 2), (3, "ab"), 4)], {(5, 6): ("a.1", (7, "cd"))}), Path("/b"): Saved([], {})}
    write_offsets(tmp_path / "offsets.json", saved)
    assert read_offsets(tmp_path / "offsets.json") == saved


def test_the_first_format_is_read_without_replay_and_written_in_the_new_one(tmp_path: Path) -> None:
    log, offsets = tmp_path / "a.jsonl", tmp_path / "offsets.json"
    append(log, "seen", "not seen")
    found = log.stat()
    mark = {"identity": [found.st_dev, found.st_ino], "at": len("seen\n")}
    offsets.write_text(json.dumps({"format": 1, "files": {str(log): {"marks": [mark]}}}))
    reader = Reader(log, offsets=offsets)
    assert reader.read() == ["not seen"]
    reader.stop()
    value = json.loads(offsets.read_text())
    assert value["format"] == 2
    assert value["files"][str(log)]["marks"][0]["head"][0] == found.st_size


def test_what_is_no_offsets_file_is_as_if_there_were_none(tmp_path: Path) -> None:
    path = tmp_path / "offsets.json"
    for text in ("", "{", "[]", "null", '{"format": 99, "files": {}}', '{"format": 2}', '{"format": 2, "files": 3}'):
        path.write_text(text)
        assert read_offsets(path) == {}
    assert read_offsets(tmp_path / "none") == {}
