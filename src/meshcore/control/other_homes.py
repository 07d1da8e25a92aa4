"""Other homes of a person on this host: what waits in each, and a yes or no that is written there and nowhere else.

Each is looked at by a process of its own (`meshcore.store.peek`), so that one which is damaged, endless or somebody
else's holds nothing up. What is decided is decided in that home: by its store, under its operator; its own runtime
carries it out, by its own policy and brakes.
"""

from __future__ import annotations

import json
import os
import pwd
import shlex
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

from meshcore.clock import Clock
from meshcore.config import Settings
from meshcore.errors import ConfigurationError, MeshError, UsageError
from meshcore.exchange.inbox import user_name
from meshcore.healing import approvals
from meshcore.healing.approvals import ApprovalView, AuthorView
from meshcore.model import TEXT_LIMIT, Json
from meshcore.node import Node
from meshcore.safety.keys import SigningKey, load_or_create
from meshcore.safety.operator_key import is_protected, public_half
from meshcore.safety.visible_text import visible
from meshcore.store.peek import MOST_WAITING
from meshcore.store.rows import folder_of_text

LOOK_SECONDS = 5.0  # for one home, the start of its process included
AT_ONCE = 4
AGAIN_SECONDS = 30.0  # between two tries to read a home that cannot be read
NOT_WHOLE = "it cannot be shown whole: decide it in its own home"
ITS_OWN_TELL = "decided from another home; its own processes tell its bridge"


Stamps = tuple[tuple[int, int], ...]
"""Time of change (ns) and size of the files of a store, zeros for one that is not there."""


@dataclass(frozen=True, slots=True)
class OtherHome:
    """What waits in another home, oldest first.

    `fault` is why it cannot be read. `held` is why nothing is decided in it from here, "" where that is possible;
    `partial` are the ids of what cannot be shown whole. `more`: more waits than is listed.
    """

    home: Path
    waiting: tuple[ApprovalView, ...] = ()
    fault: str = ""
    held: str = ""
    partial: frozenset[str] = frozenset()
    more: bool = False

    def why_not(self, approval_id: str) -> str:
        """Return why an approval is not decided from here, "" where it may be."""
        return self.held or (NOT_WHOLE if approval_id in self.partial else "")


def look(settings: Settings, homes: Sequence[Path] | None = None) -> list[OtherHome]:
    """Return what waits in each of the other homes, or some of them, in their order; nothing is written there.

    A fault of one is said of that one.
    """
    with ThreadPoolExecutor(AT_ONCE, "other_homes") as pool:
        return list(pool.map(lambda home: look_at(home, settings), settings.homes if homes is None else homes))


def look_at(home: Path, settings: Settings) -> OtherHome:
    """Return what waits in another home."""
    # -P: a file of the current folder is not taken for a module of ours.
    argv = [sys.executable, "-P", "-m", "meshcore.store.peek", str(home)]
    try:
        done = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=LOOK_SECONDS)
        said = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return OtherHome(home, fault=f"{home}: did not answer within {LOOK_SECONDS:g} s; it was left alone")
    except (OSError, ValueError):
        return OtherHome(home, fault=f"{home}: cannot be read; try `meshtui --home {shlex.quote(str(home))} doctor`")
    if "fault" in said:
        return OtherHome(home, fault=str(said["fault"]))
    rows = said["waiting"]
    listed, user = rows[:MOST_WAITING], f"{user_of(home)}@{settings.host}"
    return OtherHome(
        home,
        tuple(_view(row, user) for row in listed),
        held=_held(home, str(said["operator"]), settings),
        partial=frozenset(row["approval_id"] for row in listed if not _is_whole(row)),
        more=len(rows) > MOST_WAITING,
    )


