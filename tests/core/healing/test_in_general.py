"""An error that nobody has met here is answered by what is known in general: likely, said so, below all learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import ARGV, Fix, SmallMesh, taught
from tests.core.policy.test_known_packages import POLICY

from meshcore.config import Settings
from meshcore.healing import host_packages, in_general
from meshcore.healing.capture import make_incident
from meshcore.healing.host_packages import HostPackage
from meshcore.healing.in_general import GENERALLY
from meshcore.healing.teaching import teach
from meshcore.model import AgentInfo
from meshcore.node import Node
from meshcore.policy.question import Question
from meshcore.safety.managed import Managed


@pytest.fixture
def node(mesh: SmallMesh) -> Node:
    node = mesh.node("a")
    object.__setattr__(node.settings, "packs", True)
    return node


@pytest.fixture
def told(node: Node, tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """Return what is told of an error, with the reason."""

    def ask(error: str, *argv: str, cwd: Path = tmp_path) -> tuple[str, str]:
        incident = make_incident(
            error.encode(), argv or ARGV, cwd=str(cwd), env={"PATH": "/usr/bin:/bin"}, agent=AgentInfo("a"),
            exit_code=1, opened="",
        )  # fmt: skip
        found = in_general.in_general(incident, node.settings, "me")
        return (found[1].action.command(), found[1].why) if found else ("", "")

    return ask


def trace(module: str) -> str:
    frame = '  File "app.py", line 1, in <module>\n    import x\n'
    return f"Traceback (most recent call last):\n{frame}ModuleNotFoundError: No module named '{module}'"


# --- what is known ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "fix"),
    [
        ("yaml", "pip install pyyaml"), ("distutils", "pip install setuptools"), ("requests.sessions", ""),
        ("acme_core", ""), ("pip", ""),
    ],
)  # fmt: skip
def test_a_missing_module_has_its_well_known_package(
    told: Callable[..., tuple[str, str]], module: str, fix: str
) -> None:
    said, why = told(trace(module))
    assert said == fix and why.startswith(GENERALLY if fix else "")


def test_a_module_of_the_project_itself_is_not_brought_in(told: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
    (tmp_path / "src/yaml").mkdir(parents=True)
    assert told(trace("yaml"))[0] == ""


@pytest.mark.parametrize(
    ("file", "text", "fix"),
    [
        ("requirements.txt", "PyYAML==6.0.1\n", "pip install pyyaml==6.0.1"),
        ("requirements.txt", "pyyaml>=5  # any\n", "pip install pyyaml"),
        ("uv.lock", '[[package]]\nname = "pyyaml"\nversion = "6.0.2"\n', "pip install pyyaml==6.0.2"),
        ("Pipfile.lock", '{"default": {"pyyaml": {"version": "==6.0.3"}}}', "pip install pyyaml==6.0.3"),
        ("pyproject.toml", '[project]\ndependencies = ["pyyaml==5.4"]\n', "pip install pyyaml==5.4"),
        ("requirements.txt", "pyyaml==6.0.1 --index-url=http://evil\n", "pip install pyyaml==6.0.1"),
        ("requirements.txt", "pyyaml==-e\n", "pip install pyyaml"),
        ("uv.lock", '[[package]]\nname = "pyyaml"\nversion = "1 --pre"\n', "pip install pyyaml"),
        ("poetry.lock", "[[[", "pip install pyyaml"),
    ],
)
def test_the_projects_own_files_come_first(
    told: Callable[..., tuple[str, str]], tmp_path: Path, file: str, text: str, fix: str
) -> None:
    (tmp_path / file).write_text(text)
    (tmp_path / "setup.py").touch()
    assert told(trace("yaml"))[0] == fix


def test_a_private_module_is_known_by_the_projects_own_files_alone(
    told: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("acme-core==2.1\n")
    assert told(trace("acme_core"))[0] == "pip install acme-core==2.1"


NODE = "Error: Cannot find module '{}'\nRequire stack:\n- /w/app.js\n  code: 'MODULE_NOT_FOUND'"


def test_a_module_of_node_is_installed_as_the_project_says(
    told: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    assert told(NODE.format("express"), "node", "app.js")[0] == "npm install express"
    assert told(NODE.format("left-pad-x"), "node", "app.js")[0] == ""
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"left-pad-x": "1"}}))
    assert told(NODE.format("left-pad-x"), "node", "app.js")[0] == "npm install"
    (tmp_path / "pnpm-lock.yaml").touch()
    assert told(NODE.format("left-pad-x"), "node", "app.js")[0] == "pnpm install"
    assert told(NODE.format("express"), "node", "app.js")[0] == "pnpm add express"


def test_a_plugin_of_pytest_is_known_by_its_options_and_fixtures(told: Callable[..., tuple[str, str]]) -> None:
    usage = "ERROR: usage: pytest [options]\npytest: error: unrecognized arguments: {}\n  rootdir: /w\n"
    assert told(usage.format("--timeout=5"), "pytest", "--timeout=5")[0] == "pip install pytest-timeout"
    assert told(usage.format("--timeout=5 --reruns=2"), "pytest", "--timeout=5", "--reruns=2")[0] == ""
    assert told(usage.format("--nonsense"), "pytest", "--nonsense")[0] == ""


def test_a_missing_program_is_asked_of_the_host(
    told: Callable[..., tuple[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def package(_: object, kind: str, name: str) -> HostPackage:
        asked.append((kind, name))
        return HostPackage("procps", ("apt-get", "install", "-y", "procps"), "this host's index says so")

    monkeypatch.setattr(host_packages.HostIndex, "package", package)
    assert told("/bin/sh: 1: ps: not found", "sh", "-c", "ps aux")[0] == "apt-get install -y procps"
    assert told("bash: ps: command not found", "ssh", "host", "ps")[0] == ""
    assert told('a.c:1:10: fatal error: own.h: No such file\n    1 | #include "own.h"', "gcc", "a.c")[0] == ""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ps").touch()
    assert told("/bin/sh: 1: ps: not found", "sh", "-c", "ps aux")[0] == ""
    assert asked == [("program", "ps")]


def test_a_command_is_brought_by_the_package_that_the_project_asks_for(
    told: Callable[..., tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_packages.HostIndex, "package", lambda *_: None)
    said = "bash: line 1: {}: command not found"
    assert told(said.format("pip-compile"), "pip-compile") == ("", "")  # by pip, pipx or the host: nobody has said
    (tmp_path / ".git").mkdir()
    (tmp_path / "requirements-dev.txt").write_text("pip-tools==7.4.1\n")
    (tmp_path / "package.json").write_text(json.dumps({"devDependencies": {"typescript": "5"}}))
    assert told(said.format("pip-compile"), "pip-compile")[0] == "pip install pip-tools==7.4.1"
    assert told(said.format("tsc"), "tsc", "-p", ".")[0] == "npm install"
    assert told(said.format("ng"), "ng", "serve") == ("", "")


def test_what_a_script_of_the_project_runs_is_none_of_the_hosts(
    told: Callable[..., tuple[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(host_packages.HostIndex, "package", lambda _, kind, name: asked.append(name))
    missing = "> shop@0.1.0 dev\n> vite\n\nsh: 1: vite: not found"
    assert told(missing, "npm", "run", "dev")[0] == ""
    (tmp_path / "package.json").write_text('{"devDependencies": {"vite": "^6", "typescript": "^5"}}')
    assert told(missing, "npm", "run", "dev")[0] == "npm install"
    assert told(missing.replace("vite", "tsc"), "npm", "run", "dev")[0] == "npm install"
    (tmp_path / "node_modules").mkdir()
    assert told(missing, "npm", "run", "dev")[0] == "npm install"
    assert told(missing.replace("vite", "tsc"), "npm", "run", "dev")[0] == ""
    assert asked == []


# --- what becomes of it -----------------------------------------------------------------------------------------------


def test_an_answer_in_general_is_likely_and_asked_about(node: Node, mesh: SmallMesh) -> None:
    considered = Fix(node, mesh.clock).fail()
    assert considered.match is not None and considered.known is not None
    assert (considered.match.tier, considered.known.source, considered.known.state) == ("likely", "pack", "unconfirmed")
    assert considered.match.action.command() == "pip install django"


def test_what_was_learnt_stands_above_it(node: Node, mesh: SmallMesh) -> None:
    fix = Fix(node, mesh.clock)
    assert fix.fail().match is not None
    teach(node, "ModuleNotFoundError: No module named 'django'", "uv sync")
    match = fix.fail().match
    assert match is not None and match.action.command() == "uv sync"


def test_it_is_told_to_nobody_and_what_is_taught_later_is(node: Node, mesh: SmallMesh) -> None:
    b = mesh.node("b")
    Fix(node, mesh.clock).fail()
    mesh.meet()
    assert b.store.skills.count() == 0
    known = taught(node)
    assert (known.source, known.confirmed) == ("taught", True)
    mesh.meet()
    assert b.store.skills.find(known.skill_id) is not None


def test_a_verified_one_is_found_again_without_being_looked_up(
    node: Node, mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix = Fix(node, mesh.clock)
    assert fix.heal(fix.fail()).result == "verified"
    monkeypatch.setattr(in_general, "RULES", ())
    match = fix.fail().match
    assert match is not None and match.action.command() == "pip install django"


def test_a_setting_and_the_administrator_switch_it_off(
    node: Node, mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix = Fix(node, mesh.clock)
    monkeypatch.setattr(in_general, "managed", lambda: Managed(there=True, packs=("node",)))
    assert fix.fail().match is None
    monkeypatch.undo()
    assert fix.fail().match is not None
    off: Settings = replace(node.settings, packs=False)
    monkeypatch.setattr(node, "settings", off)
    assert fix.fail().match is None


def test_one_that_was_rejected_for_a_project_is_not_offered_there(node: Node, mesh: SmallMesh) -> None:
    fix = Fix(node, mesh.clock)
    considered = fix.fail()
    assert considered.known is not None
    node.store.refusals.put(considered.known.skill_id, considered.incident.cwd, "anna")
    assert fix.fail().match is None


# --- unattended -------------------------------------------------------------------------------------------------------


def question(told_by: Node, project: Path, module: str) -> Question:
    incident = make_incident(
        trace(module).encode(), ("python", "app.py"), cwd=str(project), env={}, agent=AgentInfo("a"), exit_code=1,
        opened="",
    )  # fmt: skip
    found = in_general.in_general(incident, told_by.settings, "me")
    assert found is not None
    python = str(project / ".venv/bin/python")
    return Question(incident, *found, python, project=str(project), in_general=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/pyvenv.cfg").write_text("")
    (folder / ".venv/bin/python").write_text("")
    (folder / "setup.py").write_text("")
    return folder


def test_a_well_known_package_goes_unattended_under_the_policys_conditions(node: Node, project: Path) -> None:
    asked = question(node, project, "yaml")
    assert POLICY.decide(asked, contained=True).decision == "run"
    assert POLICY.decide(replace(asked, in_general=False), contained=True).decision == "approve"
    assert POLICY.decide(replace(asked, environment_python=""), contained=True).decision == "approve"
    put_away = replace(asked, known=replace(asked.known, state="quarantined"))
    assert POLICY.decide(put_away, contained=True).decision == "approve"


def test_what_only_the_project_names_waits(node: Node, project: Path) -> None:
    (project / "requirements.txt").write_text("acme-core\n")
    assert POLICY.decide(question(node, project, "acme_core"), contained=True).decision == "approve"


def test_a_failure_whose_command_is_not_known_is_no_error(node: Node) -> None:
    incident = make_incident(
        b"bash: x: No such file or directory", (), cwd="/", env={}, agent=AgentInfo("a"), exit_code=1, opened=""
    )
    assert in_general.in_general(incident, node.settings, "me") is None


def test_who_typed_sudo_is_told_with_sudo(told: Callable[..., tuple[str, str]]) -> None:
    output = "E: dpkg was interrupted, you must manually run 'sudo dpkg --configure -a' to correct the problem."
    assert told(output, "sudo", "apt", "install", "htop")[0] == "sudo dpkg --configure -a"
    assert told(output, "apt", "install", "htop")[0] == "dpkg --configure -a"
    assert told(output, "sudo", "-u", "bob", "apt", "install", "htop")[0] == ""
