"""What a person approved is carried out by a child of the runtime: one per target, bounded, ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

from meshcore.errors import MeshError
from meshcore.healing.approvals import may_begin
from meshcore.healing.capture import project_root
from meshcore.node import Node
from meshcore.store.rows import Approval
from meshcore.trust.halting import halted

AT_ONCE = 4
SLACK_SECONDS = 60.0  # beyond a fix and its rerun, each with its own time limit
GRACE_SECONDS = 3.0


class Carrier:
    """Starts `meshtui heal INCIDENT --approval ID` for what is approved and carried out by nobody.

    The child claims the approval itself, so that of several runtimes and commands exactly one carries it out; what one
    child could not claim or finish is not started again by this runtime.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.accepting = True
        self._started: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._commands: dict[str, str] = {}

    @property
    def commands(self) -> tuple[str, ...]:
        """Return the commands that are carried out now."""
        return tuple(self._commands.values())

    def look(self) -> None:
        """Start what can be started now. Needs a running event loop; faults become events."""
        with contextlib.suppress(MeshError):
            waiting = [
                a for a in self._node.store.approvals.approved() if not a.process and a.approval_id not in self._started
            ]
            waiting = [a for a in waiting if may_begin(self._node, a)]
            if not waiting or not self.accepting or halted(self._node):
                return
            for approval in waiting:
                target = self._target(approval)
                if target in self._tasks:
                    continue
                if len(self._tasks) >= AT_ONCE:
                    return
                self._started.add(approval.approval_id)
                task = asyncio.create_task(self._carry_out(approval), name=f"carry out {approval.approval_id}")
                self._tasks[target], self._commands[target] = task, approval.command
                task.add_done_callback(lambda _task, target=target: self._ended(target))  # type: ignore[misc]

    def _ended(self, target: str) -> None:
        self._tasks.pop(target, None)
        self._commands.pop(target, None)

    def _target(self, approval: Approval) -> str:
        incident = self._node.store.incidents.find(approval.incident_id)
        return (project_root(incident.cwd) or incident.cwd) if incident else approval.incident_id

    async def _carry_out(self, approval: Approval) -> None:
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command(approval),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError as error:
            self._fault(f"approval {approval.approval_id}: not carried out ({error.strerror})")
            return
        try:
            async with asyncio.timeout(2 * self._node.settings.fix_timeout_seconds + SLACK_SECONDS):
                await child.wait()
        except TimeoutError:
            self._fault(f"approval {approval.approval_id}: ended, it took too long")
        finally:
            await _end(child)

    def _command(self, approval: Approval) -> list[str]:
        settings = self._node.settings
        named = ["--home", str(settings.home), "--agent", settings.agent]
        if settings.source is not None:
            named += ["--config", str(settings.source)]
        # -P: a file of the current folder is not taken for a module of ours.
        heal = ["heal", approval.incident_id, "--approval", approval.approval_id]
        return [sys.executable, "-P", "-m", "meshtui", *named, *heal]

    def _environment(self) -> dict[str, str]:
        settings = self._node.settings
        # The bridge's address may hold a password, which a command line would show to every user of this host.
        named = {"MESHTUI_OPERATOR_DIR": str(settings.operator)}
        if settings.host_is_named:
            named["MESHTUI_HOST"] = settings.host
        return {**os.environ, **named, "MESHTUI_BRIDGE": settings.bridge.url}

    def _fault(self, what: str) -> None:
        with contextlib.suppress(MeshError):
            self._node.store.events.add("fault", data={"what": what})

    async def close(self) -> None:
        """End what still runs, and wait until it has ended."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _end(child: asyncio.subprocess.Process) -> None:
    """Ask a child's process group to leave, then make it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(child.wait(), GRACE_SECONDS)
