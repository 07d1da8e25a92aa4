"""Files of version 0.1 that are damaged or newer: one line and an exit code, as that version had it, nothing lost."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.fixtures.bad_files import CASES, HOME, STORE, Case, cut, sql, try_case
from tests.fixtures.old_version import FIXTURE, copy_fixture, run

EXPECTED = json.loads((FIXTURE / "expected/bad_files.json").read_text())
EXIT_CONFIGURATION = 78


CHANGED = {"the store is empty", "the old table was cut in the middle"}
SAME = [case for case in CASES if case.name not in CHANGED]


@pytest.mark.parametrize("case", SAME, ids=lambda case: case.name.replace(" ", "_"))
def test_of_a_damaged_file_is_said_what_version_0_1_said_and_never_a_traceback(case: Case, tmp_path: Path) -> None:
    found = [[said.exit_code, *said.lines] for said in try_case(case, tmp_path)]
    assert found == EXPECTED[case.name]
    assert "Traceback" not in str(found)


def test_an_empty_store_takes_in_again_what_version_0_1_took_for_read(tmp_path: Path) -> None:
    [case] = [case for case in CASES if case.name == "the store is empty"]
    found = [[said.exit_code, *said.lines] for said in try_case(case, tmp_path)]
    assert (found[0], EXPECTED[case.name][0]) == ([0, "36 lines"], [0, "30 lines"])
    assert str(found[1][1]).startswith("exact  #15 a607026b3ce4 ")
    assert EXPECTED[case.name][1][1].startswith("likely  #15 a607026b3ce4 ")


def test_an_old_table_that_is_damaged_no_longer_hides_the_deliveries_of_the_log(tmp_path: Path) -> None:
    [case] = [case for case in CASES if case.name == "the old table was cut in the middle"]
    status, deliveries = ([said.exit_code, *said.lines] for said in try_case(case, tmp_path))
    assert status == EXPECTED[case.name][0]
    assert deliveries[:2] == [0, "115 of 220 expected deliveries received, 9 rejected"]
    assert deliveries[-1] == EXPECTED[case.name][1][-2]


@pytest.mark.parametrize("argv", [("skills", "list"), ("status",), ("learn", "--error", "x: y", "--fix", "z")])
def test_a_store_of_a_newer_version_is_left_as_it_is_and_the_exit_code_is_78(
    argv: tuple[str, ...], tmp_path: Path
) -> None:
    root = copy_fixture(FIXTURE, tmp_path / "copy", HOME)
    sql("PRAGMA user_version=99")(root / STORE)
    before = (root / STORE).read_bytes()
    code, said = run(root, HOME, argv)
    assert code == EXIT_CONFIGURATION
    assert "written by a newer meshtui (schema 99" in said
    assert "upgrade meshtui" in said
    assert (root / STORE).read_bytes() == before


def test_a_store_that_was_cut_is_neither_repaired_nor_replaced(tmp_path: Path) -> None:
    root = copy_fixture(FIXTURE, tmp_path / "copy", HOME)
    cut(0.5)(root / STORE)
    before = (root / STORE).read_bytes()
    assert run(root, HOME, ("skills", "list"))[0] == EXIT_CONFIGURATION
    assert (root / STORE).read_bytes() == before


def test_an_old_store_that_cannot_be_migrated_stays_of_its_schema(tmp_path: Path) -> None:
    root = copy_fixture(FIXTURE, tmp_path / "copy", "v1")
    path = root / "homes/v1/store.db"
    sql("CREATE TABLE words (another TEXT)", "INSERT INTO words VALUES ('program')")(path)
    code, _ = run(root, "v1", ("skills", "list"))
    assert code != 0
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM meta WHERE key LIKE 'lifted:%'").fetchone() == (1,)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
@pytest.mark.parametrize("argv", [("skills", "list"), ("status",), ("learn", "--error", "x: y", "--fix", "z")])
def test_a_home_that_cannot_be_written_is_one_line_that_says_whose_permissions(
    argv: tuple[str, ...], tmp_path: Path
) -> None:
    root = copy_fixture(FIXTURE, tmp_path / "copy", HOME)
    home = root / "homes/a"
    (root / STORE).chmod(0o400)
    home.chmod(0o500)
    try:
        code, said = run(root, HOME, argv)
    finally:
        home.chmod(0o700)
    assert code in (1, EXIT_CONFIGURATION)
    lines = said.removeprefix("--- standard error ---\n").splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("meshtui: ")
    assert "permissions" in lines[0]
