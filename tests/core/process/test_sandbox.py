"""What a contained fix can and cannot do, with bubblewrap present, absent and broken."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import pytest

from meshcore.errors import ConfigurationError
from meshcore.policy.question import PlannedStep
from meshcore.process.certificates import NAMED_BY
from meshcore.process.sandbox import SETTING, Containment, detect, named_paths

WORKING = detect({})
needs_bubblewrap = pytest.mark.skipif(not WORKING.program, reason=f"no containment here: {WORKING.detail}")


def fake_bubblewrap(folder: Path, script: str) -> str:
    """Put a program called bwrap into the folder and return the search path that finds it."""
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(folder)


def contained(
    script: str | tuple[str, ...], cwd: Path, *, writable: tuple[Path, ...] = (), network: bool = False
) -> tuple[int, str]:
    """Run a shell script, or a command, shut in; return its exit code and what it printed."""
    argv = ("/bin/sh", "-c", script) if isinstance(script, str) else script
    step = PlannedStep(argv, tuple(map(str, writable)), network)
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    argv = WORKING.wrap(step, cwd=str(cwd), env=env)
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20)
    return done.returncode, (done.stdout + done.stderr).decode()


class TestDetection:
    def test_absent_is_said_and_leaves_the_command_as_it_is(self) -> None:
        found = detect({}, path="")
        assert (found.name, found.detail) == ("", "bubblewrap is not installed")
        step = PlannedStep(("/bin/true", "x"))
        assert found.wrap(step, cwd="/", env={}) == step.argv

    def test_broken_counts_as_absent_and_says_what_it_said(self, tmp_path: Path) -> None:
        path = fake_bubblewrap(tmp_path, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1")
        found = detect({}, path=path)
        assert found.program == ""
        assert found.detail == "bubblewrap does not work here: bwrap: No permissions to create new namespace"

    def test_a_silent_failure_is_told_by_its_exit_code(self, tmp_path: Path) -> None:
        assert "exit code 3" in detect({}, path=fake_bubblewrap(tmp_path, "exit 3")).detail

    def test_the_answer_is_remembered_until_the_program_changes(self, tmp_path: Path) -> None:
        if not Path("/proc/sys/kernel/random/boot_id").exists():
            pytest.skip("this system does not tell its boots apart")
        path = fake_bubblewrap(tmp_path, f"echo probed >> {tmp_path}/log")
        cache = tmp_path / "cache"
        assert detect({}, cache, path=path).program
        assert detect({}, cache, path=path).program
        assert (tmp_path / "log").read_text() == "probed\n"
        os.utime(tmp_path / "bwrap", (1, 1))
        assert detect({}, cache, path=path).program
        assert (tmp_path / "log").read_text() == "probed\nprobed\n"

    def test_a_failure_is_looked_at_again_after_some_minutes(self, tmp_path: Path) -> None:
        path = fake_bubblewrap(tmp_path, f"test -e {tmp_path}/mended")
        cache = tmp_path / "cache"
        assert not detect({}, cache, path=path).program
        failed_at = (cache / "containment.json").stat().st_mtime
        (tmp_path / "mended").touch()
        assert not detect({}, cache, path=path, now=lambda: failed_at + 60).program
        assert detect({}, cache, path=path, now=lambda: failed_at + 600).program

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"mark": 1}', "\x00"])
    def test_a_damaged_memory_is_as_good_as_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "containment.json").write_text(text)
        found = detect({}, tmp_path, path=fake_bubblewrap(tmp_path, "exit 0"))
        assert found.program
        assert "mark" in json.loads((tmp_path / "containment.json").read_text())

    def test_the_setting_switches_it_off_or_makes_it_required(self, tmp_path: Path) -> None:
        path = fake_bubblewrap(tmp_path, "exit 0")
        assert detect({SETTING: "off"}, path=path) == Containment(detail=f"switched off by {SETTING}")
        assert detect({SETTING: "bwrap"}, path=path).required
        assert detect({SETTING: "bwrap"}, path="").required

    def test_an_unknown_setting_is_named(self) -> None:
        with pytest.raises(ConfigurationError, match=r"docker.*set it to auto, off or bwrap"):
            detect({SETTING: "docker"})


PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
NAMED = (".netrc", ".ssh/id_rsa", ".ssh", "link", "private.pem")
CREDENTIALS = (
    *(".netrc", ".npmrc", ".pypirc", ".git-credentials", ".docker/config.json", ".aws/credentials", ".claude.json"),
    *(".claude/.credentials.json", ".codex/auth.json", ".config/gh/hosts.yml", ".config/gcloud/credentials.db"),
    *(".local/share/keyrings/login.keyring", ".mozilla/firefox/x/logins.json", ".config/chromium/Default/Cookies"),
    *(".bash_history", ".zsh_history", ".ssh/id_rsa", ".gnupg/secring.gpg", ".kube/config", ".vault-token"),
    *(".local/share/meshtui/node.key", ".config/meshtui/operator.key", ".pgpass", ".my.cnf", ".terraform.d/c.json"),
)


@needs_bubblewrap
class TestInside:
    def test_only_what_the_step_may_write_is_writable(self, tmp_path: Path) -> None:
        mine, project = tmp_path / "venv", tmp_path / "project"
        mine.mkdir()
        project.mkdir()
        script = f"echo yes > {mine}/new; echo no > {project}/new; echo no > /usr/new; echo no > $HOME/new; true"
        code, printed = contained(script, tmp_path, writable=(mine,))
        assert code == 0
        assert (mine / "new").read_text() == "yes\n"
        assert not (project / "new").exists()
        assert printed.count("Read-only file system") == 3

    def test_temporary_folders_are_private(self, tmp_path: Path) -> None:
        code, printed = contained("echo x > /tmp/made && ls /tmp /var/tmp", tmp_path)
        assert code == 0
        assert "made" in printed
        assert not Path("/tmp/made").exists()

    def test_there_is_no_network_unless_the_step_needs_it(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            connect = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)"
            assert "ConnectionRefused" in contained((sys.executable, "-c", connect), tmp_path)[1]
            assert contained((sys.executable, "-c", connect), tmp_path, network=True) == (0, "")

    def test_a_program_is_in_sight_through_every_link_that_leads_to_it(self, tmp_path: Path) -> None:
        real, mine = tmp_path / "store" / "tool-1.2.3", tmp_path / "project" / ".venv" / "bin"
        (real / "bin").mkdir(parents=True)
        (real / "lib").mkdir()
        (real / "lib" / "words").write_text("found\n")
        (real / "bin" / "tool1.2").write_text('#!/bin/sh\ncat "$(dirname "$(readlink -f "$0")")/../lib/words"\n')
        (real / "bin" / "tool1.2").chmod(0o755)
        (real / "bin" / "tool").symlink_to("tool1.2")
        (tmp_path / "store" / "tool-1.2").symlink_to("tool-1.2.3")
        (tmp_path / "store" / "secret").write_text("classified")
        mine.mkdir(parents=True)
        (mine / "tool").symlink_to(tmp_path / "store" / "tool-1.2" / "bin" / "tool")
        (mine / "tool3").symlink_to("tool")
        assert contained((str(mine / "tool3"),), tmp_path / "project") == (0, "found\n")
        assert contained(f"cat {tmp_path}/store/*/../sec*", tmp_path / "project")[0] != 0

    def test_other_processes_and_capabilities_are_out_of_reach(self, tmp_path: Path) -> None:
        code, printed = contained(f"kill -0 {os.getpid()}; grep CapEff /proc/self/status; ls /proc", tmp_path)
        assert code == 0
        assert "CapEff:\t0000000000000000" in printed
        assert str(os.getpid()) not in printed.split()

    def test_folders_of_secrets_and_sockets_are_hidden(self, tmp_path: Path) -> None:
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh" / "id_ed25519").write_text("classified")
        code, printed = contained("ls -A ~/.ssh /run; cat ~/.ssh/id_ed25519", tmp_path)
        assert code != 0
        assert "classified" not in printed

    @pytest.mark.parametrize("cwd", ["", "project"], ids=["in the home itself", "in a project of the home"])
    def test_no_credential_of_a_home_can_be_read(self, tmp_path: Path, cwd: str) -> None:
        (tmp_path / cwd).mkdir(exist_ok=True)
        for name in CREDENTIALS:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("classified")
        names = " ".join(f"~/{name}" for name in CREDENTIALS)
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        step = PlannedStep(("/bin/sh", "-c", f"cat {names}; cat /root/.bash_history; echo done"))
        argv = detect({}).wrap(step, cwd=str(tmp_path / cwd), env=env)
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=20)
        assert "done" in done.stdout
        assert "classified" not in done.stdout

    @pytest.mark.parametrize("network", [False, True])
    def test_of_the_system_only_what_programs_need_is_in_sight(self, tmp_path: Path, network: bool) -> None:
        script = (
            "ls -A / /etc /run /var /var/lib /root /home /srv /mnt /media /opt 2>/dev/null; cat /etc/shadow;"
            "cat /etc/ssh/ssh_host_*; echo x > /new; echo x > /etc/new; ls /etc/resolv.conf /etc/passwd >&2; true"
        )
        (tmp_path / "script").write_text(script)
        _, named = contained("cat /etc/shadow; ls -d /etc/*", tmp_path, network=network)
        assert "daemon:" not in named and "/etc/shadow\n" not in named
        code, printed = contained("exec sh script", tmp_path, network=network)
        seen = set(printed.split())
        assert code == 0
        assert not seen & {"shadow", "gshadow", "ssh", "srv", "mnt", "opt", "jenkins", "docker.sock", "systemd", "log"}
        assert "daemon:" not in printed and "PRIVATE KEY" not in printed
        assert printed.count("Read-only file system") == 2

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
    def test_an_ordinary_user_sees_no_credential_either(self) -> None:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            home = Path(folder)
            for name in (*CREDENTIALS, "project/file"):
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                (home / name).write_text("classified" if name in CREDENTIALS else "shown")
            for path in (home, *home.rglob("*")):
                os.chown(path, 65534, 65534)
            env = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
            names = " ".join(f"~/{name}" for name in CREDENTIALS)
            step = PlannedStep(("/bin/sh", "-c", f"cat {names} project/file file; echo done; id -u"))
            argv = WORKING.wrap(step, cwd=str(home / "project"), env=env)
            done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=20, user=65534, group=65534)
        if not done.stdout:
            pytest.skip(f"an ordinary user cannot shut in here: {done.stderr:.100}")
        assert done.stdout == "showndone\n65534\n"

    def test_a_program_in_the_home_is_shown_without_the_keyrings_beside_it(self, tmp_path: Path) -> None:
        tool, keyring = tmp_path / ".local/bin/tool", tmp_path / ".local/share/keyrings/login.keyring"
        for path in (tool, keyring, tmp_path / "project/x"):
            path.parent.mkdir(parents=True)
        keyring.write_text("classified")
        tool.write_text(f"#!/bin/sh\ncat {keyring}; cat $(echo {keyring} | cat); echo done\n")
        tool.chmod(0o755)
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        argv = WORKING.wrap(PlannedStep((str(tool),)), cwd=str(tmp_path / "project"), env=env)
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=20)
        assert (done.stdout, "No such file" in done.stderr) == ("done\n", True)

    def test_a_hidden_folder_inside_a_writable_one_stays_hidden(self, tmp_path: Path) -> None:
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh" / "id_ed25519").write_text("classified")
        _, printed = contained("cat ~/.ssh/id_ed25519; echo x > here", tmp_path, writable=(tmp_path,))
        assert "classified" not in printed
        assert (tmp_path / "here").exists()

    def test_what_the_command_and_its_environment_name_stays_readable(self, tmp_path: Path) -> None:
        wheels, other = tmp_path / "wheels", tmp_path / "other"
        for folder in (wheels, other):
            folder.mkdir()
            (folder / "file").write_text(folder.name)
        cwd = tmp_path / "cwd"
        cwd.mkdir()
        env = {"PATH": "/usr/bin:/bin", "PIP_FIND_LINKS": f"https://index.example {wheels.as_uri()}"}
        step = PlannedStep(("/bin/sh", "-c", f"cat {wheels}/file; cd {tmp_path}; cat other/file"))
        done = subprocess.run(
            WORKING.wrap(step, cwd=str(cwd), env=env), env=env, capture_output=True, check=False, timeout=20
        )
        assert done.stdout == b"wheels"

    def test_a_file_of_certificates_in_a_home_is_in_sight_and_nothing_beside_it(self, tmp_path: Path) -> None:
        certs, project = tmp_path / "certs", tmp_path / "project"
        for folder in (certs, project):
            folder.mkdir()
        (certs / "ca.pem").write_text(PEM)
        (certs / "notes").write_text("classified")
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SSL_CERT_FILE": str(certs / "ca.pem")}
        step = PlannedStep(("/bin/sh", "-c", f"cat {certs}/*; cat {certs}/notes; echo x >> $SSL_CERT_FILE"))
        argv = WORKING.wrap(step, cwd=str(project), env=env)
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=20)
        assert done.stdout == PEM
        assert "Read-only file system" in done.stderr

    @pytest.mark.parametrize(
        ("variable", "named"),
        [
            *product([*NAMED_BY, "PIP_CONSTRAINT", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"], NAMED),
            *product(NAMED_BY, ["", "letters"]),
        ],
    )
    def test_a_variable_shows_no_secret_and_no_folder_of_the_home(
        self, tmp_path: Path, variable: str, named: str
    ) -> None:
        (tmp_path / "project").mkdir()
        (tmp_path / ".ssh").mkdir()
        (tmp_path / "letters").mkdir()
        for name in (".netrc", ".ssh/id_rsa", "private.pem", "letters/one"):
            (tmp_path / name).write_text(f"{PEM if name == 'private.pem' else ''}-----BEGIN RSA PRIVATE KEY-----\n")
        (tmp_path / "link").symlink_to(".ssh/id_rsa")
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), variable: str(tmp_path / named)}
        step = PlannedStep(
            ("/bin/sh", "-c", "cd; cat .netrc .ssh/id_rsa link private.pem letters/one; echo done"), network=True
        )
        argv = WORKING.wrap(step, cwd=str(tmp_path / "project"), env=env)
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=20)
        assert done.stdout == "done\n"

    def test_of_etc_certificates_and_pips_own_settings_are_in_sight_where_they_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "etc").mkdir()
        for name in ("ca.pem", "pip.conf", "secret.conf", "private.pem", "upto"):
            (tmp_path / "etc" / name).write_text(PEM if name.endswith(".pem") else f"[{name}]\n")
        (tmp_path / "etc/private.pem").chmod(0o600)
        (tmp_path / "etc/link.pem").symlink_to("ca.pem")
        named = {
            "SSL_CERT_FILE": "/etc/own/link.pem",
            "PIP_CONFIG_FILE": "/etc/own/pip.conf",
            "PIP_CONSTRAINT": "/etc/own/upto",
        }
        named |= {"PIP_CERT": "/etc/own/private.pem", "PIP_FIND_LINKS": "/etc/own/secret.conf /etc/own /etc"}
        script = "cd /etc/own; ls; cat $SSL_CERT_FILE $PIP_CONFIG_FILE"
        program = (
            "import os; from meshcore.process.sandbox import detect; from meshcore.policy.question import PlannedStep\n"
            f"argv = detect(dict()).wrap(PlannedStep(('/bin/sh', '-c', {script!r})), cwd='/usr', env=os.environ)\n"
            "os.execv(argv[0], argv)"
        )
        # A folder of /etc without touching that of this host.
        etc = ("--dev-bind", "/", "/", "--tmpfs", "/etc", "--ro-bind", str(tmp_path / "etc"), "/etc/own")
        env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), "HOME": "/nowhere", **named}
        argv = (WORKING.program, *etc, sys.executable, "-c", program)
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=20)
        if "bwrap: " in done.stderr:
            pytest.skip(f"nothing can be shut in twice here: {done.stderr:.100}")
        assert done.stdout == f"ca.pem\nlink.pem\npip.conf\nupto\n{PEM}[pip.conf]\n"

    def test_a_link_in_a_temporary_folder_keeps_its_name(self, tmp_path: Path) -> None:
        real, link = tmp_path / "real", tmp_path / "link"
        real.mkdir()
        link.symlink_to(real)
        code, _ = contained(f"echo x > {link}/new", Path("/"), writable=(link,))
        assert code == 0
        assert (real / "new").exists()

    def test_the_exit_code_is_the_commands(self, tmp_path: Path) -> None:
        assert contained("exit 42", tmp_path)[0] == 42


def test_named_paths_are_found_in_options_lists_and_file_addresses(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three with space"))
    for path in (one, two, three):
        path.mkdir()
    argv = ("/usr/bin/tool", f"--find-links={one}", "--x", f"{tmp_path}/absent", "relative")
    found = named_paths(argv, {"PIP_EXTRA_INDEX_URL": f"https://a.example/simple {three.as_uri()}", "HOME": str(two)})
    assert str(one) in found
    assert str(three) in found
    assert str(two) not in found
    assert f"{tmp_path}/absent" not in found
