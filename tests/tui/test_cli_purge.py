"""`meshtui purge` and `meshtui bridge outgoing`, as a person uses them."""

from __future__ import annotations

from tests.world import ERROR, Agent, only_one_line

SECRET = "Zwetschgenkuchen4711"


def test_what_would_leave_is_shown_without_secrets_and_counted(a: Agent) -> None:
    offline = {"MESHTUI_BRIDGE": "postgresql://nobody:hunter2hunter2@db.example/mesh"}
    a.call("learn", "--error", f"{ERROR} token=ghp_{'a1B2' * 9}", "--fix", "pip install django", env=offline)
    done = a.call("bridge", "outgoing", env=offline)
    assert done.returncode == 0
    assert "1 skill" in done.stdout
    assert "django" in done.stdout
    assert "ghp_" not in done.stdout
    assert "hunter2" not in done.stdout
    said = a.call("bridge", "outgoing", "--json", env=offline)
    assert '"counts": {"skill": 1}' in said.stdout


def test_nothing_outgoing_is_said(a: Agent) -> None:
    assert "nothing waits" in a.call("bridge", "outgoing").stdout


def test_a_skill_is_purged_by_its_id_and_its_secret_is_in_no_file(a: Agent, b: Agent) -> None:
    skill_id = a.learn(f"ModuleNotFoundError: No module named '{SECRET}'", f"pip install {SECRET}")
    b.call("status")
    done = a.call("purge", skill_id, "--why", "it got out")
    assert (done.returncode, only_one_line(done)) == (2, "meshtui: nobody can be asked here; say --yes")
    done = a.call("purge", skill_id, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert '"waiting": 0' in done.stdout
    b.call("status")
    b.call("skills", "list")
    left = [path for path in a.world.root.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert left == []


def test_what_nobody_knows_is_one_line(a: Agent) -> None:
    done = a.call("purge", "0" * 16, "--yes")
    assert done.returncode == 2
    assert "no record here is called that" in only_one_line(done)
