"""Is everything in order? Each check is one line with its remedy; what can be mended safely can be mended here."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from meshcore import __version__
from meshcore.agents import table as agents
from meshcore.bridge.states import beat_of
from meshcore.clock import from_text
from meshcore.config import Settings
from meshcore.control.key_protection import unsigned, unsigned_skills
from meshcore.errors import MeshError
from meshcore.filelock import is_stopped
from meshcore.healing.checkout import is_shared
from meshcore.home import Home
from meshcore.knowledge.packs import problems
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.process.sandbox import detect
from meshcore.safety.halt import halted
from meshcore.safety.managed import managed
from meshcore.safety.operator_key import is_protected, public_half
from meshcore.safety.visible_text import plain_name
from meshcore.service.connections import BY_PLUGIN, CONNECTED, NOT_CONNECTED, standing
from meshcore.service.holding import holder, silent_since
from meshcore.trust.signed_decisions import changed_operator, protected
from meshcore.trust.store_keys import TOLD
from meshcore.trust.synced import missing, silent, without_promise

Level = Literal["ok", "note", "bad"]
LEAST_FREE_BYTES = 100 * 1024 * 1024
CLOCK_TOLERANCE_SECONDS = 3600.0
UNREAD_DAYS = 14
WAL_RESET_BUG = ((3, 7, 0), (3, 51, 2))  # two connections that checkpoint at once can corrupt a WAL database


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `mend` puts it right where that is safe; None where only a person can."""

    name: str
    level: Level
    text: str
    remedy: str = ""
    mend: Callable[[], None] | None = None


def examine(settings: Settings, environment: Mapping[str, str] | None = None) -> list[Check]:
    """Look at everything; never raises for what it finds."""
    env = os.environ if environment is None else environment
    checks = [_python(), _sqlite(), _terminal(env), *_permissions(settings), _disk(settings.home)]
    checks += [
        *_managed(),
        *_packs(),
        _containment(env),
        _policy(settings),
        _halt(settings),
        _hooks(env),
        _operator_key(settings),
    ]
    try:
        with Node(settings) as node:
            checks += [_store(node), _clock(node), *_bridge(node), *_synced(node), *_signatures(node)]
            checks += [*_told(node), *_unread(node), _records(node), _runtime(node)]
    except MeshError as error:
        checks.append(Check("home", "bad", str(error), "see the line itself"))
    return checks


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", "ok", version)


def _sqlite() -> Check:
    version = sqlite3.sqlite_version_info
    if WAL_RESET_BUG[0] <= version <= WAL_RESET_BUG[1]:
        return Check(
            "sqlite",
            "note",
            f"{sqlite3.sqlite_version}: two checkpoints at once can corrupt a database of this version; "
            "meshtui makes them one at a time, under a lock",
            "open the databases with other programs only to read, or use Python with SQLite 3.51.3 or newer",
        )
    return Check("sqlite", "ok", sqlite3.sqlite_version)


def _terminal(env: Mapping[str, str]) -> Check:
    term = env.get("TERM", "")
    if not sys.stdout.isatty():
        return Check("terminal", "note", "none here: output is plain, separated by tabs")
    if term in ("", "dumb"):
        return Check(
            "terminal", "note", f"TERM={term or 'unset'}: plain output only", "set TERM, for example xterm-256color"
        )
    size = shutil.get_terminal_size()
    return Check("terminal", "ok", f"{term}, {size.columns}×{size.lines}")


def _permissions(settings: Settings) -> list[Check]:
    home = Home(settings.home)
    private = [home.root, home.key, home.store, home.journal, settings.operator, settings.operator / "operator.key"]
    checks = []
    for path in private:
        try:
            status = path.lstat()
        except OSError:
            continue
        mode = stat.S_IMODE(status.st_mode)
        wanted = mode & 0o700
        if status.st_uid != os.getuid():
            checks.append(
                Check("permissions", "bad", f"{path} belongs to user {status.st_uid}", f"chown it to {os.getuid()}")
            )
        elif mode & 0o077 and not stat.S_ISLNK(status.st_mode):
            checks.append(
                Check(
                    "permissions",
                    "bad",
                    f"{path} can be read or written by others (mode {mode:o})",
                    f"chmod {wanted:o} {path}",
                    lambda path=path, wanted=wanted: path.chmod(wanted),  # type: ignore[misc]
                )
            )
    return checks or [Check("permissions", "ok", "home, keys and journal are private")]


def _disk(home: Path) -> Check:
    folder = home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free // (1024 * 1024):,} MiB free at {folder}"
    if free < LEAST_FREE_BYTES:
        return Check("disk", "bad", text, "free some space: nothing new can be stored on a full disk")
    return Check("disk", "ok", text)


def _containment(env: Mapping[str, str]) -> Check:
    try:
        found = detect(env)
    except MeshError as error:
        return Check("containment", "bad", str(error), "correct the variable")
    if found.program:
        return Check("containment", "ok", f"{found.program} works: fixes run shut in")
    return Check(
        "containment",
        "bad" if found.required else "note",
        f"{found.detail}: only actions that are bounded by themselves run unattended",
        "install bubblewrap (Debian: apt install bubblewrap)",
    )


