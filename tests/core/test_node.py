"""An open node: what it has, what it can do without, and how it joins the bridge."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import SmallMesh, again, taught

from meshcore.config import BridgeAddress, Settings
from meshcore.errors import ConfigurationError, StoreTooNewError
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import exchange, pull
from meshcore.model import Mode
from meshcore.node import Node
from meshcore.safety.halt import halt
from meshcore.trust.ceilings import mode_here
from meshcore.trust.halting import halted


def settings(root: Path, bridge: Path | None = None, mode: Mode | None = None) -> Settings:
    return Settings(
        home=root / "home",
        operator=root / "operator",
        bridge=BridgeAddress.of(bridge or root / "bridge.db"),
        agent="a",
        host="host1",
        mode=mode,
    )


def test_an_unusable_bridge_leaves_what_is_known_locally_working(tmp_path: Path) -> None:
    no_database = tmp_path / "bridge.db"
    no_database.write_text("this is a text")
    with Node(settings(tmp_path)) as node:
        taught(node)
        assert node.bridge is None
        assert str(no_database) in node.bridge_fault
        assert exchange(node).stored == 0
        assert node.store.skills.count() == 1
        assert len(node.store.outbox.waiting()) == 1
        with pytest.raises(ConfigurationError, match="bridge"):
            node.require_bridge()
    assert no_database.read_text() == "this is a text"


def test_what_could_not_be_told_is_told_once_the_bridge_is_back(tmp_path: Path) -> None:
    broken = tmp_path / "bridge.db"
    broken.write_text("this is a text")
    with Node(settings(tmp_path)) as node:
        taught(node)
        exchange(node)
        broken.unlink()
        node.disconnect()
        exchange(node)
        assert node.store.outbox.waiting() == []
        assert node.require_bridge().statistics().records == 1


def test_a_node_that_was_forgotten_joins_again_by_itself_and_misses_nothing(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    assert mesh.bridge.forget(b.identity.node.public)
    known = taught(a)
    publish(a)
    later = mesh.node("b")
    pull(later)
    assert again(later, known).state == "active"
    assert {member.name for member in mesh.bridge.members()} == {"a", "b"}


def test_a_renamed_node_says_so_to_the_bridge(mesh: SmallMesh) -> None:
    mesh.node("a")
    again_by_another_name = Node(
        Settings(mesh.root / "a", mesh.root / "operator", BridgeAddress.of(mesh.root / "b.db"), "renamed", "host1"),
        mesh.clock,
        mesh.bridge.peer(),
    )
    again_by_another_name.require_bridge()
    again_by_another_name.close()
    assert [member.name for member in mesh.bridge.members()] == ["renamed"]


@pytest.mark.parametrize(
    ("configured", "control", "asked", "expected"),
    [
        (None, "", "auto", "auto"),
        ("approve", "", "auto", "approve"),
        (None, "hint", "auto", "hint"),
        ("approve", "auto", "auto", "approve"),
        (None, "auto", "off", "off"),
        (None, "nonsense", "approve", "approve"),
    ],
)
def test_the_lowest_ceiling_counts(
    tmp_path: Path, configured: Mode | None, control: str, asked: Mode, expected: Mode
) -> None:
    with Node(settings(tmp_path, mode=configured)) as node:
        if control:
            node.store.controls.request("mode", control, "me", "mesh.mode")
        assert mode_here(node, asked) == expected


def test_a_halt_of_the_operator_holds_for_each_of_their_nodes(mesh: SmallMesh) -> None:
    a, b, other = mesh.node("a"), mesh.node("b"), mesh.node("s", operator="other")
    halt(a.settings.operator, "wait")
    assert (halted(a), halted(b), halted(other)) == ("wait", "wait", "")


def test_a_store_of_a_newer_version_is_not_read(tmp_path: Path) -> None:
    Node(settings(tmp_path)).close()
    path = tmp_path / "home" / "store.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(StoreTooNewError, match=r"store\.db.*newer"):
        Node(settings(tmp_path))


def test_an_old_skills_file_is_taken_in_at_the_first_start_only(tmp_path: Path) -> None:
    entry = {
        "id": 3,
        "error_type": "ModuleNotFoundError",
        "pattern": "No module named 'x'",
        "resolution": "pip install x",
    }
    (tmp_path / "home").mkdir()
    file = tmp_path / "home" / "skills_database.json"
    file.write_text(json.dumps({"skills": [entry], "stats": {"total_errors_handled": 5, "auto_resolved": 4}}))
    with Node(settings(tmp_path)) as node:
        assert [known.label for known in node.store.skills.all()] == [3]
        node.project()
    assert json.loads(file.read_text())["stats"] == {"total_errors_handled": 5, "auto_resolved": 4}
    with Node(settings(tmp_path)) as node:
        assert node.store.skills.count() == 1


def test_projecting_again_without_news_writes_nothing(tmp_path: Path) -> None:
    with Node(settings(tmp_path)) as node:
        taught(node)
        node.project()
        before = [(p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(node.home.root.iterdir())]
        node.project()
        assert [(p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(node.home.root.iterdir())] == before


def test_a_skills_file_that_cannot_be_written_is_a_fault_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("meshcore.node.write_skills_file", fail)
    with Node(settings(tmp_path)) as node:
        taught(node)
        node.project()
        node.project()
        faults = [event for event in node.store.events.after(0) if event.kind == "fault"]
        assert len(faults) == 1
        assert "No space left" in str(faults[0].data["what"])


def test_another_bridge_is_joined_and_read_from_its_beginning(tmp_path: Path) -> None:
    for name in ("one.db", "two.db"):
        with Node(settings(tmp_path, bridge=tmp_path / name)) as node:
            assert [member.cursor for member in node.require_bridge().members()] == [0]
