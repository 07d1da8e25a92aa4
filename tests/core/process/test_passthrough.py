"""A command under us is as it would be without us: bytes, terminal, signals, exit code, input."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from meshcore.errors import UsageError
from meshcore.process.passthrough import Passed, rerun
from meshcore.process.spawn import CannotStartError, find_program
from meshcore.process.tail_buffer import LastBytes

DRIVER = """
import fcntl, json, os, sys, termios
settings = json.loads(sys.argv[1])
if settings["terminal"]:
    fcntl.ioctl(settings["terminal"] - 1, termios.TIOCSCTTY, 0)
from meshcore.process.passthrough import rerun, run_through
passed = run_through(settings["argv"], **settings["options"])
if settings["twice"]:
    passed = rerun(passed, settings["argv"])
told = {name: getattr(passed, name) for name in type(passed).__slots__}
told["output"] = passed.output.decode("latin-1")
told["stdin_data"] = None if passed.stdin_data is None else passed.stdin_data.decode("latin-1")
os.write(settings["report"], json.dumps(told).encode())
sys.exit(passed.exit_code)
"""
PATIENCE_S = 20.0


@dataclass
class Driven:
    """Another process that runs one command through."""

    process: subprocess.Popen[bytes]
    report: IO[bytes]

    def told(self) -> dict[str, Any]:
        """Wait for the end and return what `run_through` returned."""
        self.process.wait(PATIENCE_S)
        self.report.seek(0)
        told: dict[str, Any] = json.loads(self.report.read())
        self.report.close()
        assert told["exit_code"] == self.process.returncode
        return told


def drive(
    argv: Sequence[str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    terminal_at: int | None = None,
    twice: bool = False,
    **options: Any,
) -> Driven:
    """Start the driver; `terminal_at` is the standard descriptor whose terminal is to be its controlling one."""
    report = tempfile.TemporaryFile()  # noqa: SIM115  closed by `told`
    settings = {
        "argv": list(argv),
        "options": options,
        "report": report.fileno(),
        "twice": twice,
        "terminal": 0 if terminal_at is None else terminal_at + 1,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, json.dumps(settings)],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=[report.fileno()],
        start_new_session=True,
    )
    return Driven(process, report)


def ran(argv: Sequence[str], **settings: Any) -> tuple[dict[str, Any], bytes, bytes]:
    """Run a command through and return what was told, what came out and what came out as errors."""
    text = settings.pop("text", None)
    if text is not None:
        settings["stdin"] = subprocess.PIPE
    driven = drive(argv, **settings)
    out, errors = driven.process.communicate(text, timeout=PATIENCE_S)
    return driven.told(), out, errors


def sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


class Screen:
    """The far end of a terminal: what a person sees and types."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
        self.seen = b""

    def wait_for(self, text: bytes) -> bytes:
        """Read until the text appears."""
        while text not in self.seen:
            assert select.select([self.master], [], [], PATIENCE_S)[0], f"{text!r} never came, only {self.seen!r}"
            self.seen += os.read(self.master, 65536)
        return self.seen

    def key(self, data: bytes) -> None:
        os.write(self.master, data)

    def modes(self) -> list[Any]:
        return termios.tcgetattr(self.slave)


@pytest.fixture
def screen() -> Iterator[Screen]:
    it = Screen()
    yield it
    os.close(it.master)
    os.close(it.slave)