class Watched:
    """The other homes as they were last looked at; those of which a file is another than before are looked at anew."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._homes: dict[Path, OtherHome] = {}
        self._stamps: dict[Path, Stamps] = {}
        self._again = 0.0  # when those are tried again that could not be read

    @property
    def homes(self) -> tuple[OtherHome, ...]:
        """Return those that were looked at, in the order of the settings."""
        return tuple(self._homes[home] for home in self._settings.homes if home in self._homes)

    def look(self) -> bool:
        """Look, in one thread at a time; tell whether anything is another than before."""
        now = stamps(self._settings)
        wanted = {home for home in self._settings.homes if now[home] != self._stamps.get(home)}
        if time.monotonic() >= self._again:
            self._again = time.monotonic() + AGAIN_SECONDS
            wanted |= {home for home, one in self._homes.items() if one.fault}
        found = look(self._settings, sorted(wanted)) if wanted else []
        changed = any(self._homes.get(one.home) != one for one in found)
        self._homes |= {one.home: one for one in found}
        self._stamps = now
        return changed


def stamps(settings: Settings) -> dict[Path, Stamps]:
    """Return for each of the other homes what is another value once somebody wrote into it; nothing is opened."""
    files = ("store.db", "store.db-wal", "store.db-shm")
    return {home: tuple(_stamp(home / name) for name in files) for home in settings.homes}


def unless_told(others: Sequence[OtherHome], told: Collection[str]) -> list[OtherHome]:
    """Leave out what may not be decided from here, and was told over the bridge as well (`told`: ids)."""
    return [
        changed(
            one, waiting=tuple(v for v in one.waiting if v.approval_id not in told or not one.why_not(v.approval_id))
        )
        for one in others
    ]


def settle(
    other: OtherHome, shown: ApprovalView, settings: Settings, clock: Clock, *, yes: bool, signer: SigningKey | None
) -> bool:
    """Say yes or no, in another home, to exactly what was shown of it; False where it was settled before.

    Nothing is executed here: the home's own runtime does that. Raises MeshError.
    """
    now = look_at(other.home, settings)
    if now.fault:
        raise MeshError(now.fault)
    if why := now.why_not(shown.approval_id):
        raise UsageError(f"{other.home}: {why}")
    found = next((one for one in now.waiting if one.approval_id == shown.approval_id), None)
    if found is None:
        return False
    if found != shown:
        raise UsageError(f"{other.home}: not what was shown any more; look again")
    with Node(changed(settings, home=other.home), clock) as node:
        node.bridge_fault = ITS_OWN_TELL  # it may be of another mesh than the bridge that is set here
        if yes:
            return approvals.approve(node, shown.approval_id, signer=signer)
        return approvals.reject(node, shown.approval_id)


def user_of(home: Path) -> str:
    """Return as whom a home's own processes run commands: the account that its folder belongs to."""
    try:
        owner = home.stat().st_uid
    except OSError:
        return "?"
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return str(owner)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.lstat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _held(home: Path, operator: str, settings: Settings) -> str:
    """Return why nothing is decided in a home from here."""
    if (owner := user_of(home)) != user_name():
        return f"read only: it belongs to {owner}, who decides there"
    if not all(os.access(path, os.W_OK) for path in (home, home / "store.db")):
        return "read only: it cannot be written by you; check the permissions of the folder and of store.db"
    if not operator:
        return f"read only: whose it is is not known; run `meshtui --home {shlex.quote(str(home))} status` once"
    try:
        key = settings.operator / "operator.key"
        own = public_half(key) if is_protected(key) else load_or_create(key).public if key.exists() else ""
    except ConfigurationError as error:
        return f"read only: {error}"
    if operator != own:
        return "read only: it has another operator; decide it with MESHTUI_OPERATOR_DIR set to their folder"
    return ""


def _view(row: dict[str, Json], user: str) -> ApprovalView:
    name, tried = _line(row["name"]), (row["verified"], row["tries"])
    author = AuthorView(_line(row["author"]), name, "own" if row["own"] else "", *tried)
    return ApprovalView(
        approval_id=_line(row["approval_id"]),
        incident_id=_line(row["incident_id"]),
        skill_id=_line(row["skill_id"]),
        command=visible(row["command"]),
        runs=visible(row["runs"]),
        rerun=visible(row["rerun"]),
        cwd=_line(_folder(row["cwd"])),
        failed=_line(shlex.join(row["argv"])),
        user=user,
        reasons=tuple(map(_line, row["reasons"])),
        author=author,
        asked=_line(row["asked"]),
        state="waiting",
        actor="",
        result="",
    )


def _is_whole(row: dict[str, Json]) -> bool:
    texts: Sequence[str] = (row["command"], row["runs"], row["rerun"], row["cwd"])
    return all(len(text) <= TEXT_LIMIT and visible(text) == text and "\ufffd" not in text for text in texts)


def _folder(text: str) -> str:
    try:
        return folder_of_text(text)
    except ValueError:
        return text


def _line(text: str) -> str:
    return visible(text, limit=TEXT_LIMIT, keep_newlines=False)
