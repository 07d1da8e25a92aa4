"""One fix in one project is asked about once, and what verifies it closes all that waited for it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import SmallMesh, taught
from tests.core.healing.test_command import Shell

from meshcore.healing.approvals import reject


@pytest.fixture
def shell(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell(mesh, mesh.node("a"), monkeypatch)
    taught(shell.node)
    shell.fix.policy.decision = "approve"
    return shell


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "jobs").mkdir(parents=True)
    (tmp_path / "shop" / "pyproject.toml").touch()
    return tmp_path / "shop"


def states(shell: Shell) -> Counter[str]:
    return Counter(incident.state for incident in shell.node.store.incidents.all())


def test_six_runs_of_one_job_ring_once(shell: Shell, project: Path) -> None:
    anew = [shell.fail(1, cwd=str(project))[0].last.asks_anew for _ in range(6)]
    assert anew == [True, *[False] * 5]
    assert len(shell.node.store.approvals.all()) == 1
    assert states(shell) == {"needs_approval": 6}


def test_two_commands_of_one_project_share_it_and_two_projects_do_not(
    shell: Shell, project: Path, tmp_path: Path
) -> None:
    shell.fail(1, cwd=str(project))
    shell.fail(1, argv=("python", "app.py", "--all"), cwd=str(project / "jobs"))
    assert len(shell.node.store.approvals.all()) == 1
    (tmp_path / "other").mkdir()
    shell.fail(1, cwd=str(tmp_path / "other"))
    assert len(shell.node.store.approvals.all()) == 2


def test_a_yes_at_the_terminal_closes_all_that_waited(shell: Shell, project: Path) -> None:
    for _ in range(3):
        shell.fail(1, cwd=str(project))
    shell.fail(1, argv=("python", "app.py", "--all"), cwd=str(project))
    series, _ = shell.fail(1, cwd=str(project), answer=True)
    assert series.verified
    assert shell.node.store.approvals.all() == []
    assert states(shell) == {"verified": 4, "applied_not_rerun": 1}
    assert len(shell.fix.executor.executed) == 1


def test_a_no_is_for_all_of_them(shell: Shell, project: Path) -> None:
    for _ in range(3):
        shell.fail(1, cwd=str(project))
    [asked] = shell.node.store.approvals.all()
    assert reject(shell.node, asked.approval_id)
    assert states(shell) == {"refused": 3}


def test_a_fix_that_policy_lets_run_meanwhile_closes_what_waited(shell: Shell, project: Path) -> None:
    shell.fail(1, cwd=str(project))
    shell.fix.policy.decision = "run"
    shell.fail(1, argv=("python", "app.py", "--all"), cwd=str(project))
    assert shell.node.store.approvals.all() == []
    assert states(shell) == {"verified": 1, "applied_not_rerun": 1}
    shell.succeed(cwd=str(project))
    assert states(shell) == {"verified": 2}
