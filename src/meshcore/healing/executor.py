"""A planned fix is executed: argv only, scrubbed environment, bounded in time, output and reach."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from meshcore.clock import Clock, boot_id, to_text
from meshcore.errors import ConfigurationError, MeshError
from meshcore.filelock import FileLock, holder, is_stopped
from meshcore.healing.capture import readable
from meshcore.healing.pip_settings import with_pip_settings
from meshcore.healing.wheels import LookedInto, look_into
from meshcore.healing.wheels_by_uv import as_pip_trusts, find_uv, look_into_by_uv
from meshcore.home import make_private_folder, read_plain_file, write_atomically
from meshcore.model import StepResult
from meshcore.policy.question import PlannedStep, Target, given_name
from meshcore.process.certificates import NAMED_BY
from meshcore.process.limited import OUTPUT_LIMIT, BoundedCommand, Ended
from meshcore.process.sandbox import Containment
from meshcore.process.spawn import EXIT_NOT_EXECUTABLE, CannotStartError
from meshcore.safety.secret_names import is_secret_name
from meshcore.safety.visible_text import visible

TIMEOUT_S = 300.0
GRACE_S = 3.0  # from SIGTERM to SIGKILL
LOCK_WAIT_S = 30.0

_NOTE_LIMIT = 1_000
_SANDBOX_FD = 3  # the first after the standard streams

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_PIP = ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "CONFIG_FILE", "CACHE_DIR", "TRUSTED_HOST")
"""Without PIP_CONSTRAINT: it may name a file of the project, which then chose versions and addresses."""
_UV = ("INDEX_URL", "EXTRA_INDEX_URL", "DEFAULT_INDEX", "INDEX", "FIND_LINKS", "NO_INDEX", "OFFLINE", "CACHE_DIR")
INHERITED = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "SOURCE_DATE_EPOCH"),
        *("XDG_CONFIG_HOME", *NAMED_BY),
        *_PROXIES,
        *(name.lower() for name in _PROXIES),
        *(f"PIP_{name}" for name in (*_PIP, "TIMEOUT", "RETRIES", "PROXY", "PREFER_BINARY")),
        *(f"UV_{name}" for name in (*_UV, "NATIVE_TLS", "SYSTEM_CERTS")),
    }
)
"""Variables that a fix may see, beside `LC_*`: everything else stays out."""

_ADDED = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "GIT_TERMINAL_PROMPT": "0"}
_SAFE_PATH = "/usr/local/bin:/usr/bin:/bin"


class TargetBusyError(MeshError):
    """Somebody else is changing the same environment or project."""


class _StoppedError(Exception):
    """A step is not to be started, or was ended; then with its result."""

    def __init__(self, why: str, *results: StepResult) -> None:
        super().__init__(why)
        self.results = results


class _NotStartedError(_StoppedError):
    """A program cannot be started."""


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of a plan: a step result per step that was started; the last one counts.

    `stopped` says why not all were, or is empty. `contained` is how they were shut in, empty for not at all; `waits`
    is why a person decides after all, or empty.
    """

    steps: tuple[StepResult, ...] = ()
    stopped: str = ""
    contained: str = ""
    waits: str = ""


