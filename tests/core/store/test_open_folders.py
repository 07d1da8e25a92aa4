"""The marks of folders in which a failure waits: what spares a success every look into the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.healing.desk import Desk

from meshcore.model import Incident
from meshcore.store import open_folders


@pytest.fixture
def store(tmp_path: Path) -> str:
    path = tmp_path / "store.db"
    path.write_text("")
    return str(path)


def failure_in(desk: Desk, folder: str) -> Incident:
    return replace(desk.incident(), incident_id="0123456789abcdef", cwd=folder)


def test_without_a_store_nothing_is_open_and_without_marks_that_is_not_known(tmp_path: Path, store: str) -> None:
    assert not open_folders.may_be_open(str(tmp_path / "none.db"), "/work")
    assert open_folders.may_be_open(store, "/work")


def test_a_marked_folder_is_open_until_the_mark_is_taken_off(store: str) -> None:
    for folder in ("/work", "/w\udcff"):
        open_folders.mark(store, folder)
        open_folders.mark(store, folder)
        assert open_folders.may_be_open(store, folder)
        assert not open_folders.may_be_open(store, "/elsewhere")
        open_folders.unmark(store, folder)
        open_folders.unmark(store, folder)
        assert not open_folders.may_be_open(store, folder)


def test_a_failure_marks_its_folder_and_the_last_success_there_takes_the_mark_off(desk: Desk) -> None:
    incidents, path = desk.node.store.incidents, str(desk.node.store.path)
    incidents.note_open_folders("/elsewhere")
    incident = failure_in(desk, "/work")
    incidents.open(incident, "n1")
    assert open_folders.may_be_open(path, "/work")
    incidents.note_open_folders("/work")
    assert open_folders.may_be_open(path, "/work"), "it still waits"
    incidents.set_state(incident.incident_id, "verified")
    incidents.note_open_folders("/work")
    assert not open_folders.may_be_open(path, "/work")


def test_what_others_met_marks_no_folder_here(desk: Desk) -> None:
    incidents, path = desk.node.store.incidents, str(desk.node.store.path)
    incidents.note_open_folders("/elsewhere")
    incidents.open(failure_in(desk, "/work"), "n2", remote=True)
    assert not open_folders.may_be_open(path, "/work")


def test_failures_of_before_there_were_marks_are_marked_at_the_first_look(desk: Desk) -> None:
    incidents, path = desk.node.store.incidents, str(desk.node.store.path)
    incidents.open(failure_in(desk, "/work"), "n1")
    assert open_folders.may_be_open(path, "/anywhere")
    incidents.note_open_folders("/elsewhere")
    assert open_folders.may_be_open(path, "/work")
    assert not open_folders.may_be_open(path, "/elsewhere")


def test_a_mark_that_cannot_be_made_loses_no_failure(desk: Desk) -> None:
    incidents = desk.node.store.incidents
    incidents.note_open_folders("/elsewhere")
    marks = Path(f"{desk.node.store.path}.open")
    marks.rmdir()
    marks.symlink_to("/nowhere")
    assert incidents.open(failure_in(desk, "/work"), "n1")
    incidents.note_open_folders("/work")