def _packs() -> list[Check]:
    return [
        Check("packs", "bad", why, "install meshtui again; everything else goes on without it") for why in problems()
    ]


def _managed() -> list[Check]:
    found = managed()
    if found.problem:
        return [
            Check("host", "bad", f"nothing runs unattended: {found.problem}", "ask whoever runs this host to mend it")
        ]
    return [Check("host", "note", f"{found.path}: {found.in_words()}")] if found.there else []


def _policy(settings: Settings) -> Check:
    path = settings.operator / "policy.toml"
    key = settings.operator / "operator.key"
    try:
        policy = Policy.load(path, public_half(key) if is_protected(key) else "")
    except MeshError as error:
        return Check("policy", "bad", str(error), "see the line itself")
    if policy.unsigned:
        return Check("policy", "bad", policy.unsigned, "read the file, then: meshtui policy sign")
    if policy.problem:
        return Check("policy", "bad", policy.problem, f"correct {path}; until then nothing runs unattended")
    return Check("policy", "ok", f"{path}" if path.exists() else "the one that ships with meshtui")


def _halt(settings: Settings) -> Check:
    if reason := halted(settings.operator):
        return Check("halt", "note", f"halted: {reason}", "meshtui resume")
    return Check("halt", "ok", "not halted")


def _operator_key(settings: Settings) -> Check:
    path = settings.operator / "operator.key"
    if not path.exists():
        return Check("operator key", "note", f"{path} is made at the first use")
    try:
        if is_protected(path):
            public_half(path)
            return Check("operator key", "ok", f"{path} has a passphrase: what widens needs it")
    except MeshError as error:
        return Check("operator key", "bad", str(error), "see the line itself")
    return Check(
        "operator key",
        "note",
        f"{path} has no passphrase: a program that runs as you can approve in your name",
        "meshtui trust protect, or run agents as another user (SECURITY.md)",
    )


def _signatures(node: Node) -> list[Check]:
    if known := changed_operator(node):
        text = f"{node.operator_key} is another key than before ({known[:12]}): nothing unsigned counts"
        return [Check("signatures", "bad", text, "restore it from a backup, and find out who changed it")]
    if not protected(node):
        return []
    sign = "if you decided it: meshtui trust sign --decisions"
    checks = [Check("signatures", "bad", f"not signed, so it does not count: {what}", sign) for what in unsigned(node)]
    if not node.identity.enrolment:
        text = "the operator key has not enrolled this node: to your other nodes it is an unknown author"
        checks.append(Check("signatures", "bad", text, "meshtui trust sign"))
    if count := len(unsigned_skills(node)):
        text = f"confirmed skills that nobody signed for: {count}; you are asked before they run"
        checks.append(Check("signatures", "note", text, "meshtui skills confirm SKILL"))
    return checks or [Check("signatures", "ok", "every decision that widens is signed")]


def _told(node: Node) -> list[Check]:
    """Say whose words agents are told beside those of own nodes, and which checkouts hear of nobody yet."""
    checks = []
    for key in node.store.controls.under(TOLD):
        who = key.removeprefix(TOLD)
        name = next((row.name for row in node.store.authors.all() if who in (row.node, row.operator)), "")
        text = f"agents are told, fenced, what {plain_name(name)} ({who[:12]}) says fails and what to type instead"
        checks.append(Check("told", "note", text, f"no more of it: meshtui trust enroll {who[:12]}"))
    for root, identity, accepted in node.store.projects.checkouts():
        if not accepted and node.store.told.habits.has(identity) and is_shared(identity):
            text = f"{root}: other nodes know what fails in this project, and agents are not told here"
            checks.append(Check("told", "note", text, f"meshtui trust checkout {shlex.quote(root)}"))
    return checks


def _unread(node: Node) -> list[Check]:
    """Return what hooks could not read of late: a program that changed its payloads goes on, and is not helped."""
    rows = node.store.tellings.unread(UNREAD_DAYS)
    mend = "upgrade meshtui; until then it is silent there, and the agent goes on"
    return [
        Check("payloads", "note", f"{calls} of {via} {version or '(no version told)'} could not be read lately", mend)
        for via, version, calls in rows
    ]


def _store(node: Node) -> Check:
    with closing(sqlite3.connect(f"file:{node.home.store}?mode=ro", uri=True)) as database:
        verdict = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    if verdict != "ok":
        return Check("store", "bad", f"{node.home.store}: {verdict}", "move it aside; skills come back from the bridge")
    figures = node.store.snapshots.figures()
    waiting = figures.get("outbox.waiting", 0)
    skills = node.store.skills.count()
    known = f"{skills} skill{'' if skills == 1 else 's'}"
    return Check("store", "ok", f"{known}, {node.store.events.last()} events, {waiting} to publish")


