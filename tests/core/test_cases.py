"""Hard cases for files, processes and the sandbox, each with the real thing: killed, damaged, full, swapped, starved.

Where the description that a case comes from and the issue or the plan of the code differ, these hold, and the test
says so.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.world import Agent, World, wait_for

from meshcore.clock import SystemClock
from meshcore.errors import MeshError
from meshcore.healing.executor import Executor
from meshcore.home import write_atomically
from meshcore.journal.writer import project
from meshcore.policy.question import PlannedStep
from meshcore.process.sandbox import detect
from meshcore.store.store import Store
from meshcore.testing import incident

ROOT = Path(__file__).parents[2]
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"  # fake
STRACE = shutil.which("strace") or ""


def python(program: str, *arguments: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run a program of ours in a process of its own."""
    argv = [*before, sys.executable, "-c", program, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60)


def injecting(*what: str) -> list[str]:
    """Return what runs a program with faults injected into its system calls. Skips where that is not possible."""
    if not STRACE or subprocess.run([STRACE, "-o", os.devnull, "true"], capture_output=True).returncode:
        pytest.skip("strace is not here, or may not trace")
    options = [word for inject in what for word in ("-e", f"inject={inject}")]
    names = ",".join(sorted({inject.partition(":")[0] for inject in what}))
    return [STRACE, "-f", "-o", os.devnull, "-e", f"trace={names}", *options]


# --- SQLite -----------------------------------------------------------------------------------------------------------

WRITES_AND_DIES = """
import os, sys
from pathlib import Path
from meshcore.journal.writer import project
from meshcore.store.store import Store
from meshcore.testing import incident
folder = Path(sys.argv[1])
store = Store(folder / "store.db")
store.checkpoint()
for number in range(20):
    store.incidents.open(incident(number), "a" * 64)
project(store, folder / "journal.jsonl")
os.kill(os.getpid(), 9)
"""


def test_a_write_ahead_log_that_was_deleted_is_noticed_and_said(tmp_path: Path) -> None:
    assert python(WRITES_AND_DIES, str(tmp_path)).returncode == -signal.SIGKILL
    (tmp_path / "store.db-wal").unlink()
    (tmp_path / "store.db-shm").unlink(missing_ok=True)
    store, journal = Store(tmp_path / "store.db"), tmp_path / "journal.jsonl"
    store.events.add("agent.joined")  # the first thing that happens brings it up
    project(store, journal)
    faults = [str(event.data["what"]) for event in store.events.after(0) if event.kind == "fault"]
    assert len(faults) == 1
    assert "lost in part" in faults[0]
    [kept] = tmp_path.glob("journal.jsonl.before-*")
    assert len(kept.read_text().splitlines()) == 20
    store.close()


def test_a_store_with_flipped_bytes_is_used_or_refused_in_one_line_and_never_replaced(tmp_path: Path) -> None:
    # The description asks for a fresh store in its place; here the store is the truth, and a person decides.
    whole = tmp_path / "whole.db"
    with_rows = Store(whole)
    for number in range(50):
        with_rows.incidents.open(incident(number), "a" * 64)
    with_rows.checkpoint()
    with_rows.close()
    chance, data, path = random.Random(20261122), whole.read_bytes(), tmp_path / "store.db"
    for _ in range(50):
        damaged = bytearray(data)
        page = chance.randrange(len(data) // 4096) * 4096
        for _ in range(chance.randint(1, 64)):
            damaged[page + chance.randrange(4096)] ^= chance.randint(1, 255)
        for leftover in tmp_path.glob("store.db*"):
            leftover.unlink()
        path.write_bytes(damaged)
        try:
            store = Store(path)
        except MeshError as error:
            assert "\n" not in str(error)
            continue
        try:
            store.incidents.all(limit=-1)
            store.events.add("fault", data={"what": "x"})
        except MeshError as error:
            assert "\n" not in str(error)
        finally:
            store.close()
        assert path.stat().st_size >= len(data) // 2
    assert sorted(found.name for found in tmp_path.glob("*corrupt*")) == []


# --- disks ------------------------------------------------------------------------------------------------------------

ACKNOWLEDGES = """
import sys
from pathlib import Path
from meshcore.errors import MeshError
from meshcore.store.store import Store
store = Store(Path(sys.argv[1]))
for number in range(5):
    try:
        with store.transaction(durable=True):
            store.verdicts.put(f"n{number}", "stored")
    except MeshError as error:
        print("refused", error, flush=True)
    else:
        print("acknowledged", flush=True)
"""


def test_what_the_disk_did_not_take_is_not_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Store(path).close()
    faulty = injecting("fdatasync:error=EIO", "fsync:error=EIO")
    done = python(ACKNOWLEDGES, str(path), before=faulty)
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 5
    assert "acknowledged" not in done.stdout
    assert python(ACKNOWLEDGES, str(path)).stdout.splitlines() == ["acknowledged"] * 5


WRITES_ATOMICALLY = """
import sys
from pathlib import Path
from meshcore.home import write_atomically
write_atomically(Path(sys.argv[1]), b"new" * 1000)
"""


@pytest.mark.parametrize("call", ["fchmod", "write", "fsync", "rename"])
def test_a_file_that_others_read_is_old_or_new_whenever_its_writer_is_killed(tmp_path: Path, call: str) -> None:
    path = tmp_path / "skills_database.json"
    path.write_bytes(b"old")
    for number in (1, 2):
        done = python(WRITES_ATOMICALLY, str(path), before=injecting(f"{call}:signal=KILL:when={number}"))
        assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL) or (done.returncode == 0 and number > 1)
        assert path.read_bytes() in (b"old", b"new" * 1000)


