"""The fix of an incident that another node told: filled in from its line, never a template with a slot left open."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from tests.tui.busy import Busy
from tests.tui.pilot import settings_in, shown

from meshcore.knowledge.interchange import put
from meshcore.knowledge.signature import read
from meshcore.model import Action, AgentInfo, KnownSkill, Signature, Skill
from meshcore.testing import FakeClock, incident

TEXT = "FileNotFoundError: [Errno 2] No such file or directory: 'build/reports'"


@pytest.mark.parametrize(("line", "fix"), [(TEXT, "mkdir -p build/reports"), ("FileNotFoundError", "mkdir -p …")])
async def test_it_is_shown_in_list_and_chain(tmp_path: Path, clock: FakeClock, line: str, fix: str) -> None:
    settings, error = settings_in(tmp_path), read(TEXT)
    steps = Action("argv", (("mkdir", "-p", "{0}"),))
    skill = Skill(1, error.error_type, error.template, (), steps, example_slots=read(TEXT).slots)
    with closing(Busy(settings, clock).store) as store:
        known = put(store, KnownSkill(skill))
        there = AgentInfo("ci@build2", "ci", "build2")
        told = Signature(0, error.error_type, error.template, (), line)
        store.incidents.open(incident(1, agent=there, signature=told), "b" * 64, remote=True)
        store.incidents.set_state(incident(1).incident_id, "verified", skill_id=known.skill_id)
    async with shown(settings, clock) as it:
        assert fix in it.text() and "{" not in it.text()
        await it.press("enter")
        await it.until(lambda: "why" in it.text(), "the chain")
        assert f"#{known.label} {fix}" in it.text() and "{" not in it.text()
        assert ("… stands for what that node alone knows" in it.text()) == ("…" in fix)
