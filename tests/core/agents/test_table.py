"""The table of agent programs is the one place that knows their names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import meshcore
import meshtui
from meshcore.agents.table import MODULES, NAMES, SHELL, agent, program, tool_events

AGENTS = Path(meshcore.__file__).parent / "agents"
# "cursor" is also the place in a log up to which a node has read.
NAMED = {*NAMES, *MODULES.values()} - {"cursor"}


@pytest.mark.parametrize("name", NAMES)
def test_a_row_leads_to_the_module_of_that_name(name: str) -> None:
    assert program(name).NAME == agent(name).NAME == name
    assert program(name).hooks({"HOME": "/home/dev"}).commands


def test_a_shell_reports_but_is_no_program_to_connect() -> None:
    assert agent(SHELL).NAME == SHELL
    with pytest.raises(KeyError):
        program(SHELL)


def test_an_event_that_can_call_a_tool_belongs_to_one_program() -> None:
    assert {event: found.NAME for event, found in tool_events().items()} == {
        "PostToolUseFailure": "claude-code",
        "PostToolUse": "claude-code",
    }


def test_nothing_else_names_an_agent_program() -> None:
    for package in (meshcore, meshtui):
        for path in Path(package.__file__ or "").parent.rglob("*.py"):
            if path.parent == AGENTS:
                continue
            nodes = list(ast.walk(ast.parse(path.read_text())))
            names = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
            names |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
            assert not names & NAMED, path


@pytest.mark.parametrize("module", [path.stem for path in AGENTS.glob("*.py")])
def test_no_program_leans_on_another(module: str) -> None:
    text = (AGENTS / f"{module}.py").read_text()
    assert not [other for other in MODULES.values() if f"import {other}" in text or f"agents.{other}" in text]
