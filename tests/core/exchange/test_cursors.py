"""How far a bridge was read is known by the home, whatever the bridge says of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import SmallMesh, taught

from meshcore.bridge.memory import MemoryBridge
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.teaching import teach
from meshcore.node import Node


def faults(node: Node) -> list[str]:
    return [str(event.data["what"]) for event in node.store.events.after(0) if event.kind == "fault"]


def cursor(node: Node) -> int | None:
    return node.store.bridge_cursors.find(node.require_bridge().bridge_id)


def test_the_home_keeps_the_cursor_with_what_it_took_in(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(b)
    publish(b)
    monkeypatch.setattr("meshcore.exchange.receive._take_in_one", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        pull(a)
    assert cursor(a) in (None, 0)
    monkeypatch.undo()
    pull(a)
    assert cursor(a) == mesh.bridge.statistics().records
    assert faults(a) == []


def test_a_home_that_was_restored_from_a_backup_reads_again_what_it_lacks(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known, _ = teach(b, "ModuleNotFoundError: No module named 'flask'", "pip install flask")
    pull(a)
    a.store.checkpoint()
    backup = mesh.root / "backup"
    shutil.copytree(mesh.root / "a", backup)
    publish(b)
    pull(a)
    assert a.store.skills.find(known.skill.skill_id) is not None
    a.store.close()
    shutil.rmtree(mesh.root / "a")
    shutil.copytree(backup, mesh.root / "a")
    restored = mesh.node("a")
    assert restored.store.skills.find(known.skill.skill_id) is None
    pull(restored)
    assert restored.store.skills.find(known.skill.skill_id) is not None
    assert faults(restored) == []


def test_a_receipt_that_was_lost_is_given_again(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(b)
    publish(b)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(a.require_bridge(), "acknowledge", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        pull(a)
    assert mesh.bridge.statistics().undelivered == 1
    pull(a)
    assert mesh.bridge.statistics().undelivered == 0


def test_a_bridge_that_is_another_one_is_read_from_its_beginning_and_that_is_said_once(mesh: SmallMesh) -> None:
    b = mesh.node("b")
    taught(b)
    publish(b)
    pull(mesh.node("a"))
    other = MemoryBridge(mesh.clock)
    moved, elsewhere = mesh.node("a", bridge=other), mesh.node("c", bridge=other)
    teach(elsewhere, "ModuleNotFoundError: No module named 'flask'", "pip install flask")
    publish(elsewhere)
    pull(moved)
    pull(moved)
    assert moved.store.skills.count() == 2
    assert faults(moved) == ["the bridge is another one than before: it is read from its beginning"]


def test_a_bridge_that_is_shorter_than_what_was_read_is_read_from_its_beginning_and_that_is_said(
    mesh: SmallMesh,
) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(b)
    publish(b)
    pull(a)
    end = mesh.bridge.statistics().records
    a.store.bridge_cursors.set(mesh.bridge.bridge_id, end + 7)
    teach(b, "ModuleNotFoundError: No module named 'flask'", "pip install flask")
    publish(b)
    a.store.bridge_cursors.set(mesh.bridge.bridge_id, end + 70)
    pull(a)
    assert a.store.skills.count() == 2
    [said] = faults(a)
    assert said.startswith("the bridge ends at ")
    assert cursor(a) == mesh.bridge.statistics().records


def test_what_a_restored_log_lost_is_put_back_and_what_took_its_numbers_is_read(mesh: SmallMesh) -> None:
    folder, backup = mesh.root / "shared", mesh.root / "backup"
    folder.mkdir()

    def opened(*names: str) -> list[Node]:
        path = folder / "bridge.db"
        return [mesh.node(name, bridge=SqliteBridge(path, clock=mesh.clock, doorbell=False)) for name in names]

    def told(node: Node, *packages: str) -> set[str]:
        fixes = [
            taught(node, f"ModuleNotFoundError: No module named '{one}'", f"pip install {one}") for one in packages
        ]
        publish(node)
        return {fix.skill.skill_id for fix in fixes}

    a, b, c = opened("a", "b", "c")
    expected = told(b, "flask")
    for node in (a, b, c):
        pull(node)
        node.close()
    shutil.copytree(folder, backup)
    a, b, c = opened("a", "b", "c")
    expected |= told(a, "attrs")
    for node in (a, b, c):
        pull(node)
        node.close()
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)
    (c,) = opened("c")
    expected |= told(c, "jinja2", "click", "rich", "numpy")  # the log is longer than when the others read it last
    a, b, late = opened("a", "b", "late")
    for node in (a, b, c, late):
        pull(node)
    for node in (a, b, c, late):
        assert {known.skill.skill_id for known in node.store.skills.all()} == expected


def test_a_home_that_comes_after_rows_were_pruned_says_once_that_it_missed_them(mesh: SmallMesh) -> None:
    b = mesh.node("b")
    for number in range(3):
        mesh.send(b, "incident", {"number": number})
    pull(b)
    mesh.clock.advance(10)
    assert mesh.bridge.prune(5).rows == 3
    taught(b)
    publish(b)
    a = mesh.node("a")
    pull(a)
    pull(a)
    assert a.store.skills.count() == 1
    assert faults(a) == ["summaries up to 3 were pruned from the bridge; this home has read up to 0"]


def test_a_home_that_had_read_what_was_pruned_says_nothing(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    mesh.send(b, "incident", {"number": 1})
    pull(a)
    pull(b)
    mesh.clock.advance(10)
    assert mesh.bridge.prune(5).rows == 1
    taught(b)
    publish(b)
    pull(a)
    assert faults(a) == []


def test_a_publisher_that_died_before_old_programs_were_shown_a_skill_shows_it_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.core.test_node import settings

    from meshcore.bridge.open import old_queries

    with Node(settings(tmp_path)) as node:
        taught(node)
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(node, "show_old_programs", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            publish(node)
        assert [count for _, count in old_queries(node.settings.bridge)] == [0, 0]
        publish(node)
        publish(node)
        assert [count for _, count in old_queries(node.settings.bridge)] == [1, 1]
        assert node.require_bridge().statistics().records == 1
