"""What the scorers of recorded sessions call: the product through its real hook path, in this process.

    python score_sessions.py benchmarks.adapters:make_sessions        (the scorer is no part of this repository)

What Claude Code's hooks do is done here: a payload is read by `agents.claude_code`, `hook.news` tells whether it says
anything, `hook.call.take` handles it, and the follow-up runs where one is asked for. Nothing is executed. Three things
stand in for the machine on which a session was recorded: the clock shows its times; a folder of a project is a checkout
of that project, in which a program or folder that once passed exists; and a file's mark changes when the session writes
it, for what lay in the folders is not recorded, nor is the machine's index of packages.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import shutil
import tempfile
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from meshcore.agents import claude_code, first_look
from meshcore.agents.base import Answer, Edited, Failure, Report, Upcoming
from meshcore.clock import SystemClock
from meshcore.config import load
from meshcore.healing import at_hand, checkout, ground, host_packages
from meshcore.home import Home
from meshcore.hook import follow_up, known, news, shell_text
from meshcore.hook.aside import take_aside
from meshcore.hook.call import take
from meshcore.knowledge.hidden import hidden_failure
from meshcore.knowledge.parts import example_fix
from meshcore.knowledge.shell_words import bare, program_words
from meshcore.knowledge.typed import is_set_up, read_typed
from meshcore.store.store import Store

VIA = claude_code.NAME
_WRITTEN = re.compile(r"(?:>{1,2}|\btee(?: -a)?|\btouch|\b(?:cp|mv) \S+)\s*([\w./~'\"-]+\.\w+)")
_FIX = re.compile(r"^\W*(?:fix|advice): (.*)$", re.M)
_INSTEAD = re.compile(
    r"passed instead in [^`]*`([^`]+)`|, and has not passed since\. `([^`]+)` passed\.|on this machine now: `([^`]+)`"
)
_LISTED = re.compile(r"(?m)^(?:\./)?([\w@+-][\w@+./-]{1,200})(?=$|:\d+:)")
_another_way = at_hand.another_way
_RAN = re.compile(r"(?:npm|pnpm|yarn|bun) (?:run |run-script )?([\w:.-]{1,60})")


class Seen(ground.Ground):
    """What the sessions of a project showed of their machine so far; what none of them showed is not there."""

    def __init__(self) -> None:
        super().__init__({})
        self.inside: dict[str, set[str]] = {}
        self.programs: set[str] = set()
        self.scripts: dict[str, set[str]] = {}
        self.root_user = False

    def drop(self, path: str) -> None:
        """Note that there is no such file any more."""
        above, name = posixpath.split(posixpath.normpath(path))
        self.inside.get(above, set()).discard(name)

    def add(self, path: str) -> None:
        """Note that there is a file or folder, and so the folders above it."""
        path = posixpath.normpath(path)
        while path not in ("/", ".", ""):
            above, name = posixpath.split(path)
            if name in self.inside.setdefault(above, set()):
                return
            self.inside[above].add(name)
            path = above

    def learn(self, command: str, cwd: str, output: str) -> None:
        """Note what a command that passed shows: the files that it names and lists, its program, the script it ran."""
        typed = read_typed(command, cwd)
        folder = typed.folder or cwd
        self.add(folder)
        for part in typed.parts:
            if is_set_up(part):
                continue
            plain = program_words(part)
            self.programs.add(plain[0])
            if plain[0] in ("rm", "mv"):
                for word in plain[1:]:
                    self.drop(posixpath.join(folder, bare(word)))
                continue
            for word in plain[1:]:
                path = bare(word).partition("::")[0].removesuffix("/...")
                if not word.startswith("-") and re.fullmatch(r"[\w@+./-]+", path) and ("/" in path or "." in path[1:]):
                    self.add(posixpath.join(folder, path))
        if ran := _RAN.match(typed.text):
            self.scripts.setdefault(folder, set()).add(ran[1])
            self.add(f"{folder}/package.json")
        if typed.words and typed.words[0] in ("ls", "find", "rg", "grep", "git") and len(typed.parts) == 1:
            operands = [word for word in typed.words[1:] if not word.startswith("-")]
            place = operands[0] if typed.words[0] == "ls" and len(operands) == 1 else ""
            for name in _LISTED.findall(output[:20_000]):
                if place or "/" in name or "." in name:
                    self.add(posixpath.join(folder, bare(place), name))

    def exists(self, path: str) -> bool:
        """Tell whether a session showed that there is such a path."""
        above, name = posixpath.split(posixpath.normpath(path))
        return name in self.inside.get(above, ())

    def names(self, folder: str) -> list[str]:
        """Return the names that sessions showed of a folder."""
        return sorted(self.inside.get(posixpath.normpath(folder), ()))

    def folders(self, folder: str) -> list[str]:
        """Return the folders that sessions showed in a folder."""
        at = posixpath.normpath(folder)
        return [
            name for name in self.names(at) if f"{at.rstrip('/')}/{name}" in self.inside and not name.startswith(".")
        ]

    def read(self, path: str) -> str:
        """Return a manifest with the scripts that were run in its folder."""
        folder, name = posixpath.split(path)
        found = self.scripts.get(posixpath.normpath(folder), set())
        return json.dumps({"scripts": dict.fromkeys(found, "")}) if name == "package.json" and found else ""

    def program(self, name: str, folder: str) -> str:
        """Return a program that ran, or that lies where it was seen."""
        return name if name in self.programs or ("/" in name and self.exists(posixpath.join(folder, name))) else ""

    def is_root(self) -> bool:
        """Tell whether the sessions run in a container of their own."""
        return self.root_user


class Sessions:
    """The product behind the scorer's interface; one object for a set of sessions."""

    def __init__(self) -> None:
        fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="meshtui-sessions-", dir=fast)
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": self.folder,
            "MESHTUI_OPERATOR_DIR": f"{self.folder}/operator",
            "MESHTUI_HOME": f"{self.folder}/home",
            "MESHTUI_BRIDGE": f"{self.folder}/bridge.db",
            "MESHTUI_HOST": "dev1",
        }
        os.environ.clear()
        os.environ.update(self.environment)
        self.settings = load(environment=self.environment)
        self.store = Home(self.settings.home).store
        self.at = 0.0
        self.session = ""
        self.rule = ""  # which rule of this machine was told last
        self.roots: dict[str, str] = {}
        self.written: dict[tuple[str, str], int] = {}
        self.seen: dict[str, Seen] = {}
        self.counts = {"hidden_recognised": 0, "follow_ups": 0}
        self.faults: dict[str, int] = {}
        self._stand_in()

    def _stand_in(self) -> None:
        """Let the recorded machine answer for this one: its clock, its checkouts, its files, its folders."""
        vars(SystemClock)  # the class itself: the hook makes its own
        setattr(SystemClock, "now", lambda _: datetime.fromtimestamp(self.at, UTC))  # noqa: B010
        setattr(known, "root_of", lambda _: f"/checkout/{self.project}")  # noqa: B010
        setattr(checkout, "root_of", lambda _: f"/checkout/{self.project}")  # noqa: B010
        setattr(known, "identity_of", lambda root: f"here:{root}")  # noqa: B010
        setattr(known, "fingerprint", lambda _root, _folder, part, _environment: self._fingerprint(part))  # noqa: B010
        setattr(known, "is_here", lambda *_: True)  # noqa: B010
        setattr(ground, "Ground", lambda _: self._seen())  # noqa: B010
        setattr(at_hand, "another_way", self._another_way)  # noqa: B010
        setattr(host_packages.HostIndex, "package", lambda *_: None)  # noqa: B010  nobody recorded its index
        names = ("join", "expanduser", "normpath")
        path = SimpleNamespace(isdir=lambda _: True, **{name: getattr(os.path, name) for name in names})
        setattr(shell_text, "os", SimpleNamespace(path=path))  # noqa: B010

    def _fingerprint(self, part: tuple[str, ...]) -> bytes:
        names = [posixpath.basename(word.strip("'\"")) for word in part]
        own = [f"{self.session} {name} {self.written[self.session, name]}" for name in names if self._wrote(name)]
        mark = hashlib.blake2b("\n".join(own).encode(), digest_size=4).digest() if own else checkout.NONE
        return 3 * checkout.NONE + mark

    def _wrote(self, name: str) -> bool:
        return (self.session, name) in self.written

    def _write(self, path: str) -> None:
        key = self.session, posixpath.basename(path.strip("'\"").replace("\\", "/"))
        self.written[key] = self.written.get(key, 0) + 1

    def _enter(self, step: Any) -> None:
        self.at, self.session, self.project = float(step.at), step.session, step.project

    def _place(self, step: Any) -> tuple[str, str]:
        """Return the command and its folder as they would be in the project's one checkout."""
        recorded = (step.cwd or "/").replace("\\", "/")
        root = posixpath.normpath(self.roots.setdefault(step.session, recorded))
        here, cwd = f"/checkout/{self.project}", posixpath.normpath(recorded)
        if root == "/":
            return step.command, here + cwd
        inside = cwd == root or cwd.startswith(root + "/")
        return step.command.replace(root, here), here + cwd[len(root) :] if inside else cwd

    def _another_way(self, *asked: Any) -> at_hand.AtHand | None:
        """Answer as the product does, and note by which of its rules."""
        found = _another_way(*asked)
        self.rule = found.rule if found else ""
        return found

    def _seen(self) -> Seen:
        """Return what is known of the session's machine: a container is another one for each session."""
        contained = not self.roots.get(self.session, "/").startswith(("/Users", "/home", "C:", "D:"))
        found = self.seen.setdefault(self.session if contained else self.project, Seen())
        found.root_user = contained
        return found

    def _inside(self, session: str, path: str) -> str:
        """Return a path as it would be in the project's one checkout."""
        path, root = path.replace("\\", "/"), self.roots.get(session, "/")
        return f"/checkout/{self.project}{path[len(root) :]}" if root != "/" and path.startswith(root) else path

    # --- the scorer's interface ---------------------------------------------------------------------------------------

    def before(self, step: Any) -> SimpleNamespace | None:
        """Return what is said before a command runs."""
        self._enter(step)
        return self._report(step, {"hook_event_name": first_look.BEFORE})

    def after(self, step: Any) -> SimpleNamespace | None:
        """Return what is said when a command has ended."""
        self._enter(step)
        if step.exit_code:
            late = "Command timed out after 120s\n" if step.timed_out else ""
            error = f"Exit code {143 if step.timed_out else step.exit_code}\n{late}{step.output}"
            fields: dict[str, Any] = {"hook_event_name": claude_code.FAILED, "error": error, "is_interrupt": False}
            if step.output.startswith("<tool_use_error>"):
                fields["error"] = step.output
        else:
            answer = {"stdout": step.output, "stderr": "", "interrupted": False}
            fields = {"hook_event_name": first_look.DONE, "tool_response": answer}
            self.counts["hidden_recognised"] += hidden_failure(step.command, step.output) is not None
        said = self._report(step, fields)
        for path in _WRITTEN.findall(step.command):
            self._write(path)
        if not step.exit_code:
            self._seen().learn(*self._place(step), step.output)
        return said

    def edited(self, step: Any) -> None:
        """Tell of a file that the session edited."""
        self._enter(step)
        self._write(step.path)
        self._seen().add(self._inside(step.session, step.path))
        cwd = f"/checkout/{self.project}"
        payload = {"hook_event_name": first_look.DONE, "tool_name": "Edit", "session_id": step.session, "cwd": cwd}
        self._handle({**payload, "tool_input": {"file_path": step.path}, "tool_response": {}})

    def skills(self) -> list[dict[str, str]]:
        """Return what was learnt: fixes, and corrections counted apart."""
        if not self.store.exists():
            return []
        store = Store(self.store)
        try:
            found = [
                {"error": k.skill.example_line, "command": example_fix(k.skill), "kind": "fix"}
                for k in store.skills.all()
            ]
            rows = store.corrections.all(100_000)
            return found + [{"error": row.failed, "command": row.passed, "kind": "corrected"} for _, _, row in rows]
        finally:
            store.close()

    def notes(self) -> dict[str, Any]:
        """Return counts of what the scorer cannot see."""
        return {**self.counts, "faults": self.faults}

    def close(self) -> None:
        """Remove the home."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the hook path ------------------------------------------------------------------------------------------------

    def _report(self, step: Any, fields: dict[str, Any]) -> SimpleNamespace | None:
        command, cwd = self._place(step)
        payload = {"session_id": step.session, "cwd": cwd, "tool_name": claude_code.SHELL_TOOL, **fields}
        payload |= {"tool_input": {"command": command}, "tool_use_id": step.call, "transcript_path": ""}
        answer = self._handle(payload)
        if not answer.context:
            return None  # what only the person is shown is no advice to the agent
        here, root = f"/checkout/{self.project}", self.roots[step.session]
        instead = _INSTEAD.search(answer.context)
        fix = _FIX.search(answer.context)
        kind, said = "known_bad", None
        if instead:
            kind, said = "corrected", instead[1] or instead[2] or instead[3]
        elif fix:
            kind, said = "fix", None if "cannot be shown here" in fix[1] else fix[1]
        if "closed its output as a failure" in answer.context:
            kind = "unsolved"
        rule = self.rule if instead and instead[3] else ""
        command_told = said.replace(here, root) if said and root != "/" else said
        return SimpleNamespace(kind=kind, command=command_told, text=answer.context, tier=rule or kind)

    def _handle(self, payload: dict[str, Any]) -> Answer:
        try:
            report = claude_code.read(payload)
            if report is None or not self._is_news(report):
                return Answer()
            if isinstance(report, Upcoming | Edited):
                handled = take_aside(report, claude_code, self.settings, self.environment)
            else:
                handled = take(report, claude_code, self.settings, self.environment)
            if handled.follow_up is not None:
                self.counts["follow_ups"] += 1
                return follow_up.run(json.loads(json.dumps(handled.follow_up)), self.environment)
            said = json.loads(handled.text or "{}")
            context = said.get("hookSpecificOutput", {}).get("additionalContext", "")
            return Answer(context, said.get("systemMessage", ""))
        except ImportError:
            raise
        except Exception as error:  # a fault of the product is no advice, and is counted
            name = f"{type(error).__name__}: {error}"[:200]
            self.faults[name] = self.faults.get(name, 0) + 1
            return Answer()

    def _is_news(self, report: Report) -> bool:
        return isinstance(report, Failure) or news.is_news(report, Home(self.settings.home), VIA)


def make_sessions() -> Sessions:
    """Return the product as it meets recorded sessions."""
    return Sessions()
