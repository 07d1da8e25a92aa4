"""An export: whatever byte is changed, lost or added is found, and every figure of its report is computed anew."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshcore.clock import to_text
from meshcore.errors import MeshError, UsageError
from meshcore.evidence import bundle
from meshcore.evidence.bundle import (
    MANIFEST,
    REPORT_JSON,
    SIGNATURE,
    SLICE,
    SUMS,
    Material,
    sums_of,
    verify_bundle,
    write_bundle,
)
from meshcore.evidence.slice.gather import origin
from meshcore.evidence.slice.rows import IncidentRow, MonitorRow, OutcomeRow, SkillRow, Slice, StepRow
from meshcore.safety.keys import Identity, SigningKey, enrolment_text
from meshcore.testing import START

NODE, OPERATOR = SigningKey(b"n" * 32), SigningKey(b"o" * 32)
IDENTITY = Identity(NODE, OPERATOR.public, OPERATOR.sign(enrolment_text(NODE.public, OPERATOR.public)))


def found() -> Slice:
    about = origin(NODE.public, "agent_a_test", "host1", OPERATOR.public, START)
    at, green = to_text(START), StepRow("python app.py", 0, 0.1)
    incidents = tuple(
        IncidentRow(
            f"{n:016x}", NODE.public, at, "agent_a_test", "shell", "host1", "/srv/app", "No module named 'django'",
            "python app.py", 1, "verified", n > 0, True, "5" * 64, 2.5 + n, 0.1,
        )
        for n in range(3)
    )  # fmt: skip
    outcomes = tuple(
        OutcomeRow(
            f"{n:016x}", f"{n:016x}", "5" * 64, "verified", at, NODE.public, "host1", "agent_a_test", "policy",
            (StepRow("pip install django", 0, 1.0),), green, 2.5 + n, 0.1,
        )
        for n in range(3)
    )  # fmt: skip
    skill = SkillRow("5" * 64, 1, "No module named 'django'", "pip install django", NODE.public, at, "active", "taught")
    record = {"timestamp": at, "skills_snapshot": {"skill_count": 1}, "mesh": {"undelivered_total": 0}}
    return Slice(
        origins=(about,),
        incidents=incidents,
        outcomes=outcomes,
        skills=(skill,),
        monitor=(MonitorRow(NODE.public, record),),
    )


def material() -> Material:
    logs = {"monitor_log.jsonl": [{"timestamp": to_text(START)}], "validation_log.jsonl": []}
    return Material(found(), {"queries": []}, logs, "# Manifest\n", to_text(START), "agent_a_test", False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export that nobody changes."""
    folder = tmp_path_factory.mktemp("export") / "whole"
    write_bundle(folder, material(), IDENTITY)
    return folder


@pytest.fixture
def export(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "export"))


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_export_holds_and_says_who_signed(whole: Path) -> None:
    verified = verify_bundle(whole)
    assert verified.faults == ()
    assert (verified.node, verified.operator) == (NODE.public, OPERATOR.public)
    assert verified.slice == found()
    assert {path.stat().st_mode & 0o777 for path in whole.rglob("*") if path.is_file()} == {0o600}


def test_its_checksums_are_those_that_everybody_can_check(whole: Path) -> None:
    lines = (whole / SUMS).read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == [n for n in names(whole) if n not in (SUMS, SIGNATURE)]
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((whole / name).read_bytes()).hexdigest() == digest


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_of_any_file_is_found(whole: Path, data: st.DataObject) -> None:
    path = whole / data.draw(st.sampled_from([name for name in names(whole) if (whole / name).stat().st_size]))
    before = path.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    changed = before[place] ^ data.draw(st.integers(1, 255))
    try:
        path.write_bytes(before[:place] + bytes([changed]) + before[place + 1 :])
        assert verify_bundle(whole).faults
    finally:
        path.write_bytes(before)


