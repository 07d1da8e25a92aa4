"""A plan is executed within its bounds, and nothing of it is left running."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from meshcore.clock import SystemClock
from meshcore.errors import ConfigurationError
from meshcore.healing.executor import Executor, TargetBusyError, scrubbed
from meshcore.policy.question import PlannedStep, Target, given_name
from meshcore.process.limited import EXIT_TIMED_OUT, OUTPUT_LIMIT
from meshcore.process.sandbox import Containment, detect

FAKE_TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
WORKING = detect({})


@pytest.fixture
def executor(tmp_path: Path) -> Executor:
    return Executor(SystemClock(), tmp_path / "state", Containment())


def sh(script: str) -> PlannedStep:
    return PlannedStep(("/bin/sh", "-c", script))


def env(**more: str) -> Mapping[str, str]:
    return {"PATH": os.environ["PATH"], **more}


class TestApply:
    def test_steps_run_in_order_in_the_folder_with_null_input(self, executor: Executor, tmp_path: Path) -> None:
        plan = [sh("echo one >> log; pwd; cat"), sh("echo two >> log; echo bad >&2")]
        result = executor.apply(plan, cwd=str(tmp_path), environment=env())
        assert (tmp_path / "log").read_text() == "one\ntwo\n"
        assert [step.output for step in result.steps] == [f"{tmp_path}\n", "bad\n"]
        assert [step.exit_code for step in result.steps] == [0, 0]
        assert (result.stopped, result.contained) == ("", "")
        assert sum(step.seconds for step in result.steps) > 0

    def test_the_first_failure_ends_the_plan(self, executor: Executor, tmp_path: Path) -> None:
        result = executor.apply([sh("exit 3"), sh("touch never")], cwd=str(tmp_path), environment=env())
        assert [step.exit_code for step in result.steps] == [3]
        assert not (tmp_path / "never").exists()

    def test_a_killed_step_gives_128_and_the_signal(self, executor: Executor, tmp_path: Path) -> None:
        result = executor.apply([sh("kill -SEGV $$")], cwd=str(tmp_path), environment=env())
        assert result.steps[0].exit_code == 128 + signal.SIGSEGV

    def test_it_is_asked_before_each_step_whether_it_may_still_run(self, executor: Executor, tmp_path: Path) -> None:
        answers = iter(["", "halted: enough"])
        result = executor.apply(
            [sh("touch first"), sh("touch second")],
            cwd=str(tmp_path),
            environment=env(),
            before_exec=lambda: next(answers),
        )
        assert result.stopped == "halted: enough"
        assert len(result.steps) == 1
        assert not (tmp_path / "second").exists()

    @pytest.mark.parametrize(
        ("argv", "words"),
        [
            ((), "absolute"),
            (("sh", "-c", "true"), "absolute"),
            (("./ls",), "absolute"),
            (("/no/such/program",), "not a program"),
            (("/etc",), "not a program"),
            (("/bin/echo", "a\0b"), "NUL"),
        ],
    )
    def test_what_is_no_absolute_program_is_not_started(
        self, executor: Executor, tmp_path: Path, argv: tuple[str, ...], words: str
    ) -> None:
        result = executor.apply([PlannedStep(argv)], cwd=str(tmp_path), environment=env())
        assert words in result.stopped
        assert result.steps == ()

    def test_a_folder_that_is_gone_is_named(self, executor: Executor, tmp_path: Path) -> None:
        result = executor.apply([sh("true")], cwd=str(tmp_path / "gone"), environment=env())
        assert str(tmp_path / "gone") in result.stopped

    def test_the_end_of_the_output_is_kept_without_secrets_and_controls(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        script = f"yes | head -c 300000; printf 'token {FAKE_TOKEN} \\033]0;title\\007\\033[31mred \\377\\n'"
        output = executor.apply([sh(script)], cwd=str(tmp_path), environment=env()).steps[0].output
        assert len(output) <= OUTPUT_LIMIT
        assert FAKE_TOKEN not in output
        assert "\x1b" not in output
        assert output.endswith("red \N{REPLACEMENT CHARACTER}\n")

    def test_required_containment_that_is_not_there_stops_everything(self, tmp_path: Path) -> None:
        executor = Executor(SystemClock(), tmp_path, Containment(detail="bubblewrap is not installed", required=True))
        result = executor.apply([sh("touch never")], cwd=str(tmp_path), environment=env())
        assert result.stopped == "fixes are to run contained, and bubblewrap is not installed"
        assert not (tmp_path / "never").exists()

    @pytest.mark.parametrize("way", ["operator", "beside/../operator", "link/../operator", "link/operator"])
    @pytest.mark.parametrize("containment", [Containment(), WORKING], ids=["free", "contained"])
    def test_a_given_text_lies_in_a_private_file_that_the_program_can_read(
        self, tmp_path: Path, containment: Containment, way: str
    ) -> None:
        operator, project = tmp_path / way, tmp_path / "project"
        for folder in (project, tmp_path / "beside", tmp_path / "deeper/operator", tmp_path / "deeper/inside"):
            folder.mkdir(parents=True)
        (tmp_path / "link").symlink_to(tmp_path / "deeper" if way == "link/operator" else tmp_path / "deeper/inside")
        operator.mkdir(exist_ok=True)
        (operator / "operator.key").write_text("classified")
        executor = Executor(SystemClock(), operator / "state", containment, hidden=(str(operator),))
        text = "django==5.1 --hash=sha256:00\n"
        step = PlannedStep(("/bin/sh", "-c", 'cat "$0"; stat -c %a "$0"', given_name(text)), given=text)
        (done,) = executor.apply([step], cwd=str(project), environment=env()).steps
        assert (done.exit_code, done.output) == (0, text + "600\n")
        key = PlannedStep(("/bin/sh", "-c", f'cat "$0" {operator}/operator.key', given_name(text)), given=text)
        if containment.program:
            assert "classified" not in executor.apply([key], cwd=str(project), environment=env()).steps[0].output

    @pytest.mark.parametrize("containment", [Containment(), WORKING], ids=["uncontained", "contained"])
    def test_what_is_of_the_host_reaches_its_processes(self, tmp_path: Path, containment: Containment) -> None:
        executor = Executor(SystemClock(), tmp_path / "state", containment)
        with subprocess.Popen(["sleep", "30"]) as other:
            step = replace(sh(f"kill -TERM {other.pid}"), host=True)
            done = executor.apply((step,), cwd=str(tmp_path), environment=env())
            if done.steps[0].exit_code:
                other.kill()
        assert (done.steps[0].exit_code, other.returncode) == (0, -signal.SIGTERM)

    @pytest.mark.skipif(not WORKING.program, reason=f"no containment here: {WORKING.detail}")
    def test_a_wheel_is_installed_into_an_environment_shut_in(self, tmp_path: Path) -> None:
        python = make_environment(tmp_path / "venv")
        wheels = make_wheel(tmp_path / "wheels")
        executor = Executor(SystemClock(), tmp_path / "state", WORKING)
        install = f"import sys, zipfile; zipfile.ZipFile('{wheels}').extractall(sys.path[-1]); import tiny"
        step = PlannedStep((str(python), "-c", install, str(wheels)), (str(tmp_path / "venv"),))
        result = executor.apply([step], cwd=str(tmp_path), environment=env())
        assert [(s.exit_code, s.output) for s in result.steps] == [(0, "")]
        assert result.contained == "bubblewrap"
        again = executor.run_again([str(python), "-c", "import tiny; print(tiny.x)"], cwd="/", environment=env())
        assert (again.exit_code, again.output) == (0, "7\n")


class TestBounds:
    def blocked(self, tmp_path: Path) -> tuple[str, int]:
        """Return a script whose grandchild ignores SIGTERM and holds a pipe open, and the pipe's reading end."""
        fifo = tmp_path / "alive"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(reader, True)
        script = f"trap '' TERM; exec 9> {fifo}; echo up >&9; (read x < {tmp_path}/never) & read x < {tmp_path}/never"
        os.mkfifo(tmp_path / "never")
        return script, reader

    @pytest.mark.parametrize("containment", [Containment(), WORKING], ids=["uncontained", "contained"])
    def test_at_the_time_limit_the_whole_group_is_gone(self, tmp_path: Path, containment: Containment) -> None:
        script, reader = self.blocked(tmp_path)
        executor = Executor(SystemClock(), tmp_path / "state", containment)
        step = PlannedStep(("/bin/sh", "-c", script), (str(tmp_path),))
        result = executor.apply([step], cwd=str(tmp_path), environment=env(), timeout=0.3, grace=0.1)
        assert result.stopped == "not finished within 0.3 s"
        assert [s.exit_code for s in result.steps] == [EXIT_TIMED_OUT]
        assert os.read(reader, 100) == b"up\n"
        assert os.read(reader, 100) == b"", "somebody still holds the pipe"
        os.close(reader)

    def test_what_a_step_leaves_behind_in_its_group_is_ended(self, executor: Executor, tmp_path: Path) -> None:
        _, reader = self.blocked(tmp_path)
        result = executor.apply(
            [sh(f"exec 9> {tmp_path}/alive; (read x < {tmp_path}/never) & echo done")],
            cwd=str(tmp_path),
            environment=env(),
        )
        assert (result.steps[0].exit_code, result.steps[0].output) == (0, "done\n")
        assert os.read(reader, 100) == b""
        os.close(reader)

    def test_it_can_be_cancelled_from_another_thread(self, executor: Executor, tmp_path: Path) -> None:
        script, reader = self.blocked(tmp_path)

        def cancel_when_up() -> None:
            await_up(reader)
            executor.cancel()

        thread = threading.Thread(target=cancel_when_up)
        thread.start()
        result = executor.apply([sh(script), sh("true")], cwd=str(tmp_path), environment=env(), grace=0.1)
        thread.join()
        assert result.stopped == "cancelled"
        assert len(result.steps) == 1
        assert os.read(reader, 100) == b""
        os.close(reader)

    def test_an_exception_of_a_signal_handler_leaves_nothing_running(self, tmp_path: Path) -> None:
        script, reader = self.blocked(tmp_path)
        program = """
import os, sys
from pathlib import Path
from meshcore.clock import SystemClock
from meshcore.process.sandbox import Containment
from meshcore.healing.executor import Executor
from meshcore.policy.question import PlannedStep, given_name
executor = Executor(SystemClock(), Path(sys.argv[1]), Containment())
try:
    executor.apply([PlannedStep(("/bin/sh", "-c", sys.argv[2]))], cwd=sys.argv[1], environment=dict(os.environ))
except KeyboardInterrupt:
    sys.exit(9)
"""
        process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path), script])
        await_up(reader)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 9
        assert os.read(reader, 100) == b""
        os.close(reader)