def test_a_folder_that_others_swap_for_links_gets_nothing_written_outside_of_it(tmp_path: Path) -> None:
    outside, home = tmp_path / "outside.json", tmp_path / "home"
    home.mkdir()
    outside.write_bytes(b"theirs")
    target, stop = home / "skills_database.json", threading.Event()

    def swap() -> None:
        while not stop.is_set():
            link = home / "link"
            link.unlink(missing_ok=True)
            link.symlink_to(outside)
            link.replace(target)

    attacker = threading.Thread(target=swap)
    attacker.start()
    store = Store(tmp_path / "store.db")
    try:
        for number in range(100):
            write_atomically(target, b"ours")
            store.events.add("fault", data={"what": str(number)})
            project(store, target)
    finally:
        stop.set()
        attacker.join()
        store.close()
    assert outside.read_bytes() == b"theirs"


def test_with_few_descriptors_a_command_ends_in_one_line_or_works(a: Agent) -> None:
    a.learn()
    works = []
    for limit in (5, 8, 12, 64):

        def starve(most: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

        done = subprocess.run(
            a.command("skills", "list"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=a.work,
            env=a.environment,
            timeout=60,
            preexec_fn=starve,
        )
        works.append(done.returncode == 0)
        if done.returncode and "meshtui:" in done.stderr:
            assert "Traceback" not in done.stderr
            assert len(done.stderr.splitlines()) == 1
    assert works[-1]


def test_everything_of_a_first_start_is_private_whatever_the_umask(a: Agent) -> None:
    old = os.umask(0)
    try:
        a.learn()
        a.run(*a.app)
    finally:
        os.umask(old)
    for folder in (a.home, a.operator):
        assert folder.stat().st_mode & 0o077 == 0
        for path in folder.rglob("*"):
            allowed = 0o700 if path.is_dir() else 0o600
            assert path.stat().st_mode & 0o777 & ~allowed == 0, path


# --- processes and tries ----------------------------------------------------------------------------------------------

DIES = """
import os, sys
def die(*arguments, **options):
    os.kill(os.getpid(), 9)
from meshcore.healing import command, executor
from meshcore.healing import healer as agent
from meshcore.store.incidents import Incidents
where = sys.argv.pop(1)
if where == "before the fix starts":
    executor.Executor.apply = die
elif where == "right after capture":
    Incidents.open = die
elif where == "right after storing":
    command._remember = die
from meshtui.__main__ import main
main()
"""


def dying(agent: Agent, where: str, *arguments: str) -> int:
    """Run a `meshtui` command that is killed at a certain moment; return how it ended."""
    return subprocess.run(
        [sys.executable, "-c", DIES, where, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=agent.work,
        env=agent.environment,
        timeout=60,
    ).returncode


def state_of_app(agent: Agent) -> str:
    states = {found["argv"][-1]: found["state"] for found in agent.ask("incidents", "list")}
    return str(states["app.py"])


def test_a_fix_that_was_intended_and_never_began_is_unknown_and_is_not_run_by_itself(a: Agent) -> None:
    a.learn()
    assert dying(a, "before the fix starts", "run", "--", *a.app) == -signal.SIGKILL
    assert a.pip_log == []
    a.run("sh", "-c", "exit 3")
    assert state_of_app(a) == "unknown"
    assert a.pip_log == []


def test_a_signal_during_a_fix_ends_it_and_its_outcome_is_recorded(a: Agent) -> None:
    a.learn()
    waits, waiting = a.venv / "pip-waits", a.venv / "pip-waiting"
    waits.touch()
    process = a.start("run", "--", *a.app)
    wait_for(waiting.exists, "the fix runs")
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGTERM
    waits.unlink()
    a.run("sh", "-c", "exit 3")
    assert state_of_app(a) in ("unknown", "fix_failed")
    assert not (a.venv / "site").exists()


@pytest.mark.parametrize("where", ["right after capture", "right after storing"])
def test_a_secret_is_nowhere_on_the_disk_even_if_we_are_killed_at_once(a: Agent, world: World, where: str) -> None:
    failing = ("sh", "-c", f"echo 'remote: bad token {TOKEN}' >&2; exit 1")
    assert dying(a, where, "run", "--", *failing) == -signal.SIGKILL
    files = [path for folder in (a.home, a.operator, world.root) for path in folder.rglob("*") if path.is_file()]
    assert a.home / "store.db" in files
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []


# --- containment ------------------------------------------------------------------------------------------------------


def test_without_bubblewrap_only_what_is_bounded_by_itself_stays_unattended(a: Agent) -> None:
    # The description asks for suggestions only; the issue lets bounded actions, such as installing a wheel, go on.
    a.learn()
    assert detect({"MESHTUI_CONTAINMENT": "off"}).program == ""
    assert a.run(*a.app).returncode == 0
    (a.work / "Makefile").write_text("build:\n\ttouch built\n")
    (a.operator / "policy.toml").write_text('schema_version = 1\n[declared]\ntasks = ["make build"]\n')
    a.learn("tool: nothing is built here", "make build")
    failing = ("sh", "-c", "echo 'tool: nothing is built here' >&2; exit 1")
    a.run(*failing)
    [waiting] = a.ask("approvals", "list")
    assert waiting["command"] == "make build"
    assert "contain" in " ".join(waiting["reasons"])
    assert not (a.work / "built").exists()


ESCAPES: dict[str, str] = {
    "ends the parent": "kill -9 $PPID; kill -9 -1",
    "leaves the session": "setsid sh -c 'sleep 61.37' & wait",
    "reads the parent's memory": "cat /proc/$PPID/mem",
    "types into the terminal": (
        f'{sys.executable} -c \'import fcntl, termios; fcntl.ioctl(open("/dev/tty"), termios.TIOCSTI, b"x")\''
    ),
    "mounts": "mount -t tmpfs tmpfs /etc",
    "writes elsewhere": "echo x > /etc/meshtui-was-here",
}


@pytest.mark.parametrize("script", ESCAPES.values(), ids=ESCAPES.keys())
def test_what_is_contained_cannot_reach_out(tmp_path: Path, script: str) -> None:
    containment = detect({})
    if not containment.program:
        pytest.skip(f"no containment here: {containment.detail}")
    executor = Executor(SystemClock(), tmp_path / "state", containment)
    own = f"61.{os.getpid()}"  # other workers run the same cases
    # It gets half a second: a fix that waits for what it left behind is ended with it.
    result = executor.apply(
        [PlannedStep(("/bin/sh", "-c", script.replace("61.37", own)), (str(tmp_path),))],
        cwd=str(tmp_path),
        environment={"PATH": os.environ["PATH"]},
        timeout=0.5,
        grace=0.1,
    )
    assert [step.exit_code == 0 for step in result.steps] in ([False], [True])
    assert result.contained == "bubblewrap"
    assert not Path("/etc/meshtui-was-here").exists()
    sleeping = subprocess.run(["pgrep", "-f", f"^sleep {own}$"], capture_output=True, text=True)
    assert sleeping.stdout == ""