def test_the_bytes_of_checksums_and_signature_count(export: Path) -> None:
    for name, step in ((SIGNATURE, 3), (SUMS, 13)):
        before = (export / name).read_bytes()
        for place in range(0, len(before), step):
            (export / name).write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
            with pytest.raises((MeshError, UnicodeDecodeError)):
                bundle._signer(export, (export / SUMS).read_bytes().decode("ascii"))
        (export / name).write_bytes(before)
    assert bundle._signer(export, (export / SUMS).read_text()) == (NODE.public, OPERATOR.public)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: (f / "database.json").unlink(), "database.json: missing"),
        (lambda f: (f / SLICE / "hooks.jsonl").unlink(), "slice/hooks.jsonl: missing"),
        (lambda f: (f / "extra").write_text("x"), "'extra': added"),
        (lambda f: (f / SLICE / ".hidden").write_text(""), "'slice/.hidden': added"),
        (lambda f: (f / "folder").mkdir(), "'folder': added"),
        (lambda f: (f / "link").symlink_to("/etc"), "'link': added"),
        (lambda f: os.mkfifo(f / "pipe"), "'pipe': added"),
        (lambda f: (f / "database.json").rename(f / "other.json"), "database.json: missing"),
        (lambda f: as_link(f / "database.json"), "database.json: cannot be read"),
        (lambda f: (f / SIGNATURE).unlink(), "SHA256SUMS.sig: cannot be read (No such file or directory)"),
        (lambda f: (f / SUMS).write_text("0" * 64 + "  ../../etc/passwd\n"), "SHA256SUMS:1: no checksum of a file"),
        (lambda f: (f / SUMS).write_bytes(b"\xff"), "SHA256SUMS: cannot be read"),
        (lambda f: os.truncate(f / SLICE / "incidents.jsonl", 10), "slice/incidents.jsonl: changed"),
        (lambda f: (f / MANIFEST).write_text("[" * 100_000), "manifest.json: changed"),
    ],
)
def test_what_is_missing_added_or_no_plain_file_is_a_line(
    export: Path, change: Callable[[Path], object], said: str
) -> None:
    change(export)
    faults = verify_bundle(export).faults
    assert any(fault.startswith(said) for fault in faults), faults


def as_link(path: Path) -> None:
    elsewhere = path.parents[1] / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def signed_anew(folder: Path, identity: Identity = IDENTITY) -> Path:
    """Sign a folder as it is now, as somebody with the key could who wants better figures."""
    (folder / SUMS).write_text(sums_of(folder))
    (folder / SIGNATURE).write_text(bundle._signature((folder / SUMS).read_text(), identity))
    return folder


def test_a_figure_that_does_not_follow_from_the_slice_is_named_though_it_is_signed(export: Path) -> None:
    report = json.loads((export / REPORT_JSON).read_text())
    report["report"]["key_figures"][0]["value"] = "1,000,000"
    (export / REPORT_JSON).write_text(json.dumps(report))
    (html := export / "report.html").write_text(html.read_text() + "<!-- -->")
    faults = verify_bundle(signed_anew(export)).faults
    assert len(faults) == 2
    assert faults[0].startswith("report.json: report.key_figures[0].value says '1,000,000', the slice gives ")
    assert faults[1] == "report.html: does not follow from the slice"


def test_an_operator_that_has_not_enrolled_the_signer_is_a_fault(export: Path) -> None:
    stranger = SigningKey(b"s" * 32)
    assert "has not enrolled" in verify_bundle(signed_anew(export, replace(IDENTITY, node=stranger))).faults[0]


def test_an_export_of_another_version_is_refused_with_a_sentence(export: Path) -> None:
    manifest = json.loads((export / MANIFEST).read_text())
    (export / MANIFEST).write_text(json.dumps({**manifest, "version": 2}))
    [fault] = verify_bundle(signed_anew(export)).faults
    assert fault.startswith("manifest.json: written in version 2 of the format, this meshtui reads version 1;")


def test_another_version_of_meshtui_may_draw_the_page_in_another_way(export: Path) -> None:
    manifest = json.loads((export / MANIFEST).read_text())
    (export / MANIFEST).write_text(json.dumps({**manifest, "meshtui": "0.0.1"}))
    (export / "report.html").write_text("drawn otherwise")
    assert verify_bundle(signed_anew(export)).faults == ()


def test_what_is_no_export_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UsageError, match="not an export"):
            verify_bundle(path)


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        write_bundle(tmp_path, material(), IDENTITY)
    assert names(tmp_path) == ["mine"]
