"""Validation of run folders: verdicts, what is not followed, the log."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.core.runs import samples

from meshcore.errors import UsageError
from meshcore.runs.validate import Verdict, append_log, find_run, list_runs, stamp, validate_run
from meshcore.testing import FakeClock

AT = "2025-11-04T09:24:57+00:00"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder.resolve()


def verdict(root: Path, run: str = "run-1") -> Verdict:
    return validate_run(root, run, AT)


def test_a_real_run_passes_without_a_warning(shared: Path) -> None:
    root = (shared / "seed-data" / "runs").resolve()
    [run] = list_runs(root).runs
    assert verdict(root, run) == Verdict(run, str(root / run), (), (), AT)


def test_a_run_passes_and_its_record_has_the_old_keys(root: Path) -> None:
    folder = samples.write_run(root)
    assert verdict(root).record() == {
        "run": "run-1",
        "path": str(folder),
        "status": "passed",
        "warnings": [],
        "timestamp": AT,
    }


def test_a_missing_artifact_is_a_warning(root: Path) -> None:
    folder = samples.write_run(root)
    (folder / "trace_events.json").unlink()
    found = verdict(root)
    assert (found.status, found.warnings) == ("passed", ("trace_events.json: missing, not checked",))


def test_a_run_with_none_of_the_three_fails(root: Path) -> None:
    (root / "run-1").mkdir()
    found = verdict(root)
    assert found.errors == ("none of step_graph.json, trace_events.json, gold_review.yaml is there",)
    assert len(found.warnings) == 3


def test_every_error_of_every_file_is_told(root: Path) -> None:
    folder = samples.write_run(root)
    (folder / "step_graph.json").write_text("{}")
    (folder / "trace_events.json").write_text("{}")
    (folder / "gold_review.yaml").write_text("a: &a [*a]")
    errors = verdict(root).errors
    assert {error.split(":")[0] for error in errors} == {"step_graph.json", "trace_events.json", "gold_review.yaml"}
    assert len(errors) == 6
    assert "trace_events.json: must be a list" in errors


@pytest.mark.parametrize("name", ["step_graph.json", "trace_events.json", "gold_review.yaml"])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 100,
        "{}".encode("utf-16"),
        b"[" * 100_000,
        b"{" * 100_000,
        b"!!python/object:os.system {}",
        b"\xff",
    ],
)
def test_whatever_a_file_holds_the_run_fails_in_one_line(root: Path, name: str, data: bytes) -> None:
    folder = samples.write_run(root)
    (folder / name).write_bytes(data)
    found = verdict(root)
    assert found.status == "failed"
    assert all("\n" not in line and line.startswith(f"{name}: ") for line in found.errors)


@pytest.mark.parametrize("name", ["step_graph.json", "trace_events.json", "gold_review.yaml"])
def test_a_file_of_200_mb_fails_unread(root: Path, name: str) -> None:
    folder = samples.write_run(root)
    os.truncate(folder / name, 200 << 20)
    [error] = verdict(root).errors
    assert error.startswith(f"{name}: 209715200 bytes, more than")


def test_an_artifact_that_is_a_folder_or_a_link_out_fails(root: Path, tmp_path: Path) -> None:
    folder = samples.write_run(root)
    (tmp_path / "secret.json").write_text("[]")
    (folder / "trace_events.json").unlink()
    (folder / "trace_events.json").symlink_to("../../secret.json")
    (folder / "step_graph.json").unlink()
    (folder / "step_graph.json").mkdir()
    assert verdict(root).errors == (
        "step_graph.json: not a plain file",
        "trace_events.json: a link that leads out of the runs root: not followed",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_artifact_fails(root: Path) -> None:
    folder = samples.write_run(root)
    (folder / "step_graph.json").chmod(0)
    assert verdict(root).errors == ("step_graph.json: cannot be read (Permission denied)",)


def test_what_looks_wrong_is_a_warning_only(root: Path) -> None:
    folder = samples.write_run(root)
    (folder / "gold_review.yaml").write_text(samples.REVIEW.replace("run-1", "run-2"))
    (folder / "trace_events.json").write_text('[{"a": 1, "a": 2}]')
    found = verdict(root)
    assert "trace_events.json: the key 'a' stands twice in one object: the last one counts" in found.warnings
    assert any("different runs" in warning for warning in found.warnings)


def test_runs_are_folders_and_links_stay_below_the_root(root: Path, tmp_path: Path) -> None:
    samples.write_run(root, "b")
    samples.write_run(root, "a")
    samples.write_run(tmp_path, "elsewhere")
    (root / "stray.txt").write_text("x")
    for name, target in {
        "latest": "b",
        "out": "../elsewhere",
        "up": "..",
        "self": ".",
        "circle": "circle",
        "dangling": "nowhere",
        "file": "stray.txt",
    }.items():
        (root / name).symlink_to(target)
    listing = list_runs(root)
    assert listing.runs == ("a", "b", "latest")
    assert {name: reason.split(":")[0] for name, reason in listing.skipped.items()} == {
        "circle": "a link in a circle",
        "out": "a link that leads out of the runs root",
        "self": "a link in a circle",
        "up": "a link in a circle",
    }


@pytest.mark.parametrize("make", ["missing", "file"])
def test_a_root_that_is_no_folder_is_told(tmp_path: Path, make: str) -> None:
    root = tmp_path / "runs"
    if make == "file":
        root.write_text("x")
    with pytest.raises(UsageError, match=r"no runs found under .*--runs-root"):
        list_runs(root)


@pytest.mark.parametrize("run_id", ["", ".", "..", "../run-1", "/etc", "run-1/", "a\0b", "gone", "run\n1"])
def test_a_run_id_that_is_no_run_of_the_root_is_refused(root: Path, run_id: str) -> None:
    samples.write_run(root)
    with pytest.raises(UsageError):
        find_run(root, run_id)


def test_a_run_is_found_by_its_whole_name(root: Path) -> None:
    samples.write_run(root, "odd\nname\x1b[31m")
    assert find_run(root, "odd\nname\x1b[31m") == "odd\nname\x1b[31m"


def test_the_log_gets_one_line_a_run_and_its_folder_is_made(tmp_path: Path) -> None:
    log = tmp_path / "new" / "log.jsonl"
    append_log(log, [Verdict("a\nb\udcff", "/x", (), ("w",), AT)])
    append_log(log, [Verdict("c", "/x", ("e",), (), AT)])
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["run"], line["status"]) for line in lines] == [("a\nb\udcff", "passed"), ("c", "failed")]


def test_a_line_that_broke_off_is_ended_first(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"run": "hal')
    append_log(log, [Verdict("a", "/x", (), (), AT)])
    assert json.loads(log.read_text().splitlines()[1])["run"] == "a"


def test_two_writers_never_interleave(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.touch()
    verdicts = [Verdict("a" * 5000, "/x", (), (), AT)] * 50
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(append_log, log, verdicts) for _ in range(4)]:
            done.result()
    assert [json.loads(line)["status"] for line in log.read_text().splitlines()] == ["passed"] * 200


def test_a_log_that_is_a_link_is_followed_only_where_that_was_said(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").symlink_to("victim")
    with pytest.raises(OSError, match="symbolic"):
        append_log(tmp_path / "log.jsonl", [])
    append_log(tmp_path / "log.jsonl", [Verdict("a", "/x", (), (), AT)], follow=True)
    assert (tmp_path / "victim").exists()


def test_the_time_of_a_pass_is_in_seconds_with_its_offset() -> None:
    assert stamp(FakeClock()) == "2026-11-22T08:00:00+00:00"