def _clock(node: Node) -> Check:
    seen, now = node.store.records.highest_time(), node.clock.now()
    if seen and (ahead := (from_text(seen) - now).total_seconds()) > CLOCK_TOLERANCE_SECONDS:
        return Check(
            "clock",
            "bad",
            f"records from {ahead / 3600:.1f} h in the future: a clock here or there is wrong",
            "check NTP",
        )
    return Check("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _writers(who: str) -> Check:
    if who == "you":
        return Check("writers", "ok", "you alone can write the bridge")
    text = f"{who} can write the bridge: they can stop it and show you text, run nothing, touch no file"
    return Check("writers", "note", text, "what is promised: SECURITY.md, The bridge")


def _bridge(node: Node) -> list[Check]:
    try:
        bridge = node.require_bridge()
        counts, faults = bridge.statistics(), bridge.faults()
    except MeshError as error:
        return [Check("bridge", "bad", str(error), "what is known locally still works; see the line itself")]
    checks = [Check("bridge", "ok", f"{node.settings.bridge.shown}: {counts.members} joined, {counts.records} records")]
    checks += [Check("bridge", "bad", fault, "see the line itself") for fault in faults]
    checks.append(_writers(bridge.writers()))
    if others := [
        f"{m.name} {beat.version}" for m in bridge.members() if (beat := beat_of(m)) and beat.version != __version__
    ]:
        text = f"nodes of another version than {__version__}: {', '.join(others)}"
        checks.append(Check("versions", "note", text, "upgrade meshtui there, or here"))
    if counts.undelivered:
        checks.append(
            Check(
                "deliveries",
                "note",
                f"{counts.undelivered} not received, the oldest since {counts.oldest_undelivered}",
                "meshtui deliveries; a node that is gone for good: meshtui nodes forget NAME",
            )
        )
    return checks


def _synced(node: Node) -> list[Check]:
    checks = [
        Check("synced", "bad", f"{one.text}: nothing that it might withdraw runs unattended", _SYNC_REMEDY.format(one))
        for one in missing(node)
    ]
    if gone := silent(node):
        names = ", ".join(f"{one.name} on {one.host} since {one.since[:19]}" for one in gone)
        text = f"no sign of life: {names}; each is switched off, or what it says is withheld from this bridge"
        checks.append(
            Check("synced", "note", text, "look there; a node that is gone for good: meshtui nodes forget NAME")
        )
    if old := without_promise(node):
        text = f"of version 0.1, whose records could be withheld unseen: {', '.join(old)}"
        checks.append(Check("synced", "note", text, "upgrade meshtui there"))
    return checks or [Check("synced", "ok", "nothing that own nodes have said is missing")]


_SYNC_REMEDY = (
    "on {0.name}: meshtui maintenance, which publishes it again; to do without: meshtui trust enroll {0.node:.12},"
    " or revoke"
)


def _records(node: Node) -> Check:
    counts = node.store.records.count()
    if faulted := counts.get("faulted", 0):
        text = f"{faulted} not taken in by a fault of meshtui; nothing of them is lost"
        return Check("records", "bad", text, "report the fault; after an update: meshtui maintenance")
    rejected = counts.get("rejected", 0)
    if not rejected:
        return Check("records", "ok", "none was rejected")
    received, record, reason = node.store.records.rejected(1)[0]
    return Check(
        "records", "note", f"{rejected} rejected, the last at {received}: {record[:12]} {reason}", "look at its author"
    )


def _hooks(environment: Mapping[str, str]) -> Check:
    programs = {name: agents.program(name).hooks(environment) for name in agents.NAMES}
    here = Path.cwd()
    stand = {name: standing(name, hooks, "user", here, environment) for name, hooks in programs.items()}
    stand |= {
        f"{name} (project)": standing(name, hooks, "project", here, environment) for name, hooks in programs.items()
    }
    sound = (CONNECTED, BY_PLUGIN)
    wrong = [f"{agent}: {words}" for agent, words in stand.items() if words not in (*sound, NOT_CONNECTED)]
    if wrong:
        return Check("hooks", "bad", "; ".join(wrong), "meshtui connect AGENT")
    connected = [agent for agent, words in stand.items() if words in sound]
    if not connected:
        return Check("hooks", "note", "no agent program is connected", "meshtui connect --list")
    return Check("hooks", "ok", f"{', '.join(connected)} connected")


def _runtime(node: Node) -> Check:
    process = holder(node.home.runtime_lock)
    if process is None:
        return Check("runtime", "note", "none runs: this node hears others only when a command runs", "meshtui --no-ui")
    if is_stopped(process):
        text = f"process {process} runs this home and is stopped: nothing is received or carried out"
        return Check("runtime", "bad", text, f"let it go on (fg, or kill -CONT {process}), or end it")
    if process != os.getpid() and (since := silent_since(node.home.runtime_lock, node.clock)):
        text = f"process {process} runs this home, and shows no sign of life since {since[11:19]} UTC"
        return Check("runtime", "bad", text, "see what it does, or end it")
    return Check("runtime", "ok", f"process {process}")