def await_up(reader: int) -> None:
    """Wait for the script's first word; before it has come, a read of the pipe would find no writer."""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    assert poll.poll(20_000)
    assert os.read(reader, 100) == b"up\n"


class TestRunAgain:
    def test_it_runs_in_the_whole_environment_with_null_input(self, executor: Executor, tmp_path: Path) -> None:
        step = executor.run_again(
            ["sh", "-c", 'cat; echo "$COLOUR"; pwd; exit 4'], cwd=str(tmp_path), environment=env(COLOUR="blue")
        )
        assert (step.exit_code, step.output) == (4, f"blue\n{tmp_path}\n")
        assert step.argv[0] == "sh"

    def test_what_is_not_there_gives_127(self, executor: Executor, tmp_path: Path) -> None:
        step = executor.run_again(["no-such-thing"], cwd=str(tmp_path), environment=env())
        assert (step.exit_code, step.output) == (127, "no-such-thing: command not found")


class TestEnvironment:
    def test_only_listed_variables_reach_a_fix(self, executor: Executor, tmp_path: Path) -> None:
        environment = env(
            HOME="/home/x",
            LC_ALL="C",
            LC_API_TOKEN=FAKE_TOKEN,
            GITHUB_TOKEN=FAKE_TOKEN,
            AWS_SECRET_ACCESS_KEY="x",
            PYTHONPATH="/evil",
            LD_PRELOAD="/evil.so",
            PIP_FIND_LINKS="/wheels",
            PIP_CONSTRAINT="constraints.txt",
            https_proxy="http://proxy:3128",
        )
        step = PlannedStep((sys.executable, "-c", "import json, os; print(json.dumps(list(os.environ)))"))
        printed = executor.apply([step], cwd=str(tmp_path), environment=environment).steps[0].output
        expected = {"PATH", "HOME", "LC_ALL", "PIP_FIND_LINKS", "https_proxy"}
        expected |= {"PIP_NO_INPUT", "PIP_DISABLE_PIP_VERSION_CHECK", "GIT_TERMINAL_PROMPT", "PWD"}
        assert set(json.loads(printed)) - {"LC_CTYPE"} == expected

    def test_a_relative_entry_of_path_finds_nothing_in_the_folder(self) -> None:
        assert scrubbed({"PATH": ".::bin:/usr/bin"})["PATH"] == "/usr/bin"
        assert scrubbed({})["PATH"].startswith("/")


