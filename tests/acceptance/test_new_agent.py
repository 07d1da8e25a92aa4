"""An agent program that nobody has heard of joins with one module and one row of the table; nothing else is touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest
from tests.core.agents.made_sessions import MISSING

import meshcore
import meshtui

SEVENTH = """
from meshcore.agents.base import Call, ended, number, text, user_folder

NAME = "seventh"


def read(payload):
    code = number(payload.get("code"))
    values = [text(payload, name) for name in ("typed", "folder", "session", "id", "said")]
    return None if code is None else ended(Call(*values, "ran"), code)


def answer(event, answer):
    return answer.context


def hooks(environment):
    from meshcore.agents.hook_settings import JsonHooks

    file = user_folder(environment, ".seventh") / "hooks.json"
    return JsonHooks(("seventh",), file, ".seventh/hooks.json", entries=lambda command: {"ran": {"command": command}})


def sample(command, output, cwd, scratch, call):
    return {"typed": command, "folder": cwd, "session": "s", "id": call, "said": output, "code": 1}


def sessions(environment):
    import re
    from meshcore.agents.session_file import Ended, SessionFiles

    def commands(lines):
        return (Ended(read(line), line["at"]) for line in lines)

    return SessionFiles(user_folder(environment, ".seventh"), re.compile("past.jsonl"), (b"code",), commands)
"""


@pytest.fixture
def python(tmp_path: Path) -> str:
    """An interpreter with both packages installed, which have one module and one row more."""
    source = tmp_path / "src"
    for package in (meshcore, meshtui):
        folder = Path(package.__file__ or "").parent
        shutil.copytree(folder, source / folder.name, ignore=shutil.ignore_patterns("*.cache"))
    agents = source / "meshcore" / "agents"
    (agents / "seventh.py").write_text(SEVENTH)
    table = (agents / "table.py").read_text()
    assert table.count("MODULES = {\n") == 1
    (agents / "table.py").write_text(table.replace("MODULES = {\n", 'MODULES = {\n    "seventh": "seventh",\n'))
    venv.create(tmp_path / "venv", symlinks=True)
    [site] = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "ours.pth").write_text(f"{source}\n{sysconfig.get_path('purelib')}\n")
    return str(tmp_path / "venv" / "bin" / "python")


@pytest.mark.slow
def test_a_new_agent_is_connected_tried_answered_read_and_disconnected(python: str, tmp_path: Path) -> None:
    user = tmp_path / "user"
    (user / ".seventh").mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(user),
        "USER": "dev",
        "MESHTUI_HOME": str(tmp_path / "home"),
        "MESHTUI_OPERATOR_DIR": str(tmp_path / "operator"),
        "MESHTUI_PACKS": "off",
        "MESHTUI_BRIDGE": str(tmp_path / "bridge.db"),
    }

    def call(command: list[str], payload: object = None) -> str:
        data = json.dumps(payload)
        done = subprocess.run(
            command, input=data, capture_output=True, text=True, env=environment, cwd=user, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def mesh(*arguments: str) -> str:
        return call([python, "-m", "meshtui", *arguments])

    def standing() -> str:
        rows = {row["agent"]: row for row in json.loads(mesh("connect", "--list", "--json"))["connections"]}
        return str(rows["seventh"]["user"])

    assert standing() == "no"
    assert "is a member of this node" in mesh("connect", "seventh", "--yes")
    assert standing() == "connected"
    assert "the fix arrived" in mesh("connect", "--test", "seventh")

    mesh("learn", "--error", MISSING.format("django"), "--fix", "pip install django")
    [entry] = json.loads((user / ".seventh" / "hooks.json").read_text())["hooks"]["ran"]
    ran: dict[str, Any] = {"typed": "python app.py", "folder": str(user), "session": "s1", "code": 1}
    failed = {**ran, "said": MISSING.format("django"), "id": "1"}
    assert "pip install django" in call(["/bin/sh", "-c", entry["command"]], failed)
    assert "pip install django" in call(
        [python, "-m", "meshtui", "hook", "seventh"], {**failed, "id": "2", "session": "s2"}
    )

    past = [failed, {**ran, "typed": "pip install django", "code": 0, "said": "done"}, {**ran, "code": 0, "said": "ok"}]
    lines = [json.dumps({**line, "at": at}) for at, line in enumerate(past)]
    (user / ".seventh" / "past.jsonl").write_text("\n".join(lines) + "\n")
    [found] = json.loads(mesh("import", "history", "seventh", "--dry-run", "--json"))["history"]["agents"]
    assert [fix["command"] for fix in found["fixes"]] == ["pip install django"]

    assert "removed" in mesh("disconnect", "seventh", "--yes")
    assert standing() == "no"
