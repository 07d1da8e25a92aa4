"""`meshtui nodes`, `status --prometheus`, `run --sync` and the system's log, as operators and CI use them."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

from tests.world import Agent, Listener, World

LABELS = r'\{(\w+="([^"\\\n]|\\.)*",?)+\}'
FORM = re.compile(rf"(# (HELP|TYPE) meshtui_\w+ .+|meshtui_\w+({LABELS})? -?\d+(\.\d+)?(e[+-]\d+)?)")


def test_nodes_shows_each_host_and_what_is_wrong(a: Agent, b: Agent, world: World) -> None:
    b.environment["MESHTUI_HOST"] = "host2"
    a.run("false")
    b.run("false")
    assert a.call("halt", "fire").returncode == 0
    shown = a.call("nodes").stdout.splitlines()
    assert shown[0].split("\t")[:4] == ["host", "node", "version", "mode"]
    assert [line.split("\t")[0] for line in shown[1:3]] == ["host1", "host2"]
    assert shown[1].split("\t")[3] == "HALTED"
    assert "a on host1: HALTED: fire" in shown
    rows = {row["name"]: row for row in a.ask("nodes", "list")}
    assert (rows["a"]["is_this"], rows["b"]["host"], rows["b"]["whose"]) == (True, "host2", "own")


def test_figures_for_prometheus_are_written_whole_and_readable_for_its_exporter(a: Agent, tmp_path: Path) -> None:
    a.environment["MESHTUI_HOST"] = 'ho"st\\1'
    a.run("false")
    file = tmp_path / "meshtui.prom"
    file.write_text("old")
    done = a.call("status", "--prometheus", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    lines = file.read_text().splitlines()
    assert all(FORM.fullmatch(line) for line in lines), [line for line in lines if not FORM.fullmatch(line)]
    assert "meshtui_halted 0" in lines
    assert 'meshtui_mode{mode="auto"} 1' in lines
    assert "meshtui_bridge_up 1" in lines
    assert any(line.startswith('meshtui_node_alive{host="ho\\"st\\\\1",name="a"') for line in lines)
    assert file.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.glob("*.prom*")] == ["meshtui.prom"]
    assert "false" not in file.read_text(), "no command is told"
    done = a.call("status", "--prometheus", str(tmp_path / "none" / "x.prom"))
    assert done.returncode == 78
    assert "cannot be written" in done.stderr


def test_a_ci_job_hears_before_and_tells_after_its_command(a: Agent, b: Agent, world: World) -> None:
    world.environment["MESHTUI_BRIDGE"] = str(world.bridge)
    skill_id = a.learn()
    done = b.call("run", "--sync", "--", "true")
    assert (done.returncode, done.stderr) == (0, "")
    assert skill_id in [known["skill_id"] for known in b.ask("skills", "list")]
    assert b.call("run", "--sync", "--", "false").returncode == 1
    assert a.ask("nodes", "list")[1]["undelivered"] == 0


def test_a_command_runs_and_keeps_its_exit_code_where_nobody_can_be_reached(a: Agent) -> None:
    a.environment["MESHTUI_BRIDGE"] = "ssh://nowhere.invalid"
    a.environment["PATH"] = "/bin:/usr/bin"
    done = a.call("run", "--sync", "--", "sh", "-c", "echo out; exit 3")
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert done.stderr.count("not synchronised") == 2


def test_decisions_are_told_to_the_systems_log_and_steer_no_terminal(a: Agent, tmp_path: Path) -> None:
    address = str(tmp_path / "log")
    a.operator.mkdir(parents=True, exist_ok=True)
    (a.operator / "config.toml").write_text(f'syslog = "{address}"\n')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(address)
        log.settimeout(10)
        a.call("mode", "hint")
        a.call("halt", "fire \x7f\x1b[31m")
        said = [log.recv(4096).decode(), log.recv(4096).decode()]
    assert [re.sub(r"\[\d+\]", "[]", line).partition("{")[0] for line in said] == [
        "<13>meshtui[]: mesh.mode ",
        "<12>meshtui[]: mesh.halted ",
    ]
    assert json.loads(said[1].partition(": mesh.halted ")[2])["reason"].startswith("fire")
    assert not re.search(r"[\x00-\x1f\x7f]", "".join(said))


def test_a_log_that_nobody_reads_is_no_fault_of_a_decision(a: Agent, tmp_path: Path) -> None:
    a.operator.mkdir(parents=True, exist_ok=True)
    (a.operator / "config.toml").write_text(f'syslog = "{tmp_path / "nobody"}"\n')
    done = a.call("mode", "hint")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_halt_drill_names_who_confirmed_and_who_is_missing(a: Agent, b: Agent, world: World) -> None:
    b.environment["MESHTUI_HOST"] = "host2"
    for agent in (a, b):
        agent.run("false")
    done = a.call("halt", "--drill", "--timeout", "0")
    assert done.returncode == 1
    assert "0 of 1 confirmed, signed; 1 missing" in done.stdout
    with Listener(b):
        done = a.call("halt", "--drill")
        assert done.returncode == 0, done.stdout
        assert "confirmed in" in done.stdout
        assert "1 of 1 confirmed, signed" in done.stdout
    assert not (a.operator / "HALT").exists()
    for words in (("halt",), ("halt", "--drill", "why"), ("halt", "--drill", "--host", "host2")):
        assert a.call(*words).returncode == 2


def test_one_host_is_halted_held_and_let_go_by_name(a: Agent, b: Agent, world: World) -> None:
    b.environment["MESHTUI_HOST"] = "host2"
    b.environment["MESHTUI_OPERATOR_DIR"] = str(world.root / "operator2")
    a.run("false")
    (world.root / "operator2").mkdir()
    for file in a.operator.glob("operator.*"):
        (world.root / "operator2" / file.name).write_bytes(file.read_bytes())
        (world.root / "operator2" / file.name).chmod(0o600)
    b.run("false")
    assert a.call("halt", "fire", "--host", "host2").returncode == 0
    assert (a.ask("status")["halted"], b.ask("status")["halted"]) == ("", "fire")
    assert a.call("resume", "--host", "host2").returncode == 0
    assert b.ask("status")["halted"] == ""
    assert a.call("mode", "hint", "--host", "host2").returncode == 0
    assert (a.ask("status")["mode"], b.ask("status")["mode"]) == ("auto", "hint")
    assert "this host, by your node" in b.call("mode").stdout
    assert a.call("mode", "--clear", "--host", "all").returncode == 0
    assert b.ask("status")["mode"] == "auto"
    assert "no host is called" in a.call("halt", "x", "--host", "host9").stderr
    assert a.call("trust", "revoke", "host2", "stolen", "--host").returncode == 0
    assert [row["state"] for row in a.ask("trust", "list") if row["name"] == "b"] == ["revoked"]
