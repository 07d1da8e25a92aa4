"""What a writer of the bridge can do to others: `python -m benchmarks.bridge_attack [--seconds N] [--seed N]`.

Each trial is a bridge that was in use, and a victim with files of its own. Somebody who can write the bridge's folder
attacks it in one way (`scripts.testbed.hostile_bridge`): links, pipes, journals, bells, schemas, sizes, floods, locks,
damage, and things that are swapped in a loop. Then the victim's commands run, as processes, each on the clock. Where
this runs as the superuser, the victim and the attacker are two ordinary users of one team, else one user.

Figures: files of the victim that were touched, commands that took over 2 s or were killed, and what `withheld` says of
revocations. With `--seconds` only as many trials are made as fit, in an order that the seed gives.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from scripts.testbed.hostile_bridge import ATTACKS, HOLDS, STORMS, Place, make_victim, picture

from benchmarks.bridge_attack_withheld import withheld_rows
from benchmarks.safety import lines_of
from benchmarks.safety_rows import Row

MOST_SECONDS = 2.0
KILLED_AFTER = 20.0
VICTIM, ATTACKER, TEAM = 61234, 61235, 61236
MODULES = os.pathsep.join((str(Path(__file__).parent.parent / "src"), sysconfig.get_path("purelib")))
HOOK = json.dumps(
    {"hook_event_name": "PostToolUse", "tool_name": "Bash", "session_id": "s", "cwd": "/", "tool_input": {}}
)
FAILS = "module_that_is_nowhere"

TOUCHED = "files of another user (or outside the bridge) touched: 0"
HANGING = "commands that take over 2 s on a hostile bridge: 0"
DIED = "commands of meshtui that are killed, or end in a traceback: 0"
HALTED = "`halt` halts on a hostile bridge: always"


@dataclass(frozen=True, slots=True)
class Users:
    """Who is who: ids of the two users and their team, None for this process's own user."""

    victim: int | None = None
    attacker: int | None = None
    python: str = sys.executable

    @property
    def team(self) -> Sequence[int]:
        return () if self.victim is None else (TEAM,)


@dataclass
class Counts:
    """What came of the trials."""

    trials: int = 0
    commands: int = 0
    touched: list[str] = field(default_factory=list)
    hanging: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    not_halted: list[str] = field(default_factory=list)
    slowest: float = 0.0
    usual: list[float] = field(default_factory=list)


class Trial:
    """One bridge with its victim, below a folder that is removed afterwards."""

    def __init__(self, root: Path, users: Users) -> None:
        self.root = root
        self.users = users
        self.home = root / "home"
        self.operator = root / "operator"
        self.place = Place(root / "team" / "b.db", root / "victim")

    def run(self, *words: str, stdin: str = "") -> tuple[float, int, str]:
        """Run a command of meshtui as the victim; return its seconds, its exit code and its error stream."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "victim"),
            "PYTHONPATH": MODULES,
            "MESHTUI_OPERATOR_DIR": str(self.operator),
            "LANG": "C.UTF-8",
        }
        options = ["--home", str(self.home), "--bridge", str(self.place.bridge)]
        started = time.monotonic()
        process = subprocess.Popen(
            [self.users.python, "-m", "meshtui", *options, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env=environment,
            user=self.users.victim,
            group=self.users.victim,
            extra_groups=self.users.team or None,
            start_new_session=True,
        )
        try:
            _, said = process.communicate(stdin, timeout=KILLED_AFTER)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            _, said = process.communicate()
        return time.monotonic() - started, process.returncode, said

    def make(self) -> None:
        """Make the folders and a bridge that two nodes use."""
        for folder in (self.home, self.operator, self.place.bridge.parent):
            folder.mkdir(mode=0o700)
        make_victim(self.place.victim)
        if self.users.victim is not None:
            self.place.bridge.parent.chmod(0o2770)
            for path in self.root.rglob("*"):
                os.chown(path, self.users.victim, self.users.victim, follow_symlinks=False)
            os.chown(self.place.bridge.parent, 0, TEAM)
            self.place.bridge.parent.chmod(0o2770)
        self.run("learn", "--pattern", "E: nothing to be found", "--", "mkdir", "-p", "build")
        for words in (("status",), ("nodes", "list")):
            self.run(*words)

    @contextmanager
    def attacked(self, name: str) -> Iterator[None]:
        """Attack the bridge as the attacker; what lasts goes on inside the block."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _attack(self.place, name, self.users, writer)
        os.close(writer)
        select.select([reader], [], [], 60)
        try:
            yield
        finally:
            os.close(reader)
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _attack(place: Place, name: str, users: Users, ready: int) -> None:
    """Be the attacker, in a process of its own, until it is killed."""
    try:
        if users.attacker is not None:
            os.setgroups([TEAM])
            os.setgid(users.attacker)
            os.setuid(users.attacker)
        os.umask(0o007)
        with suppress(Exception):  # the attacker may not do everything
            if name in ATTACKS:
                ATTACKS[name](place)
            held = HOLDS[name](place) if name in HOLDS else None
        os.write(ready, b"x")
        if name in STORMS:
            STORMS[name](place)
        while held is not None or name in STORMS:
            time.sleep(1)
    finally:
        os._exit(0)


