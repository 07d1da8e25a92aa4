"""From a run to an incident: what is kept, what is taken out, and where it happened."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from meshcore.healing.capture import (
    EXCERPT_LIMIT,
    capture_incident,
    environment_python,
    kept_environment,
    project_root,
    readable,
    step_result,
)
from meshcore.healing.circumstances import circumstances, family_of, os_family
from meshcore.model import AgentInfo, Circumstances, Incident
from meshcore.process.passthrough import Passed

AGENT = AgentInfo("ci@build2", "ci", "build2")
FAKE_TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
TRACE = b"""Traceback (most recent call last):
  File "app.py", line 1, in <module>
ModuleNotFoundError: No module named 'django'
"""


def passed(output: bytes, *, truncated: bool = False) -> Passed:
    return Passed(1, output, truncated, "2026-11-22T08:00:00.000Z", "2026-11-22T08:00:01.000Z", 1.0, "null")


def incident(output: bytes, argv: tuple[str, ...] = ("python", "app.py"), **env: str) -> Incident:
    return capture_incident(passed(output), argv, cwd="/", env={"PATH": "/usr/bin:/bin", **env}, agent=AGENT)


def make_venv(folder: Path) -> Path:
    """Make the outline of a virtual environment and return its python."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    python = folder / "bin" / "python"
    python.symlink_to(sys.executable)
    return python


