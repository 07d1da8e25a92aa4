"""`meshtui evidence`: what leaves holds no secret and, where asked, no name; what comes back is checked."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.runs import samples
from tests.world import ERROR, FIX, Agent, World, only_one_line

from meshcore.safety.redaction import redact

HOST, USER, HOME = "buildhost7", "carolsmith", "/home/carolsmith"
FAKE = ("ghp_0123456789abcdefghijklmnopqrstuvwxyz", "AKIAPYCDYBK377OXTZQ6")


@pytest.fixture
def carol(world: World) -> Agent:
    """An agent whose names are easy to find, and stand everywhere."""
    world.environment |= {"MESHTUI_HOST": HOST, "USER": USER, "LOGNAME": USER}
    agent = world.agent(f"{USER}@{HOST}")
    agent.environment["MESHTUI_AGENT"] = f"{USER}@{HOST}.corp.example"
    return agent


def told_secrets(shared: Path | None) -> Iterator[tuple[str, str]]:
    """Yield lines with a fake secret, and the secret."""
    yield from ((f"token={secret}", secret) for secret in FAKE)
    if shared is None:
        return
    for text in (shared / "eval" / "secrets_dev.jsonl").read_text().splitlines():
        row = json.loads(text)
        line = base64.b64decode(row["line_b64"])
        if row["must_redact"] and b"\n" not in line:
            yield line.decode(), line[slice(*row["spans"][0])].decode()


def met_and_healed(agent: Agent, lines: list[str]) -> None:
    """Let everything that an export holds have met those lines, and the names."""
    program = f"import sys; print('on {HOST} in {HOME}/app'); print(open(sys.argv[1]).read())"
    (agent.work / "lines.txt").write_text("\n".join(lines))
    agent.operator.mkdir(exist_ok=True)
    check = [sys.executable, "-c", program, str(agent.work / "lines.txt")]
    (agent.operator / "config.toml").write_text(
        f'[labels]\nteam = "of {USER}"\n[[checks]]\nname = "mine.py"\nargv = {json.dumps(check)}\n'
    )
    agent.run(*agent.app)
    agent.learn(ERROR, FIX)
    agent.run(*agent.app)
    for line in lines[:3]:
        agent.run("sh", "-c", 'echo "$1" >&2; echo "mail to carol@corp.example" >&2; exit 3', "x", f"{line} {HOME}/x")
    agent.learn(f"ValueError: the host {HOST} of {USER} is wrong: {lines[0]}", "mkdir -p build")
    agent.call("monitor", "--skip-tests")
    folder = samples.write_run(agent.work / "workflow_results" / "runs", f"run-of-{USER}")
    (folder / "trace_events.json").write_text(json.dumps([{"event_id": lines[0], HOME: 1}]))
    agent.call("validate")


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_an_export_leaks_no_secret_and_with_pseudonyms_no_name(carol: Agent, request: pytest.FixtureRequest) -> None:
    shared = Path(__file__).parents[2] / "../shared"
    told = list(told_secrets(shared if shared.is_dir() else None))
    told = [(line, secret) for line, secret in told if secret not in redact(line)]
    met_and_healed(carol, [line for line, _ in told])
    carol.call("monitor", env={"PYTHONPATH": str(broken(carol))})
    named, hidden = carol.work / "named", carol.work / "hidden"
    for folder, options in ((named, []), (hidden, ["--pseudonymise"])):
        done = carol.call("evidence", "export", str(folder), *options)
        assert (done.returncode, done.stderr) == (0, "")
        assert carol.call("evidence", "verify", str(folder)).returncode == 0
        text = everything_in(folder)
        assert [secret for _, secret in told if secret.encode() in text] == []
        assert b'"script": "mine.py"' in text
        report = json.loads((folder / "report.json").read_text())["report"]
        assert "2 of " in " ".join(report["summary"])
    assert HOST.encode() in everything_in(named)
    found = everything_in(hidden).lower()
    assert [name for name in (HOST, USER, HOME, "corp.example", "carol") if name.encode() in found] == []
    assert json.loads((hidden / "database.json").read_text())["queries"][0]["result"] == 2


def broken(agent: Agent) -> Path:
    """Return a folder that ends our own checks at once: they cost seconds."""
    folder = agent.work / "broken"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys\nif sys.argv[0] == '-m' and sys.orig_argv[2] == 'meshcore.demo.checks': raise SystemExit(1)\n"
    )
    return folder


def test_verify_says_who_signed_and_names_what_changed(a: Agent, b: Agent) -> None:
    a.learn()
    a.call("evidence", "export", "out")
    good = b.call("evidence", "verify", str(a.work / "out"))
    assert good.returncode == 0
    assert "signed by node " in good.stdout
    assert "(yours)" in good.stdout
    (a.work / "out" / "slice" / "skills.jsonl").write_text("")
    bad = b.call("evidence", "verify", str(a.work / "out"))
    assert bad.returncode == 1
    assert "✗ slice/skills.jsonl: changed" in bad.stdout
    assert b.ask("evidence", "verify", str(a.work / "out"))["ok"] is False


def test_exports_that_overlap_count_everything_once(a: Agent) -> None:
    a.learn()
    a.run(*a.app)
    for name in ("one", "other"):
        a.call("evidence", "export", name)
    [one, both] = [a.call("report", *names, "--format", "json").stdout for names in (["one"], ["one", "other"])]
    figures = [json.loads(text)["report"]["key_figures"] for text in (one, both)]
    assert figures[0] == figures[1]
    assert figures[0][0] == {"name": "failures", "value": "1", "note": ""}


def test_a_report_of_several_exports_checks_each_first(a: Agent, b: Agent) -> None:
    a.learn()
    for agent in (a, b):
        agent.call("evidence", "export", "out")
    outs = [str(agent.work / "out") for agent in (a, b)]
    good = a.call("report", *outs, "--format", "json")
    assert good.returncode == 0
    (b.work / "out" / "report.html").unlink()
    bad = a.call("report", *outs)
    assert bad.returncode == 1
    assert f"{outs[1]}: does not hold: report.html: missing" in only_one_line(bad)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "."), "not an empty folder"),
        (("export", "out", "--since", "2026-11-23", "--until", "2026-11-22"), "no time lies in it"),
        (("export", "out", "--since", "yesterday-ish"), "yesterday-ish"),
        (("verify", "."), "not an export"),
        (("verify", "gone\x1b[31m"), "not an export"),
    ],
)
def test_what_does_not_fit_is_one_line(a: Agent, arguments: tuple[str, ...], said: str) -> None:
    done = a.call("evidence", *arguments)
    assert done.returncode == 2
    assert said in only_one_line(done)
    assert "\x1b" not in done.stderr
    assert not (a.work / "out").exists()