def commands(python: str) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return the commands that a victim gives, by name: words and standard input."""
    return {
        "run": (("run", "--", python, "-c", f"import {FAILS}"), ""),
        "hook": (("hook", "claude-code"), HOOK),
        "status": (("status",), ""),
        "doctor": (("doctor",), ""),
        "halt": (("halt", "an attack"), ""),
    }


def attempt(template: Path, users: Users, name: str, counts: Counts) -> None:
    """Make one trial: attack, let the victim work, and look at what was touched."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    try:
        shutil.copytree(template, root, dirs_exist_ok=True, ignore=lambda _, names: [n for n in names if n == "socket"])
        _own(root, template)
        trial = Trial(root, users)
        ear = _ear(trial)
        with trial.attacked(name):
            before = picture(trial.place.victim)
            for command, (words, stdin) in commands(users.python).items():
                seconds, code, said = trial.run(*words, stdin=stdin)
                what = f"{command}: {name}"
                counts.commands += 1
                counts.slowest = max(counts.slowest, seconds)
                if seconds > MOST_SECONDS:
                    counts.hanging.append(f"{what} ({seconds:.1f} s)")
                if code < 0 or ("Traceback" in said and FAILS not in said):
                    counts.died.append(f"{what} ({code})")
            if not (trial.operator / "HALT").is_file():
                counts.not_halted.append(name)
            after = picture(trial.place.victim)
        touched = [path for path in {*before, *after} if before.get(path) != after.get(path)]
        if select.select([ear], [], [], 0)[0]:
            touched.append(f"{trial.place.victim}/socket was rung")
        counts.touched += [f"{path} by {name}" for path in touched]
        counts.trials += 1
        ear.close()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _ear(trial: Trial) -> socket.socket:
    """Listen at a socket of the victim's that nobody has any business with."""
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    before = Path.cwd()
    os.chdir(trial.place.victim)
    ear.bind("socket")
    os.chdir(before)
    if trial.users.victim is not None:
        os.chown(trial.place.victim / "socket", trial.users.victim, trial.users.victim)
    return ear


def _own(root: Path, template: Path) -> None:
    """Give copies the owners of what they were copied from."""
    for path in template.rglob("*"):
        found, copy = path.lstat(), root / path.relative_to(template)
        if copy.exists():
            os.chown(copy, found.st_uid, found.st_gid)
            copy.chmod(found.st_mode & 0o7777)


def measure(users: Users, names: Sequence[str], until: float) -> Counts:
    """Make trials until the time is over, at least one."""
    counts = Counts()
    template = Path(tempfile.mkdtemp())
    template.chmod(0o755)
    try:
        trial = Trial(template, users)
        trial.make()
        for words, stdin in commands(users.python).values():
            counts.usual.append(trial.run(*words, stdin=stdin)[0])
        (trial.operator / "HALT").unlink(missing_ok=True)
        for name in names:
            attempt(template, users, name, counts)
            if time.monotonic() > until:
                break
    finally:
        shutil.rmtree(template, ignore_errors=True)
    return counts


def two_users() -> Users | None:
    """Return two ordinary users where this process may become them and Python runs for them."""
    if os.geteuid() != 0:
        return None
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        test = [python, "-c", "import meshtui.cli.mesh, cryptography"]
        with suppress(OSError):
            done = subprocess.run(test, env={"PYTHONPATH": MODULES}, user=VICTIM, group=VICTIM, check=False, cwd="/")
            if done.returncode == 0:
                return Users(VICTIM, ATTACKER, python)
    return None


def attack_rows(seconds: float | None, seed: int) -> list[Row]:
    """Measure as two users where that is possible, and as one."""
    names = [*ATTACKS, *HOLDS, *STORMS]
    random.Random(seed).shuffle(names)
    kinds = {"two users of one team": two_users(), "one user": Users()}
    found: list[Row] = []
    for kind, users in kinds.items():
        if users is None:
            found.append(Row(TOUCHED, None, None, f"skipped: {kind}: needs the superuser, and a Python for all users"))
            continue
        until = time.monotonic() + (seconds / len(kinds) if seconds else 10**6)
        counts = measure(users, names, until)
        how = f"{kind}, {counts.trials} of {len(names)} attacks, {counts.commands} commands, seed {seed}"
        times = f"slowest {counts.slowest:.2f} s; without an attack {max(counts.usual):.2f} s"
        for goal, wrong, more in (
            (TOUCHED, counts.touched, ""),
            (HANGING, counts.hanging, f"; {times}"),
            (DIED, counts.died, ""),
            (HALTED, counts.not_halted, ""),
        ):
            shown = f"; {', '.join(wrong[:6])}" if wrong else ""
            found.append(Row(goal, len(wrong), not wrong, f"{how}{more}{shown}"))
    return found


def main() -> int:
    """Print the rows; 1 where a goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, help="make only as many trials as fit")
    parser.add_argument("--seed", type=int, default=1, help="the order of the trials")
    parser.add_argument("--table", action="store_true", help="print for people, not as JSON")
    options = parser.parse_args()
    parts: list[Callable[[], list[Row]]] = [
        lambda: attack_rows(options.seconds, options.seed),
        lambda: withheld_rows(options.seconds is not None, options.seed),
    ]
    wrong = Counter[bool]()
    for part in parts:
        for row in part():
            shown = "\n".join(lines_of(row)) if options.table else json.dumps(row.to_json(), ensure_ascii=False)
            print(shown, flush=True)
            wrong[row.met is False] += 1
    return int(wrong[True] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