class TestLock:
    def test_two_tries_on_one_target_do_not_overlap_and_the_second_is_told_who_is_there(self, tmp_path: Path) -> None:
        one, two = (Executor(SystemClock(), tmp_path / "state", Containment()) for _ in range(2))
        target = Target(str(tmp_path / "venv"), "venv")
        with (
            one.lock(target),
            pytest.raises(TargetBusyError, match=f"process {os.getpid()} since") as caught,
            two.lock(target, wait=0),
        ):
            raise AssertionError("both hold it")
        assert str(tmp_path / "venv") in str(caught.value)
        with two.lock(target, wait=0):
            pass

    def test_a_link_to_the_target_is_the_target(self, executor: Executor, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "venv")
        with (
            executor.lock(Target(str(tmp_path / "venv"), "venv")),
            pytest.raises(TargetBusyError),
            executor.lock(Target(str(tmp_path / "link"), "venv"), wait=0),
        ):
            pass

    def test_other_targets_and_no_target_are_free(self, executor: Executor, tmp_path: Path) -> None:
        with (
            executor.lock(Target(str(tmp_path / "a"), "venv")),
            executor.lock(Target(str(tmp_path / "b"), "venv"), wait=0),
            executor.lock(None),
        ):
            assert len(list((tmp_path / "state" / "locks").iterdir())) == 2

    def test_a_holder_that_was_killed_holds_nothing(self, tmp_path: Path) -> None:
        program = """
import os, sys
from pathlib import Path
from meshcore.clock import SystemClock
from meshcore.process.sandbox import Containment
from meshcore.healing.executor import Executor
from meshcore.policy.question import Target
with Executor(SystemClock(), Path(sys.argv[1]), Containment()).lock(Target(sys.argv[1], "venv")):
    print("held", flush=True)
    sys.stdin.read()
"""
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        executor = Executor(SystemClock(), tmp_path, Containment())
        target = Target(str(tmp_path), "venv")
        with pytest.raises(TargetBusyError, match=f"process {process.pid}"), executor.lock(target, wait=0):
            pass
        process.kill()
        process.communicate()
        with executor.lock(target, wait=0):
            pass

    def test_a_folder_that_cannot_be_used_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "state").write_text("a file")
        executor = Executor(SystemClock(), tmp_path / "state", Containment())
        with pytest.raises(ConfigurationError, match="cannot be used as a folder"), executor.lock(Target("/x", "venv")):
            pass


def make_environment(folder: Path) -> Path:
    """Make what is enough of a virtual environment, without pip, and return its python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python"


def make_wheel(folder: Path) -> Path:
    """Write a wheel of one module."""
    import zipfile

    folder.mkdir()
    path = folder / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", "x = 7\n")
    return path
