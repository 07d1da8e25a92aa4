"""`meshtui skills export --format skill-md` and back: by command, as an operator does it."""

from __future__ import annotations

from tests.world import ERROR, Agent


def test_skills_travel_as_agent_skills_and_stay_unconfirmed(a: Agent, b: Agent) -> None:
    a.learn()
    folder = a.work / ".claude" / "skills"
    done = a.call("skills", "export", "--format", "skill-md", str(folder))
    assert (done.returncode, done.stdout) == (0, f"1 fix in {folder}: 1 file written\n")
    (b.home.parent / "alone.db").touch()
    done = b.call("--bridge", str(b.home.parent / "alone.db"), "skills", "import", str(folder))
    assert done.returncode == 0, done.stderr
    assert "1 file, 1 clear fix, 1 new and unconfirmed" in done.stdout
    [known] = b.ask("--bridge", str(b.home.parent / "alone.db"), "skills", "list")
    assert (known["source"], known["confirmed"], known["own_operator"]) == ("imported", False, False)


def test_only_what_somebody_stands_behind_is_exported(a: Agent) -> None:
    text = f"## One\n\nError:\n\n```\n{ERROR}\n```\n\nFix:\n\n```sh\npip install django\n```\n"
    (a.work / "SKILL.md").write_text(text)
    assert a.call("skills", "import", "SKILL.md").returncode == 0
    done = a.call("skills", "export", "--format", "skill-md", "out")
    assert "0 fixes" in done.stdout
    assert "--all" in done.stdout
    assert "1 fix in" in a.call("skills", "export", "--format", "skill-md", "--all", "out").stdout