class TestStreams:
    def test_each_stream_arrives_byte_for_byte_where_it_belongs(self) -> None:
        told, out, errors = ran(
            python("import os; os.write(1, bytes(range(256))); os.write(2, bytes([0xff, 0xfe, 13, 10]))")
        )
        assert out == bytes(range(256))
        assert errors == bytes([0xFF, 0xFE, 13, 10])
        assert sorted(told["output"].encode("latin-1")) == sorted(out + errors)

    def test_two_names_of_one_stream_keep_their_order(self) -> None:
        script = "import os\nfor i in range(300): os.write(1 + i % 2, b'%d\\n' % i)"
        told, out, _ = ran(python(script), stderr=subprocess.STDOUT)
        assert out == b"".join(b"%d\n" % i for i in range(300))
        assert told["output"].encode() == out

    def test_much_output_passes_whole_and_only_its_end_is_kept(self) -> None:
        # 1 GB takes about 0.7 s and the same memory; the test is content with less
        size = 48 * 1024 * 1024
        script = f"import os\nfor i in range({size >> 16}): os.write(1, bytes([i % 251]) * 65536)\nos.write(1, b'end')"
        driven = drive(python(script), stderr=subprocess.DEVNULL, capture_limit=100_000)
        assert driven.process.stdout is not None
        count, last = 0, b""
        while chunk := driven.process.stdout.read(1 << 20):
            count, last = count + len(chunk), (last + chunk)[-100_000:]
        told = driven.told()
        assert count == size + 3
        assert told["truncated"]
        assert told["output"].encode("latin-1") == last

    def test_a_reader_that_leaves_ends_the_writer(self) -> None:
        driven = drive(["yes"], stderr=subprocess.DEVNULL)
        assert driven.process.stdout is not None
        assert driven.process.stdout.read(2) == b"y\n"
        driven.process.stdout.close()
        told = driven.told()
        assert told["exit_code"] == 128 + signal.SIGPIPE
        assert told["signalled"] == signal.SIGPIPE

    def test_a_command_that_closes_its_output_early_is_awaited(self) -> None:
        told, out, _ = ran(sh("echo first; exec >&- 2>&-; read line; exit $line"), text=b"7\n")
        assert out == b"first\n"
        assert told["exit_code"] == 7

    def test_a_grandchild_that_keeps_the_output_open_does_not_hold_us(self) -> None:
        reader, writer = os.pipe()
        script = f"(read line <&{writer + 100}; echo late) & echo done; exit 3"
        spare = fcntl.fcntl(reader, fcntl.F_DUPFD, writer + 100)
        try:
            script = script.replace(str(writer + 100), str(spare))
            driven = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "import sys; from meshcore.process.passthrough import run_through\n"
                    "sys.exit(run_through(sys.argv[1:]).exit_code)",
                    "/bin/bash",
                    "-c",
                    script,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                pass_fds=[spare],
            )
            out, _ = driven.communicate(timeout=PATIENCE_S)
            assert out == b"done\n"
            assert driven.returncode == 3
        finally:
            for descriptor in (spare, reader, writer):
                os.close(descriptor)

    def test_a_full_disk_is_named_and_ends_the_command(self) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("this system has no /dev/full")
        with Path("/dev/full").open("wb") as full:
            told, _, errors = ran(["yes"], stdout=full.fileno())
        assert errors == b"meshtui: standard output: No space left on device\n"
        assert told["signalled"] == signal.SIGPIPE

    def test_closed_standard_streams_do_no_harm(self) -> None:
        script = (
            "from meshcore.process.passthrough import run_through as r; p = r(['/bin/sh', '-c', 'echo x; exit 5'])\n"
        )
        script += "raise SystemExit(p.exit_code + (p.output == b'x\\n') + (p.stdin == 'null'))"
        done = subprocess.run(["/bin/sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, script], check=False)
        assert done.returncode == 7


class TestExitCodes:
    @pytest.mark.parametrize("code", [0, 1, 42, 255])
    def test_the_exit_code_is_the_commands(self, code: int) -> None:
        assert ran(sh(f"exit {code}"))[0]["exit_code"] == code

    def test_a_killed_command_gives_128_and_the_signal(self) -> None:
        told, _, _ = ran(sh("kill -KILL $$"))
        assert (told["exit_code"], told["signalled"]) == (137, 9)

    def test_a_command_that_does_not_exist_gives_127_and_says_so(self) -> None:
        told, _, errors = ran(["no-such-command-here"])
        assert told["exit_code"] == 127
        assert errors == b"meshtui: no-such-command-here: command not found\n"
        assert told["output"].encode() == errors.replace(b"meshtui", b"sh")

    def test_what_cannot_be_executed_gives_126(self, tmp_path: Path) -> None:
        plain = tmp_path / "plain"
        plain.write_text("echo hello\n")
        for path, words in ((plain, "Permission denied"), (tmp_path, "Is a directory")):
            told, _, errors = ran([str(path)])
            assert told["exit_code"] == 126
            assert words in errors.decode()

    def test_a_script_whose_interpreter_is_not_there_gives_127(self, tmp_path: Path) -> None:
        orphan = tmp_path / "orphan"
        orphan.write_text("#!/no/such/interpreter\n")
        orphan.chmod(0o755)
        told, _, errors = ran([str(orphan)])
        assert told["exit_code"] == 127
        assert "bad interpreter" in errors.decode()

    def test_a_script_without_an_interpreter_line_runs_as_in_a_shell(self, tmp_path: Path) -> None:
        script = tmp_path / "script"
        script.write_text('echo "got $1"; exit 4\n')
        script.chmod(0o755)
        told, out, _ = ran([str(script), "it"])
        assert (told["exit_code"], out) == (4, b"got it\n")

    def test_the_command_gets_its_folder_and_variables(self, tmp_path: Path) -> None:
        told, out, _ = ran(sh('pwd; echo "$PWD $COLOUR"'), cwd=str(tmp_path), env={"COLOUR": "blue"})
        assert out.decode() == f"{tmp_path}\n{tmp_path} blue\n"
        assert told["exit_code"] == 0

    def test_descriptors_that_were_handed_to_us_reach_the_command(self) -> None:
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)
        script = "import sys; from meshcore.process.passthrough import run_through; run_through(sys.argv[1:])"
        subprocess.run(
            [sys.executable, "-c", script, *python(f"import os; os.write({writer}, b'hi')")],
            pass_fds=[writer],
            check=True,
        )
        os.close(writer)
        assert os.read(reader, 10) == b"hi"
        os.close(reader)


class TestInput:
    def test_input_of_a_pipe_is_passed_and_kept(self) -> None:
        told, out, _ = ran(["cat"], text=b"\xff\x00line\n")
        assert out == b"\xff\x00line\n"
        assert (told["stdin"], told["stdin_data"]) == ("captured", "\xff\x00line\n")

    def test_input_beyond_the_limit_passes_whole_but_cannot_be_repeated(self) -> None:
        told, out, _ = ran(["wc", "-c"], text=b"x" * 3_000_000)
        assert out.split() == [b"3000000"]
        assert (told["stdin"], told["stdin_data"]) == ("unrepeatable", None)

    def test_input_that_nobody_reads_does_not_hold_us(self) -> None:
        driven = drive(sh("exit 3"), stdin=subprocess.PIPE)
        told = driven.told()
        assert (told["exit_code"], told["stdin"]) == (3, "captured")
        assert driven.process.stdin is not None
        driven.process.stdin.close()

    def test_a_second_run_reads_the_same_input_of_a_pipe(self) -> None:
        told, out, _ = ran(["cat"], text=b"again\n", twice=True)
        assert out == b"again\nagain\n"
        assert told["stdin_data"] == "again\n"

    def test_a_second_run_reads_a_file_from_where_the_first_began(self, tmp_path: Path) -> None:
        path = tmp_path / "input"
        path.write_bytes(b"skipped\nrest\n")
        with path.open("rb") as file:
            os.lseek(file.fileno(), 8, os.SEEK_SET)
            told, out, _ = ran(["cat"], stdin=file.fileno(), twice=True)
        assert out == b"rest\nrest\n"
        assert (told["stdin"], told["stdin_offset"]) == ("file", 8)

    def test_null_stays_null(self) -> None:
        told, out, _ = ran(python("import os; print(os.fstat(0).st_rdev == os.stat('/dev/null').st_rdev)"))
        assert (told["stdin"], out) == ("null", b"True\n")

    def test_a_run_whose_input_is_gone_is_not_repeated(self) -> None:
        gone = Passed(1, b"", False, "", "", 0.0, "unrepeatable")
        with pytest.raises(UsageError, match="run it again yourself"):
            rerun(gone, ["true"])


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
    def test_a_signal_that_asks_to_end_reaches_the_command(self, number: signal.Signals) -> None:
        driven = drive(python("import signal; print('up', flush=True); signal.pause()"))
        assert driven.process.stdout is not None
        assert driven.process.stdout.readline() == b"up\n"
        driven.process.send_signal(number)
        told = driven.told()
        assert told["interrupted"] == number
        assert told["exit_code"] == 128 + number
        driven.process.communicate()

    def test_a_signal_comes_once_and_the_command_decides(self) -> None:
        script = """
import signal
both = {signal.SIGUSR1, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, both)
print("up", flush=True)
for _ in both:
    print(signal.sigwait(both).name, flush=True)
print(signal.sigpending())
"""
        driven = drive(python(script))
        out = driven.process.stdout
        assert out is not None
        assert out.readline() == b"up\n"
        driven.process.send_signal(signal.SIGUSR1)
        assert out.readline() == b"SIGUSR1\n"
        driven.process.send_signal(signal.SIGTERM)
        assert out.read() == b"SIGTERM\nset()\n"
        assert driven.told()["exit_code"] == 0
        driven.process.communicate()

    def test_ignored_signals_stay_ignored(self) -> None:
        script = "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
        ours = "import sys; from meshcore.process.passthrough import run_through; run_through(sys.argv[1:])"
        line = 'trap "" HUP; exec "$0" -c "$1" "$0" -c "$2"'
        argv = ["/bin/sh", "-c", line, sys.executable, ours, script]
        done = subprocess.run(argv, capture_output=True, check=True)
        assert done.stdout == b"True\n"

    def test_the_command_starts_with_no_signal_blocked_or_ignored_by_us(self) -> None:
        if not Path("/proc/self/status").exists():
            pytest.skip("this system has no /proc")
        argv = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]
        _, out, _ = ran(argv)
        c_library = 3 << 31  # its own two signals: posix_spawn leaves them ignored, a program sets them again
        assert [int(line.split()[1], 16) & ~c_library for line in out.splitlines()] == [0, 0]


