"""A desk at which agents report commands to a hook: in this process, the follow-up included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from meshcore.agents.payload import Payload
from meshcore.agents.table import program
from meshcore.clock import SystemClock, to_text
from meshcore.config import load
from meshcore.healing.teaching import teach
from meshcore.home import Home
from meshcore.hook import follow_up as after_hook
from meshcore.hook.main import handle
from meshcore.model import Incident, KnownSkill
from meshcore.node import Node
from meshcore.store.store import Store

ERROR = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'django'"
COMMAND = "python3 app.py"
FIX = "pip install django"


class Desk:
    """One home, one folder of work."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root / "work"
        self.work.mkdir(parents=True)
        (self.work / "pyproject.toml").touch()
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(root),
            "USER": "dev",
            "MESHTUI_HOST": "host1",
            "MESHTUI_HOME": str(root / "home"),
            "MESHTUI_OPERATOR_DIR": str(root / "operator"),
            "MESHTUI_PACKS": "off",
            "MESHTUI_BRIDGE": str(root / "bridge.db"),
        }
        self.calls = 0
        self.followed: list[str] = []

    def node(self) -> Node:
        return Node(load(environment=self.environment))

    def store(self) -> Store:
        return Store(self.root / "home" / "store.db")

    def leave_the_bridge_alone(self) -> None:
        """Let an unknown failure end in the hook itself: the bridge was looked at just now."""
        store = Store(Home(self.root / "home").create().store)
        store.state.set(pulled=to_text(SystemClock().now()))
        store.close()

    def teach(self, error: str = ERROR, fix: str = FIX) -> KnownSkill:
        with self.node() as node:
            return teach(node, error, fix)[0]

    def report(self, agent: str, payload: object) -> str:
        """Let an agent report a payload (bytes, or what becomes JSON); return what is printed."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        handled = handle(agent, Payload(data), self.environment)
        if handled is None:
            return ""
        if handled.follow_up is None:
            return handled.text
        self.followed.append(str(handled.follow_up["what"]))
        answer = after_hook.run(handled.follow_up, self.environment)
        return program(agent).answer(str(handled.follow_up["event"]), answer)

    def failed(
        self,
        agent: str = "claude-code",
        command: str = COMMAND,
        output: str = ERROR,
        *,
        session: str = "",
        **fields: Any,
    ) -> str:
        """Let an agent report a failure; each is another call."""
        self.calls += 1
        sample = program(agent).sample(command, output, str(self.work), self.root, f"call-{self.calls}")
        if session:
            sample = json.loads(json.dumps(sample).replace("meshtui-sample", session))
        return self.report(agent, {**sample, **fields})

    def succeeded(self, command: str = COMMAND, output: str = "", **fields: Any) -> str:
        """Let Claude Code report a success."""
        self.calls += 1
        body = {
            "session_id": "meshtui-sample",
            "cwd": str(self.work),
            "hook_event_name": "PostToolUse",
            "tool_name": "Bash",
            "tool_input": {"command": command},
            "tool_response": {"stdout": output, "stderr": "", "interrupted": False},
            "tool_use_id": f"call-{self.calls}",
        }
        return self.report("claude-code", {**body, **fields})

    def codex_succeeded(self, command: str) -> str:
        """Let Codex report a success, its exit code in the session file."""
        self.calls += 1
        call = f"call-{self.calls}"
        sample = program("codex").sample(command, "", str(self.work), self.root, call)
        rollout = Path(sample["transcript_path"])
        rollout.write_text(rollout.read_text().replace('"exit_code": 1', '"exit_code": 0'))
        return self.report("codex", sample)

    def incidents(self) -> list[Incident]:
        """Return the incidents, oldest first."""
        store = self.store()
        try:
            return store.incidents.all()[::-1]
        finally:
            store.close()

    def kinds(self) -> list[str]:
        """Return the kinds of all events, in order."""
        store = self.store()
        try:
            return [event.kind for event in store.events.after(0)]
        finally:
            store.close()
