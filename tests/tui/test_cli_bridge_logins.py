"""`meshtui bridge init, grant, revoke, status`: a PostgreSQL bridge from the command line."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.core.bridge.helpers import ALICE

from meshtui.cli.main import meshtui


def call(tmp_path: Path, *words: str, bridge: str = "") -> Result:
    environment = {"MESHTUI_BRIDGE": bridge} if bridge else {}
    environment |= {"MESHTUI_OPERATOR_DIR": str(tmp_path / "operator"), "MESHTUI_HOME": str(tmp_path / "home")}
    return CliRunner().invoke(meshtui, ["bridge", *words], env=environment)


@pytest.mark.services
def test_a_host_is_let_in_and_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts.testbed.postgres import shared, why_not

    if why := why_not():
        pytest.skip(why)
    monkeypatch.chdir(tmp_path)
    server, database = shared(), f"c{uuid.uuid4().hex[:12]}"
    url, host = server.address(database).url, f"{database}_host"
    assert "the bridge was made" in call(tmp_path, "init", url).output
    assert "is there" in call(tmp_path, "init", url).output
    done = call(tmp_path, "grant", host, "--node", ALICE, "--at", url)
    assert (done.exit_code, done.exception) == (0, None)
    file = tmp_path / f"{host}.pgpass"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith(f"*:*:{database}:{host}:")
    assert file.read_text().rpartition(":")[2].strip() not in done.output
    found = json.loads(call(tmp_path, "status", "--at", url, "--json").output)["bridge_status"]
    assert [(one["login"], one["nodes"]) for one in found["access"]] == [(host, [ALICE])]
    assert "not written" in str(call(tmp_path, "grant", host, "--node", ALICE, "--at", url).exception)
    assert "it spoke for 1 node" in call(tmp_path, "revoke", host, "--at", url).output
    assert json.loads(call(tmp_path, "status", "--at", url, "--json").output)["bridge_status"]["access"] == []
    server.execute("postgres", f"DROP DATABASE {database} WITH (FORCE)")


def test_what_a_database_administrator_runs_is_printed_without_a_server(tmp_path: Path) -> None:
    printed = call(tmp_path, "init", "postgresql://dba@db.example/mesh", "--sql").output
    assert 'CREATE ROLE "mesh_owner" NOLOGIN;' in printed
    assert "CREATE FUNCTION mesh.publish(" in printed


def test_a_password_in_a_command_line_is_refused_and_not_repeated(tmp_path: Path) -> None:
    done = call(tmp_path, "init", "postgresql://dba:secret@db.example/mesh", "--sql")
    assert "others see a password" in str(done.exception)
    assert "secret" not in str(done.exception) + done.output


def test_a_host_prints_what_lets_it_in(tmp_path: Path) -> None:
    printed = call(tmp_path, "introduce", bridge="postgresql://build2@db.example/mesh").output
    words = printed.splitlines()[0].split()
    assert words[:4] == ["meshtui", "bridge", "grant", "build2"]
    assert len(words[words.index("--node") + 1]) == 64
    assert words[-1] == "postgresql://db.example/mesh", "a host's own login owns nothing"