class Executor:
    """Executes plans. `state_dir` holds the locks: share it among all nodes that may change the same targets.

    `hidden` are folders that a contained fix does not see, such as the one with the operator's key. `cooldown` is for
    how many days a package must have been published before it is installed unattended.
    """

    def __init__(
        self,
        clock: Clock,
        state_dir: Path,
        containment: Containment,
        *,
        hidden: Sequence[str] = (),
        cooldown: float = 0.0,
    ) -> None:
        self._cooldown = cooldown
        self.containment = containment
        self._clock = clock
        self._locks = state_dir / "locks"
        self._given = Path(os.path.realpath(state_dir), "given")  # what leads there may be out of sight inside
        self._hidden = tuple(hidden)
        self._cancelled = False
        self._running: BoundedCommand | None = None

    @contextmanager
    def lock(self, target: Target | None, *, wait: float = LOCK_WAIT_S) -> Iterator[None]:
        """Hold a target for a block, after at most about `wait` seconds. Raises TargetBusyError, ConfigurationError."""
        if target is None:
            yield
            return
        path = self._lock_of(target)
        lock = FileLock(path)
        try:
            make_private_folder(self._locks)
            taken = lock.acquire(wait)
        except OSError as error:
            raise ConfigurationError(
                f"{path}: cannot be locked ({error.strerror}); check the folder's owner"
            ) from error
        if not taken:
            who = visible(holder(path) or "", keep_newlines=False) or "another process"
            process = who.split(" ")[1] if who.startswith("process ") else ""
            stopped = f", which is stopped (kill -CONT {process})" if _is_stopped(process) else ""
            raise TargetBusyError(f"{target.path} is being changed by {who}{stopped}; try again when that has ended")
        try:
            with contextlib.suppress(OSError):  # who holds it is for people; the lock holds without
                lock.note(f"process {os.getpid()} since {to_text(self._clock.now())}")
            yield
        finally:
            lock.release()

    def _lock_of(self, target: Target) -> Path:
        real = os.path.realpath(target.path)
        return self._locks / f"{hashlib.sha256(os.fsencode(real)).hexdigest()}.lock"

    def note_done(self, target: Target | None, action: str) -> None:
        """Note for whoever takes the lock next that an action was done there, just now, without a fault."""
        if target is not None:
            with contextlib.suppress(OSError):
                done = f"{boot_id()} {self._clock.monotonic()!r} {action}"
                write_atomically(self._lock_of(target).with_suffix(".done"), done.encode())

    def done_since(self, target: Target | None, action: str, failed_at: float) -> bool:
        """Tell whether the last action there was this one, and came after a moment of this boot (monotonic)."""
        if target is None:
            return False
        try:
            said = read_plain_file(self._lock_of(target).with_suffix(".done"), _NOTE_LIMIT, private=True).decode()
            boot, at, last = said.split(" ")
            return boot == boot_id() and last == action and float(at) > failed_at
        except (OSError, ValueError):
            return False

    def apply(
        self,
        plan: Sequence[PlannedStep],
        *,
        cwd: str,
        environment: Mapping[str, str],
        before_exec: Callable[[], str] = str,
        timeout: float = TIMEOUT_S,
        grace: float = GRACE_S,
        unattended: bool = False,
    ) -> ApplyResult:
        """Execute the steps one after the other until one fails; each has `timeout` seconds.

        `before_exec` is asked just before each: a text that it returns is the reason to stop. Nothing is left running,
        whatever ends it. `unattended`: what pip would install is looked into first. To be called inside `lock`.
        """
        self._cancelled = False
        env = scrubbed(environment)
        if self.containment.program:
            env["TMPDIR"] = "/tmp"  # noqa: S108  inside, it is a private one
        results: list[StepResult] = []

        def ended(stopped: str = "", waits: str = "") -> ApplyResult:
            return ApplyResult(tuple(results), stopped, self.containment.name, waits)

        def run(step: PlannedStep, variables: Mapping[str, str]) -> StepResult:
            return self._step(step, step.folder or cwd, variables, before_exec, timeout, grace)

        if self.containment.required and not self.containment.program:
            return ended(f"fixes are to run contained, and {self.containment.detail}")
        for step in plan:
            variables = with_pip_settings(env, step.writable[0] if step.wheels else "") if step.network else env
            try:
                if step.wheels and unattended:
                    with self._private_folder() as folder:
                        looked = self._look(self._with_given(step), folder, run, variables, cwd)
                        results += looked.done
                        if looked.step is None:
                            return ended(waits=looked.waits)
                        last = variables if looked.keeps_sources else _without_index(variables)
                        results.append(run(looked.step, last))
                else:
                    results.append(run(step, variables))
            except _StoppedError as error:
                results += error.results
                return ended(str(error))
            except (OSError, ConfigurationError) as error:
                return ended(f"{self._given}: cannot be written ({error})")
            if results[-1].exit_code != 0:
                return ended()
        return ended()

    def _look(
        self,
        step: PlannedStep,
        folder: Path,
        run: Callable[[PlannedStep, Mapping[str, str]], StepResult],
        env: Mapping[str, str],
        cwd: str,
    ) -> LookedInto:
        """Look into what a step would install: by uv where that is there and works, else by pip."""
        now = self._clock.now()
        until = f"{now - timedelta(days=self._cooldown):%Y-%m-%dT%H:%M:%SZ}" if self._cooldown > 0 else ""
        tried: tuple[StepResult, ...] = ()
        if uv := find_uv(env, step.writable[0], cwd):
            trusting = as_pip_trusts(env)
            try:
                looked = look_into_by_uv(step, folder, lambda one: run(one, trusting), uv, env, until)
            except _NotStartedError as error:
                looked = LookedInto((StepResult((uv,), EXIT_NOT_EXECUTABLE, 0.0, str(error)),))
            if looked.step or looked.waits:
                return looked
            tried = looked.done
        looked = look_into(step, folder, lambda one: run(one, env), until)
        return replace(looked, done=(*tried, *looked.done))

    def _step(
        self,
        step: PlannedStep,
        where: str,
        env: Mapping[str, str],
        before_exec: Callable[[], str],
        timeout: float,
        grace: float,
    ) -> StepResult:
        """Execute one step in a folder. Raises _StoppedError where it is not to be started, or was ended."""
        if self._cancelled:
            raise _StoppedError("cancelled")
        if stopped := _unfit(step, where):
            raise _StoppedError(stopped)
        sandbox_fd = _SANDBOX_FD if self.containment.shuts_in(step) else 0
        step = self._with_given(step)
        argv = self.containment.wrap(step, cwd=where, env=env, hidden=self._hidden, info_fd=sandbox_fd)
        if stopped := before_exec():  # nothing that takes time stands between this and the start
            raise _StoppedError(stopped)
        try:
            end = self._run(BoundedCommand(self._clock, timeout=timeout, grace=grace), argv, where, env, sandbox_fd)
        except CannotStartError as error:
            raise _NotStartedError(error.message) from error
        result = _result(step.argv, end)
        if end.stopped:
            raise _StoppedError(end.stopped, result)
        return result

    @contextmanager
    def _private_folder(self) -> Iterator[Path]:
        make_private_folder(self._given)
        folder = self._given / f"wheels-{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            _remove_meanwhile(folder)

    def _with_given(self, step: PlannedStep) -> PlannedStep:
        """Return a step whose text lies in a private file, by that file's path. Raises OSError, ConfigurationError."""
        if not step.given:
            return step
        make_private_folder(self._given)
        path = self._given / given_name(step.given)
        write_atomically(path, step.given.encode())
        return replace(step, argv=tuple(str(path) if word == path.name else word for word in step.argv))

    def run_again(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        environment: Mapping[str, str],
        timeout: float = TIMEOUT_S,
        grace: float = GRACE_S,
    ) -> StepResult:
        """Run a failed command of the user's own again, as it was but for stdin, which is null; bounded like a step.

        What cannot be started gives 126 or 127, as in a shell.
        """
        self._cancelled = False
        try:
            command = BoundedCommand(self._clock, timeout=timeout, grace=grace)
            return _result(argv, self._run(command, argv, cwd, environment))
        except CannotStartError as error:
            return StepResult(tuple(argv), error.exit_code, 0.0, error.message)

    def cancel(self) -> None:
        """End what runs now, from another thread or a signal handler: its step is ended as at the time limit."""
        self._cancelled = True
        if self._running is not None:
            self._running.cancel()

    def _run(
        self, command: BoundedCommand, argv: Sequence[str], cwd: str, env: Mapping[str, str], sandbox_fd: int = 0
    ) -> Ended:
        self._running = command
        if self._cancelled:
            command.cancel()
        try:
            return command.run(argv, cwd, env, sandbox_fd=sandbox_fd)
        finally:
            self._running = None