def program(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


class TestIncident:
    def test_it_says_what_failed_where_and_how_it_reads(self) -> None:
        it = incident(TRACE, LANG="C.UTF-8")
        assert it.signature.error_type == "ModuleNotFoundError"
        assert "django" in [slot.value for slot in it.signature.slots]
        assert (it.argv, it.cwd, it.exit_code, it.agent) == (("python", "app.py"), "/", 1, AGENT)
        assert (it.opened, it.state, it.stdin) == ("2026-11-22T08:00:01.000Z", "open", "null")
        assert it.excerpt == TRACE.decode()
        assert it.environment["LANG"] == "C.UTF-8"
        assert len(it.incident_id) == 16
        assert it.incident_id != incident(TRACE).incident_id

    @pytest.mark.parametrize(
        ("text", "whole"),
        [
            ("cd .\npython app.py\n", True),
            ("python - <<'EOF'\nif True:\n\timport django\nEOF", True),
            ("python\r\napp.py", False),
            ("echo \x1b[2J; python app.py", False),
            ("echo \u202e; python app.py", False),
        ],
    )
    def test_a_command_of_several_lines_is_kept_as_it_was_typed(self, text: str, whole: bool) -> None:
        it = incident(TRACE, ("bash", "-c", text))
        assert (it.argv == ("bash", "-c", text)) is whole
        assert it.argv_redacted is not whole

    def test_secrets_are_taken_out_of_output_and_command(self) -> None:
        it = incident(f"login with {FAKE_TOKEN} failed\nError: denied\n".encode(), ("tool", "--token", FAKE_TOKEN))
        assert FAKE_TOKEN not in repr(it)
        assert it.argv_redacted

    def test_a_secret_with_terminal_colours_in_it_is_found(self) -> None:
        coloured = FAKE_TOKEN[:12] + "\x1b[1m" + FAKE_TOKEN[12:]
        assert FAKE_TOKEN[12:] not in incident(f"got {coloured}\n".encode()).excerpt

    def test_a_command_that_needed_no_change_may_be_executed_from_the_record(self) -> None:
        assert not incident(TRACE).argv_redacted

    def test_control_characters_in_a_command_bar_it_from_execution(self) -> None:
        it = incident(TRACE, ("tool", "a\x1b[2Jb"))
        assert it.argv_redacted
        assert "\x1b" not in it.argv[1]

    def test_the_excerpt_is_the_end(self) -> None:
        it = incident(b"x" * 50_000 + b"\nlast words\n")
        assert len(it.excerpt) == EXCERPT_LIMIT
        assert it.excerpt.endswith("last words\n")


class TestReadable:
    def test_bytes_that_are_no_text_and_controls_become_visible(self) -> None:
        text = readable(b"ok \xff\xfe \x1b[31mred\x1b[0m\x07\r\nprogress 1\rprogress 2\n")
        assert (
            text
            == "ok \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} red\N{SYMBOL FOR BELL}\nprogress 1\nprogress 2\n"
        )

    def test_half_a_line_at_the_cut_is_left_out(self) -> None:
        half = FAKE_TOKEN[6:].encode()
        assert readable(half + b" tail\nnext\n", truncated=True) == "next\n"
        assert FAKE_TOKEN[6:] not in readable(half + b" " * 20_000, truncated=True)

    def test_no_text_is_no_text(self) -> None:
        assert readable(b"") == ""

    def test_a_rerun_is_told_without_secrets(self) -> None:
        step = step_result(("python", "app.py"), passed(f"{FAKE_TOKEN} ok\n".encode()))
        assert FAKE_TOKEN not in step.output
        assert (step.exit_code, step.seconds) == (1, 1.0)


class TestKeptEnvironment:
    def test_only_listed_variables_without_secrets_are_kept(self) -> None:
        kept = kept_environment(
            {
                "PATH": "/bin",
                "LC_ALL": "C",
                "LC_SECRET": "x",
                "GITHUB_TOKEN": "x",
                "NODE_ENV": FAKE_TOKEN,
                "COLOUR": "blue",
            }
        )
        assert kept == {"PATH": "/bin", "LC_ALL": "C"}


class TestEnvironmentPython:
    def test_the_environment_of_a_python_named_by_its_path(self, tmp_path: Path) -> None:
        python = make_venv(tmp_path / "venv")
        assert environment_python([str(python), "x.py"], {}, "/") == str(python)
        assert environment_python(["venv/bin/python"], {}, str(tmp_path)) == str(python)

    def test_the_environment_in_which_a_program_was_called_that_is_not_there(self, tmp_path: Path) -> None:
        python = make_venv(tmp_path / "venv")
        make_venv(tmp_path / ".venv")
        assert environment_python(["venv/bin/gunicorn", "x:app"], {}, str(tmp_path)) == str(python)
        for other in ("gunicorn", "bin/gunicorn", "venv/lib/gunicorn", "gone/bin/gunicorn", "venv/bin/x/gunicorn"):
            assert environment_python([other], {"PATH": "/usr/bin"}, str(tmp_path)) == "", other

    def test_the_environment_of_a_python_found_on_the_path(self, tmp_path: Path) -> None:
        python = make_venv(tmp_path / "venv")
        assert environment_python(["python", "x.py"], {"PATH": f"{python.parent}:/usr/bin"}, "/") == str(python)

    def test_a_variable_alone_does_not_make_another_python_the_environments(self, tmp_path: Path) -> None:
        make_venv(tmp_path / "venv")
        other = program(tmp_path / "system" / "python3", "#!/bin/sh\n")
        env = {"VIRTUAL_ENV": str(tmp_path / "venv"), "PATH": str(Path(other).parent)}
        assert environment_python(["python3", "x.py"], env, str(tmp_path)) == ""

    @pytest.mark.parametrize("form", ["#!{python}\n", "#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\n"])
    def test_a_console_script_belongs_to_the_environment_it_names(self, tmp_path: Path, form: str) -> None:
        python = make_venv(tmp_path / "venv")
        script = program(tmp_path / "tools" / "django-admin", form.format(python=python))
        assert environment_python([script], {"PATH": "/usr/bin"}, "/") == str(python)

    def test_a_script_through_env_belongs_to_what_the_path_says(self, tmp_path: Path) -> None:
        python = make_venv(tmp_path / "venv")
        script = program(tmp_path / "manage.py", "#!/usr/bin/env python\n")
        assert environment_python([script], {"PATH": str(python.parent)}, "/") == str(python)
        assert environment_python([script], {"PATH": "/nowhere"}, "/") == ""

    def test_another_program_runs_in_the_active_environment_if_there_is_one(self, tmp_path: Path) -> None:
        python = make_venv(tmp_path / "venv")
        assert environment_python(["/bin/sh", "-c", "python x"], {"PATH": str(python.parent)}, "/") == str(python)
        assert environment_python(["/bin/sh", "-c", "python x"], {"PATH": "/nowhere"}, str(tmp_path)) == ""
        assert environment_python(["pytest"], {"PATH": str(python.parent)}, "/") == str(python)

    def test_uv_run_means_the_projects_environment(self, tmp_path: Path) -> None:
        python = make_venv(tmp_path / ".venv")
        (tmp_path / "pyproject.toml").write_text("")
        (tmp_path / "src").mkdir()
        uv = program(tmp_path / "tools" / "uv", "")
        assert environment_python([uv, "run", "app"], {}, str(tmp_path / "src")) == str(python)

    def test_no_command_has_no_environment(self) -> None:
        assert environment_python([], {}, "/") == ""


class TestSurroundings:
    def test_a_project_is_the_nearest_folder_with_a_mark(self, tmp_path: Path) -> None:
        inner = tmp_path / "project" / "src" / "deep"
        inner.mkdir(parents=True)
        (tmp_path / "project" / "pyproject.toml").write_text("")
        assert project_root(str(inner)) == str(tmp_path / "project")
        assert project_root("/") == ""

    def test_a_home_folder_is_no_project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / ".git").mkdir()
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "sub").mkdir()
        assert project_root(str(tmp_path / "sub")) == ""

    @pytest.mark.parametrize(
        ("text", "family"),
        [
            ('ID=debian\nVERSION="12"\n', "debian"),
            ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "debian"),
            ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "redhat"),
            ("ID=opensuse-leap\n", "suse"),
            ("ID=something\n", ""),
            ("", ""),
        ],
    )
    def test_the_family_is_that_of_the_release_file(self, text: str, family: str) -> None:
        assert family_of(text) == family

    def test_circumstances_tell_environment_and_system_apart(self, tmp_path: Path) -> None:
        (tmp_path / "Makefile").write_text("")
        inside = circumstances(("/x/python3.11", "app.py"), str(tmp_path), "/x/python")
        assert inside == Circumstances(os_family(), "python", "python", "venv", "yes")
        assert circumstances(("python",), "/", "").scope == "system"
        assert circumstances(("npm", "test"), "/", "") == Circumstances(os_family(), "npm", "node", "", "no")
        assert circumstances((), "/", "") == Circumstances(os_family(), "", "", "", "no")


def test_a_large_output_is_read_at_its_beginning_and_end() -> None:
    lines = b"".join(b"%d %s\n" % (i, FAKE_TOKEN.encode()) for i in range(6000))
    it = incident(lines + TRACE)
    assert len(it.excerpt) == EXCERPT_LIMIT
    assert it.signature.error_type == "ModuleNotFoundError"
    assert FAKE_TOKEN[8:] not in it.excerpt
