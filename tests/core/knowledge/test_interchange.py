"""The old skills file: read whatever its state, written whole, shared with old programs that count in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshcore.errors import BadSkillError
from meshcore.filelock import FileLock
from meshcore.knowledge import interchange
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.interchange import (
    BrokenSkillsFileError,
    import_skills_file,
    put,
    read_skills_file,
    skill_from_old,
    skill_to_old,
    write_skills_file,
)
from meshcore.knowledge.learning import learn
from meshcore.knowledge.matching import match
from meshcore.knowledge.signature import read
from meshcore.model import KnownSkill
from meshcore.store.store import Store
from meshcore.testing import FakeClock, incident, known_skill

ME = "a" * 64
Entry = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "skills_database.json"


def entry(number: int = 1, name: str = "django", **changes: Any) -> Entry:
    """Return a SKILL as old programs write it."""
    return {
        "id": number,
        "error_type": "ModuleNotFoundError",
        "pattern": f"No module named '{name}'",
        "resolution": f"pip install {name}",
        "context": "demo",
        "created": "2025-11-04T02:58:29.968033",
        "usage_count": 0,
        "success_rate": 100.0,
        **changes,
    }


def write(path: Path, *entries: object, handled: object = 0, resolved: object = 0) -> None:
    """Write a skills file as old programs do."""
    stats = {"total_errors_handled": handled, "auto_resolved": resolved}
    path.write_text(json.dumps({"skills": entries, "stats": stats}, indent=2))


def content(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def use(store: Store) -> None:
    """Use the first skill, as the loop does."""
    skill_id = store.skills.all()[0].skill.skill_id
    with store.transaction():
        store.skills.note_use(skill_id)
        store.events.add("try.outcome", skill_id=skill_id)


def kept(path: Path) -> list[Path]:
    return sorted(path.parent.glob("skills_database.json.corrupt-*"))


def events(store: Store, kind: str) -> list[dict[str, Any]]:
    return [dict(event.data) for event in store.events.after(0) if event.kind == kind]


# --- the real file ----------------------------------------------------------------------------------------------------


def test_the_real_file_of_nine_entries_becomes_five_skills(store: Store, path: Path, shared: Path) -> None:
    path.write_bytes((shared / "seed-data" / "skills_database.json").read_bytes())
    imported = import_skills_file(store, path)
    assert (imported.entries, imported.skills, imported.added, imported.refused) == (9, 5, 5, ())
    skills = store.skills.all()
    assert [known.label for known in skills] == [1, 2, 3, 5, 6]
    assert [known.skill.action.kind for known in skills] == ["advice", "advice", "argv", "advice", "argv"]
    assert {(known.state, known.source, known.confirmed, known.author) for known in skills} == {
        ("unconfirmed", "legacy", False, "")
    }


def test_the_counts_of_the_real_file_are_shown_to_old_readers_only(store: Store, path: Path, shared: Path) -> None:
    path.write_bytes((shared / "seed-data" / "skills_database.json").read_bytes())
    assert write_skills_file(store, path) is True
    shown = content(path)
    assert shown["stats"] == {"total_errors_handled": 8, "auto_resolved": 1}
    assert next((e["id"], e["usage_count"], e["success_rate"]) for e in shown["skills"]) == (1, 1, 50.0)
    assert shown["skills"][0]["created"] == "2025-10-27T21:53:21.380460"
    assert not [name for name in store.snapshots.figures() if name.startswith(("incidents.", "tries."))]
    assert store.skills.uses() == {}
    assert store.incidents.count_own() == 0
    assert {known.evidence.verified for known in store.skills.all()} == {0}


def test_the_real_file_written_again_and_again_stays_as_it_is(store: Store, path: Path, shared: Path) -> None:
    path.write_bytes((shared / "seed-data" / "skills_database.json").read_bytes())
    write_skills_file(store, path)
    once = path.read_bytes()
    assert write_skills_file(store, path) is False
    store.events.add("fault")
    assert write_skills_file(store, path) is False
    assert path.read_bytes() == once


def test_a_real_error_is_answered_by_an_imported_skill_as_likely_only(store: Store, path: Path, shared: Path) -> None:
    path.write_bytes((shared / "seed-data" / "skills_database.json").read_bytes())
    import_skills_file(store, path)
    found = match(read("ModuleNotFoundError: No module named 'django'"), store.skills)
    assert found is not None
    assert (found.action.steps, found.tier) == ((("pip", "install", "django"),), "likely")


# --- broken files -----------------------------------------------------------------------------------------------------

HALF = json.dumps({"skills": [entry()], "stats": {}})[:100]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "line 1, column 1"),
        (HALF.encode(), "line 1, column"),
        (b'{"skills": [\n  {"id": 1,,\n', "line 2, column 12"),
        (b'{"skills": [\xff]}', "not UTF-8 at byte 12"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"skills": [' + b"9" * 5000 + b"]}", "not JSON"),
        (b"[]", "no list named skills"),
        (b'{"skills": {}}', "no list named skills"),
        (b"null", "no list named skills"),
        (b"\xef\xbb\xbf{}", "BOM"),
    ],
)
def test_a_broken_file_is_named_with_its_place_and_kept(store: Store, path: Path, data: bytes, place: str) -> None:
    path.write_bytes(data)
    with pytest.raises(BrokenSkillsFileError, match=place):
        read_skills_file(path)
    import_skills_file(store, path)
    (event,) = events(store, "skills_file.broken")
    assert place in event["reason"]
    assert str(path) in event["reason"]
    assert "\n" not in event["reason"]
    assert event["kept"] == str(kept(path)[0])
    assert kept(path)[0].read_bytes() == data
    assert not path.exists()


def test_after_a_broken_file_the_next_write_is_whole_and_nothing_known_is_lost(store: Store, path: Path) -> None:
    write(path, entry(usage_count=3), handled=8, resolved=1)
    write_skills_file(store, path)
    path.write_bytes(path.read_bytes()[:-20])
    assert write_skills_file(store, path) is True
    assert [e["pattern"] for e in content(path)["skills"]] == ["No module named 'django'"]
    assert content(path)["skills"][0]["usage_count"] == 3
    assert content(path)["stats"] == {"total_errors_handled": 8, "auto_resolved": 1}
    assert len(kept(path)) == 1


def test_two_broken_files_of_one_moment_are_both_kept(store: Store, path: Path) -> None:
    for data in (b"one", b"two", b"three"):
        path.write_bytes(data)
        import_skills_file(store, path)
    assert {file.read_bytes() for file in kept(path)} == {b"one", b"two", b"three"}


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_folder, make_pipe, make_device])
def test_what_is_no_plain_file_is_moved_aside_without_waiting(
    store: Store, path: Path, make: Callable[[Path], None]
) -> None:
    make(path)
    assert write_skills_file(store, path) is True
    assert len(kept(path)) == 1
    assert content(path)["skills"] == []


def test_no_file_is_an_empty_start(store: Store, path: Path) -> None:
    assert import_skills_file(store, path).entries == 0
    assert write_skills_file(store, path) is True
    assert content(path) == {"skills": [], "stats": {"total_errors_handled": 0, "auto_resolved": 0}}
    assert events(store, "skills_file.broken") == []


# --- entries that cannot be used --------------------------------------------------------------------------------------

BAD: list[object] = [
    5,
    None,
    [],
    {},
    entry(pattern=""),
    entry(pattern=None),
    entry(resolution="  "),
    entry(error_type=7),
    entry(pattern="No module named '\x1b[2J'"),
    entry(resolution="pip install \ud800"),
    entry(2, "flask", context="\u202e txt"),
]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_an_entry_that_cannot_be_used_is_named_and_stays_in_the_file(store: Store, path: Path, bad: object) -> None:
    with pytest.raises(BadSkillError):
        skill_from_old(bad)
    write(path, entry(), bad)
    imported = import_skills_file(store, path)
    assert len(imported.refused) == 1
    assert imported.refused[0].startswith("skills[1]: ")
    assert imported.added == 1
    assert "skills[1]" in events(store, "skills_file.broken")[0]["reason"]
    for _ in range(2):
        write_skills_file(store, path)
        assert content(path)["skills"][1:] == [bad]
        write(path, *content(path)["skills"], handled=1)
    assert len(events(store, "skills_file.broken")) == 1


@pytest.mark.parametrize("value", [None, "many", -1, True, 10**400, 1.5, []])
def test_a_count_that_is_none_counts_for_nothing(store: Store, path: Path, value: object) -> None:
    write(path, entry(usage_count=value), handled=value, resolved=value)
    write_skills_file(store, path)
    assert content(path)["skills"][0]["usage_count"] == 0
    assert content(path)["stats"] == {"total_errors_handled": 0, "auto_resolved": 0}


@pytest.mark.parametrize("value", [None, "all", -1, 101, True, 10**400, float("nan"), float("inf")])
def test_a_rate_that_is_none_becomes_the_old_default(store: Store, path: Path, value: object) -> None:
    write(path, entry(success_rate=value))
    write_skills_file(store, path)
    assert content(path)["skills"][0]["success_rate"] == 100.0


@pytest.mark.parametrize("label", [0, -5, "7", None, True, 2**40, 1.5])
def test_an_id_that_is_none_is_replaced_by_a_free_one(store: Store, path: Path, label: object) -> None:
    write(path, entry(1, "one"), entry(2, "two", id=label))
    import_skills_file(store, path)
    assert [known.label for known in store.skills.all()] == [1, 2]


def test_two_entries_with_one_id_are_two_skills_with_two_labels(store: Store, path: Path) -> None:
    write(path, entry(4, "one"), entry(4, "two"))
    import_skills_file(store, path)
    assert [known.label for known in store.skills.all()] == [4, 5]


# --- beside old programs ----------------------------------------------------------------------------------------------


def test_what_an_old_program_adds_between_our_writes_is_taken_in_and_stays(store: Store, path: Path) -> None:
    write(path, entry())
    write_skills_file(store, path)
    ours = content(path)["skills"]
    write(path, *ours, entry(2, "flask"))
    assert write_skills_file(store, path) is True
    assert [e["pattern"] for e in content(path)["skills"]] == ["No module named 'django'", "No module named 'flask'"]
    assert [known.label for known in store.skills.all()] == [1, 2]
    assert len(events(store, "skill.learned")) == 2


def test_an_old_program_with_an_old_copy_takes_nothing_from_us(store: Store, path: Path) -> None:
    write(path, entry())
    write_skills_file(store, path)
    put(store, KnownSkill(learn(read("bash: jq: command not found"), parse_fix("apt install jq"))))
    write_skills_file(store, path)
    write(path, entry())
    write_skills_file(store, path)
    assert len(content(path)["skills"]) == 2


def test_the_same_skill_again_and_again_stays_one(store: Store, path: Path) -> None:
    for number in range(1, 6):
        write(path, *[entry(n) for n in range(1, number + 1)])
        write_skills_file(store, path)
    assert len(content(path)["skills"]) == 1
    assert len(store.skills.all()) == 1


def test_what_an_old_program_counts_between_our_writes_is_added_once(store: Store, path: Path) -> None:
    write(path, entry(usage_count=2), handled=8, resolved=1)
    write_skills_file(store, path)
    store.incidents.open(incident(1), ME)
    store.incidents.open(incident(2), "b" * 64, remote=True)
    write_skills_file(store, path)
    assert content(path)["stats"]["total_errors_handled"] == 9
    (ours,) = content(path)["skills"]
    write(path, {**ours, "usage_count": 5}, handled=12, resolved=2)
    use(store)
    for _ in range(3):
        write_skills_file(store, path)
    assert content(path)["stats"] == {"total_errors_handled": 12, "auto_resolved": 2}
    assert content(path)["skills"][0]["usage_count"] == 6
    assert store.incidents.count_own() == 1


def test_an_old_program_that_counts_backwards_takes_nothing_away(store: Store, path: Path) -> None:
    write(path, entry(usage_count=5), handled=8)
    write_skills_file(store, path)
    write(path, entry(usage_count=0), handled=0)
    write_skills_file(store, path)
    assert content(path)["stats"]["total_errors_handled"] == 8
    assert content(path)["skills"][0]["usage_count"] == 5


def test_duplicates_in_an_old_file_add_up_to_one(store: Store, path: Path) -> None:
    write(path, entry(1, usage_count=2), entry(2, usage_count=3))
    write_skills_file(store, path)
    assert [(e["id"], e["usage_count"]) for e in content(path)["skills"]] == [(1, 5)]


def test_a_forgotten_or_quarantined_skill_is_not_brought_back_by_an_old_program(store: Store, path: Path) -> None:
    write(path, entry())
    write_skills_file(store, path)
    store.skills.set_state(store.skills.all()[0].skill.skill_id, "forgotten", "anna")
    write_skills_file(store, path)
    assert content(path)["skills"] == []
    write(path, entry())
    write_skills_file(store, path)
    assert content(path)["skills"] == []
    assert [known.state for known in store.skills.all()] == ["forgotten"]


FIXES = [
    ("ModuleNotFoundError: No module named 'yaml'", "pip install pyyaml"),
    ("bash: jq: command not found", "apt-get install -y jq"),
    ("Error: listen EADDRINUSE: address already in use :::3000", "kill 4711"),
    ("fatal: not a git repository", "git init"),
    ("PermissionError: [Errno 13] Permission denied: './run.sh'", "chmod +x ./run.sh"),
    ("FileNotFoundError: [Errno 2] No such file or directory: 'out/a b'", "mkdir -p 'out/a b'"),
    ("E: template {name} is not closed", "sed -i s/{name}/{{name}}/ page.html"),
    ("npm ERR! Cannot find module 'left-pad'", "npm install left-pad && npm test"),
    ("TypeError: unsupported operand type(s) for +: 'int' and 'str'", "Convert the number with str() first"),
    ("make: *** No rule to make target 'all'.  Stop.", "cd src && make all | tee log"),
]


@pytest.mark.parametrize(("error", "fix"), FIXES)
def test_what_we_write_comes_back_as_the_same_skill_not_a_second_one(
    store: Store, path: Path, error: str, fix: str
) -> None:
    known = put(store, KnownSkill(learn(read(error), parse_fix(fix))))
    write_skills_file(store, path)
    (ours,) = content(path)["skills"]
    assert parse_fix(ours["resolution"]) == parse_fix(fix)
    write(path, ours, handled=3)
    write_skills_file(store, path)
    assert [again.skill.skill_id for again in store.skills.all()] == [known.skill.skill_id]
    assert skill_from_old(ours).skill.action.kind == known.skill.action.kind


def test_the_resolution_is_the_fix_never_the_command_that_failed() -> None:
    signature = read("ModuleNotFoundError: No module named 'django'", command="python app.py")
    skill = learn(signature, parse_fix("pip install django"), command="python app.py")
    assert skill_to_old(KnownSkill(skill))["resolution"] == "pip install django"


def test_an_entry_has_all_fields_of_the_old_format_in_their_order_and_types(store: Store, path: Path) -> None:
    put(store, KnownSkill(learn(read("ModuleNotFoundError: No module named 'x1'"), parse_fix("pip install x1"))))
    write_skills_file(store, path)
    (ours,) = content(path)["skills"]
    types = {
        "id": int,
        "error_type": str,
        "pattern": str,
        "resolution": str,
        "context": str,
        "created": str,
        "usage_count": int,
        "success_rate": float,
    }
    assert [(name, type(value)) for name, value in ours.items()] == list(types.items())
    assert "+" not in ours["created"]
    assert not ours["created"].endswith("Z")


# --- writing ----------------------------------------------------------------------------------------------------------


def test_the_file_is_private_and_a_link_is_replaced_not_followed(store: Store, path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.json"
    write(victim, entry())
    path.symlink_to(victim)
    before = victim.read_bytes()
    write_skills_file(store, path)
    assert victim.read_bytes() == before
    assert not path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(content(path)["skills"]) == 1


def test_a_full_disk_leaves_the_old_file_and_a_later_write_catches_up(store: Store, small_disk: Path) -> None:
    path = small_disk / "skills_database.json"
    write(path, entry())
    write_skills_file(store, path)
    before = path.read_bytes()
    ballast = small_disk / "ballast"
    with ballast.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while file.write(b"x" * 4096) == 4096:
            pass
    put(store, KnownSkill(learn(read("bash: jq: command not found"), parse_fix("apt install jq"))))
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            write_skills_file(store, path)
    assert path.read_bytes() == before
    ballast.unlink()
    assert write_skills_file(store, path) is True
    assert len(content(path)["skills"]) == 2


@pytest.mark.parametrize("step", ["home.os.fsync", "home.Path.replace", "interchange.write_atomically"])
def test_kill_9_while_writing_leaves_the_old_file_and_counts_nothing_twice(
    tmp_path: Path, path: Path, step: str, clock: FakeClock
) -> None:
    store = Store(tmp_path / "store.db", clock)
    write(path, entry(usage_count=2), handled=8)
    write_skills_file(store, path)
    store.incidents.open(incident(), ME)
    store.close()
    before = path.read_bytes()
    code = (
        "import os, pathlib, signal, sys; from meshcore import home; from meshcore.knowledge import interchange\n"
        "from meshcore.store.store import Store\n"
        "def die(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"s = Store(pathlib.Path(sys.argv[1])); {step} = die\n"
        "interchange.write_skills_file(s, pathlib.Path(sys.argv[2]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "store.db"), str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    store = Store(tmp_path / "store.db", clock)
    write_skills_file(store, path)
    assert content(path)["stats"]["total_errors_handled"] == 9
    assert content(path)["skills"][0]["usage_count"] == 2
    store.close()


def test_two_processes_that_import_one_file_at_once_make_each_skill_once(tmp_path: Path, path: Path) -> None:
    write(path, *[entry(n, f"module{n}") for n in range(1, 21)], handled=8)
    Store(tmp_path / "store.db").close()
    code = (
        "import pathlib, sys; from meshcore.knowledge.interchange import write_skills_file\n"
        "from meshcore.store.store import Store; s = Store(pathlib.Path(sys.argv[1])); sys.stdin.read(1)\n"
        "write_skills_file(s, pathlib.Path(sys.argv[2]))"
    )
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "store.db"), str(path)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdin is not None
        reader.stdin.write(b"g")
        reader.stdin.flush()
    for reader in readers:
        assert reader.communicate()[1].decode() == ""
    store = Store(tmp_path / "store.db")
    write_skills_file(store, path)
    assert [known.label for known in store.skills.all()] == list(range(1, 21))
    assert content(path)["stats"]["total_errors_handled"] == 8
    assert len(events(store, "skill.learned")) == 20
    store.close()


def test_while_another_process_is_at_the_file_nothing_is_done(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interchange, "LOCK_SECONDS", 0.0)
    write(path, entry())
    with FileLock(path.with_name(path.name + ".lock")).held():
        assert write_skills_file(store, path) is False
        assert import_skills_file(store, path).entries == 0
    assert store.skills.all() == []
    assert import_skills_file(store, path).added == 1


def test_a_broken_file_that_cannot_be_moved_is_said_not_raised(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("broken")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "rename", refuse)
    import_skills_file(store, path)
    assert "not permitted" in events(store, "skills_file.broken")[0]["reason"]
    with pytest.raises(OSError, match="not permitted"):
        write_skills_file(store, path)
    assert path.read_text() == "broken"


def test_a_large_file_is_not_written_anew_for_every_count(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, known_skill("django"))
    assert write_skills_file(store, path) is True
    now = store.clock.now().timestamp()
    os.utime(path, (now, now))
    monkeypatch.setattr(interchange, "SKILLS_A_SECOND", 0.1)  # so that one skill is a large file: ten seconds
    store.incidents.open(incident(1), "a" * 64)
    assert write_skills_file(store, path) is False
    put(store, known_skill("flask"))
    assert write_skills_file(store, path) is True, "what is known is shown at once"
    store.incidents.open(incident(2), "a" * 64)
    os.utime(path, (now - 30, now - 30))
    assert write_skills_file(store, path) is True
    assert '"total_errors_handled": 2' in path.read_text()


@pytest.mark.parametrize(
    ("created", "good"),
    [
        ("2024-03-01T09:00:00+00:00", "2024-03-01T09:00:00.000000Z"),
        ("2024-03-01T09:00:00+02:00", "2024-03-01T07:00:00.000000Z"),
    ],
)
def test_an_entry_is_as_old_as_it_says_however_lately_it_came(
    store: Store, path: Path, created: str, good: str
) -> None:
    write(path, entry(created=created))
    import_skills_file(store, path)
    [known] = store.skills.each()
    assert known.last_good == good < known.created


@pytest.mark.parametrize(
    "created", ["", "yesterday", 7, None, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
)
def test_an_entry_without_a_time_that_can_be_is_as_old_as_its_import(store: Store, path: Path, created: object) -> None:
    write(path, entry(created=created))
    import_skills_file(store, path)
    [known] = store.skills.each()
    assert known.last_good == known.created