def _result(argv: Sequence[str], end: Ended) -> StepResult:
    output = readable(end.output.value(), truncated=end.output.truncated)
    return StepResult(tuple(argv), end.exit_code, end.seconds, output[-OUTPUT_LIMIT:])


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a fix may see; of PATH only its absolute folders."""
    kept = {
        name: value
        for name, value in environment.items()
        if name in INHERITED or (name.startswith("LC_") and not is_secret_name(name))
    }
    folders = [folder for folder in kept.get("PATH", "").split(":") if folder.startswith("/")]
    return {**kept, "PATH": ":".join(folders) or _SAFE_PATH, **_ADDED}


def _without_index(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those by which pip finds packages."""
    kept = {name: value for name, value in env.items() if not name.startswith(("PIP_", "UV_"))}
    return {**kept, **_ADDED, "PIP_CONFIG_FILE": os.devnull}


def _is_stopped(process: str) -> bool:
    return process.isdecimal() and is_stopped(int(process))


def _unfit(step: PlannedStep, cwd: str) -> str:
    program = step.argv[0] if step.argv else ""
    if not program.startswith("/"):
        return f"{program!r:.80} is not an absolute path of a program"
    if any("\0" in word for word in step.argv):
        return f"{program}: an argument holds a NUL character"
    if not os.access(program, os.X_OK) or Path(program).is_dir():
        return f"{program} is not a program that can be executed here"
    if not Path(cwd).is_dir():
        return f"{cwd}: the folder of the failed command is gone"
    return ""


def _remove_meanwhile(folder: Path) -> None:
    """Remove what may be thousands of files beside the rerun; this process ends when that is done."""
    remover = threading.Thread(target=shutil.rmtree, args=(folder, True), name="remove", daemon=True)
    remover.start()
    atexit.register(_wait_for, remover)


def _wait_for(thread: threading.Thread) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        thread.join()