class TestTerminal:
    def on_terminal(self, screen: Screen, argv: Sequence[str], **options: Any) -> Driven:
        return drive(argv, stdin=screen.slave, stdout=screen.slave, stderr=screen.slave, terminal_at=0, **options)

    def test_the_command_sees_a_terminal_of_the_same_size_and_it_is_given_back(self, screen: Screen) -> None:
        before = screen.modes()
        script = 'test -t 0 && test -t 1 && test -t 2 && stty size && tty; read x < /dev/tty; echo "<$x>"; exit 6'
        driven = self.on_terminal(screen, sh(script))
        screen.wait_for(b"33 101\r\n/dev/pts/")
        screen.key(b"typed\r")
        screen.wait_for(b"<typed>\r\n")
        told = driven.told()
        assert (told["exit_code"], told["stdin"]) == (6, "tty")
        assert "\r\n<typed>\r\n" in told["output"]
        assert screen.modes() == before

    def test_the_interrupt_key_reaches_the_command_only(self, screen: Screen) -> None:
        before = screen.modes()
        driven = self.on_terminal(screen, sh("echo ready; exec sleep 100"))
        screen.wait_for(b"ready")
        screen.key(b"\x03")
        told = driven.told()
        assert (told["exit_code"], told["signalled"], told["interrupted"]) == (130, 2, 2)
        assert screen.modes() == before

    def test_a_new_size_reaches_the_command(self, screen: Screen) -> None:
        script = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})
