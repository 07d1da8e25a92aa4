"""Where a bridge may lie, and what is refused with its remedy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from scripts.testbed.hostile_bridge import SCHEMAS, Place, journal_of, make_victim
from tests.core.bridge.helpers import BOB, member, open_bridge, publication, take

from meshcore.bridge.sqlite.places import check_folder, writers
from meshcore.errors import ConfigurationError, MeshError

OTHER = 65534


@pytest.fixture
def bridge_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bridge"
    folder.mkdir(mode=0o755)
    return folder


@pytest.fixture
def place(bridge_folder: Path, tmp_path: Path) -> Place:
    """Give a bridge that was in use and is closed."""
    made = Place(bridge_folder / "b.db", tmp_path / "victim")
    make_victim(made.victim)
    with closing(open_bridge(made.bridge)) as bridge:
        bridge.join(member(BOB))
        bridge.publish([publication()])
    return made


@pytest.fixture
def as_another() -> Iterator[Callable[[], None]]:
    """Give a function from whose call on the test is another user, where it runs as the superuser."""
    if os.geteuid() != 0:
        pytest.skip("only the superuser can become another")
    yield lambda: os.seteuid(OTHER)
    os.seteuid(0)


def refusal(place: Place) -> str:
    with closing(open_bridge(place.bridge)) as bridge, pytest.raises(ConfigurationError) as caught:
        bridge.publish([publication(number=2)])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_that_every_user_can_write_is_refused_sticky_or_not(place: Place) -> None:
    for mode in (0o777, 0o1777):
        place.bridge.parent.chmod(mode)
        assert f"run: chmod o-w {place.bridge.parent}" in refusal(place)


def test_a_folder_below_one_that_every_user_can_write_is_refused_unless_that_is_sticky(place: Place) -> None:
    above = place.bridge.parent.parent
    above.chmod(0o777)
    assert f"run: chmod +t {above}" in refusal(place)
    above.chmod(0o1777)
    with closing(open_bridge(place.bridge)) as bridge:
        assert len(take(bridge, BOB)) == 1


def test_a_folder_that_another_user_made_where_everybody_can_is_refused(
    tmp_path: Path, as_another: Callable[[], None]
) -> None:
    (folder := tmp_path / "theirs").mkdir()
    os.chown(folder, OTHER, -1)
    tmp_path.chmod(0o1777)
    with pytest.raises(ConfigurationError, match=f"belongs to user {OTHER}"):
        check_folder(folder)


def test_a_folder_of_a_team_is_used_and_what_is_made_there_is_the_teams(bridge_folder: Path) -> None:
    bridge_folder.chmod(0o2770)
    with closing(open_bridge(bridge_folder / "b.db")) as bridge:
        bridge.join(member(BOB))
        assert bridge.fileno() >= 0
        files = [path for path in bridge_folder.rglob("*") if not path.is_dir()]
        assert {path.stat().st_mode & 0o777 for path in files} == {0o660}
        assert "the group" in bridge.writers()


def test_who_can_write_a_private_bridge_is_its_owner(place: Place) -> None:
    assert writers(place.log) == "you"
    assert writers(place.bridge.with_name("none")) == "nobody yet"


@pytest.mark.parametrize("ending", ["", ".mesh.db", ".mesh.db-wal"])
def test_a_link_is_refused_and_named(place: Place, ending: str) -> None:
    place.beside(ending).unlink(missing_ok=True)
    place.beside(ending).symlink_to(place.victim / "own.db")
    assert f"{place.beside(ending)} is a symbolic link" in refusal(place)


@pytest.mark.parametrize("name", [name for name in SCHEMAS if "old database" not in name])
def test_a_schema_that_is_not_ours_is_refused(place: Place, name: str) -> None:
    SCHEMAS[name](place)
    assert refusal(place).startswith(str(place.log))


@pytest.mark.parametrize("name", [name for name in SCHEMAS if "old database" not in name and "beneath" not in name])
def test_a_schema_that_changes_while_the_bridge_is_open_is_refused(place: Place, name: str) -> None:
    with closing(open_bridge(place.bridge)) as bridge:
        assert len(take(bridge, BOB)) == 1
        SCHEMAS[name](place)
        with pytest.raises(ConfigurationError):
            bridge.publish([publication(number=2)])


@pytest.mark.parametrize("ending", ["", ".mesh.db"])
def test_a_journal_that_names_another_file_deletes_nothing(place: Place, ending: str) -> None:
    journal_of(ending)(place)
    with closing(open_bridge(place.bridge)) as bridge, pytest.raises(MeshError):
        bridge.log.close()
        place.log.unlink(missing_ok=True)  # so that the old database is read, too
        if ending:
            journal_of("")(place)
        bridge.publish([publication(number=2)])
    assert place.keys.exists()