print("ready", flush=True)
signal.sigwait({signal.SIGWINCH})
print(*os.get_terminal_size())
"""
        driven = self.on_terminal(screen, python(script))
        screen.wait_for(b"ready")
        fcntl.ioctl(screen.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 77, 0, 0))
        driven.process.send_signal(signal.SIGWINCH)
        screen.wait_for(b"77 20\r\n")
        assert driven.told()["exit_code"] == 0

    def test_the_suspend_key_stops_us_with_the_terminal_given_back_and_continuing_resumes(self, screen: Screen) -> None:
        before = screen.modes()
        driven = self.on_terminal(screen, sh('echo ready; read x; echo "<$x>"'))
        screen.wait_for(b"ready")
        screen.key(b"\x1a")
        _, status = os.waitpid(driven.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert screen.modes() == before
        driven.process.send_signal(signal.SIGCONT)
        os.waitpid(driven.process.pid, os.WCONTINUED)
        screen.key(b"on\r")
        screen.wait_for(b"<on>")
        assert driven.told()["exit_code"] == 0

    def test_a_fault_of_ours_gives_the_terminal_back(self, screen: Screen) -> None:
        before = screen.modes()
        script = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from meshcore.process import passthrough
def broken(*args): raise RuntimeError("broken")
passthrough._Passage._copy = broken
passthrough.run_through(["/bin/sh", "-c", "echo out; read x"])
"""
        done = subprocess.run(
            [sys.executable, "-c", script],
            stdin=screen.slave,
            stdout=screen.slave,
            stderr=subprocess.PIPE,
            start_new_session=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert b"RuntimeError: broken" in done.stderr
        assert screen.modes() == before

    def test_only_the_streams_that_are_terminals_become_ones(self, screen: Screen) -> None:
        script = "test -t 0 || echo no0 >&2; test -t 1 || echo no1 >&2; test -t 2 && echo yes2 >&2; echo data"
        driven = drive(sh(script), stderr=screen.slave, terminal_at=2)
        out, _ = driven.process.communicate(timeout=PATIENCE_S)
        driven.told()
        assert out == b"data\n"
        assert screen.wait_for(b"yes2").split() == [b"no0", b"no1", b"yes2"]

    def test_the_interrupt_key_comes_once_to_a_command_whose_output_is_piped(self, screen: Screen) -> None:
        script = """
import signal
both = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, both)
print("up", flush=True)
for _ in both:
    print(signal.sigwait(both).name, flush=True)
print(signal.sigpending())
"""
        driven = drive(python(script), stdin=screen.slave, terminal_at=0)
        out = driven.process.stdout
        assert out is not None
        assert out.readline() == b"up\n"
        screen.key(b"\x03")
        assert out.readline() == b"SIGINT\n"
        driven.process.send_signal(signal.SIGTERM)  # forwarded after our own copy of the interrupt was looked at
        assert out.read() == b"SIGTERM\nset()\n"
        assert driven.told()["interrupted"] == signal.SIGINT
        driven.process.communicate()


class TestFindProgram:
    def test_a_plain_name_is_looked_up_and_an_empty_entry_is_the_folder(self, tmp_path: Path) -> None:
        tool = tmp_path / "tool"
        tool.write_text("")
        tool.chmod(0o755)
        assert find_program("tool", {"PATH": f"/nowhere:{tmp_path}"}) == str(tool)
        assert find_program("tool", {"PATH": "/nowhere:"}, str(tmp_path)) == str(tool)
        assert find_program("./tool", {}, str(tmp_path)) == str(tool)

    @pytest.mark.parametrize("name", ["", "nothing-of-that-name", "./nothing"])
    def test_what_is_not_there_is_127(self, name: str) -> None:
        with pytest.raises(CannotStartError) as caught:
            find_program(name, {"PATH": "/bin"})
        assert caught.value.exit_code == 127


@pytest.mark.parametrize("limit", [0, 1, 5, 7, 100])
def test_the_last_bytes_are_those_of_the_whole(limit: int) -> None:
    chunks = [b"", b"abc", b"d", b"efghijkl", b"", b"m"]
    kept = LastBytes(limit)
    for chunk in chunks:
        kept.add(chunk)
    whole = b"".join(chunks)
    assert kept.value() == (whole[-limit:] if limit else b"")
    assert kept.truncated == (len(whole) > limit)
