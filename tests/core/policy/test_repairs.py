"""Each small repair goes unattended in its bounds only, and does there what its program does, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.policy.test_policy import POLICY, question

from meshcore.clock import SystemClock
from meshcore.healing.executor import ApplyResult, Executor
from meshcore.model import Slot
from meshcore.policy import repairs
from meshcore.policy.question import PlannedStep, PolicyVerdict
from meshcore.process.sandbox import Containment, detect

WORKING = detect({})
COPY = ("cp", "config.json.example", "config.json")
NAMED = (Slot("path", "config.json"),)
LOCK = (Slot("path", "{}/.git/index.lock"),)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    (root / "config.json.example").write_text('{"debug": true}\n')
    (root / ".gitignore").write_text("config.json\n.venv\nsettings\n")
    for words in (("init", "-q"), ("add", ".")):
        subprocess.run(("git", *words), cwd=root, check=True)
    return root


def executed(project: Path, plan: tuple[PlannedStep, ...], containment: Containment = WORKING) -> ApplyResult:
    executor = Executor(SystemClock(), project.parent / "state", containment)
    environment = {"HOME": str(project.parent), "PATH": "/usr/bin:/bin"}
    return executor.apply(plan, cwd=str(project), environment=environment)


class TestExamples:
    def ruled(self, project: Path, argv: tuple[str, ...] = COPY, slots: tuple[Slot, ...] = NAMED) -> PolicyVerdict:
        return POLICY.decide(question(project, argv, slots=slots))

    @pytest.mark.parametrize("word", ["config.json", "./config.json", "{}/config.json"])
    def test_a_tracked_example_is_copied_to_the_ignored_file_that_the_error_names(
        self, project: Path, word: str
    ) -> None:
        ruling = self.ruled(project, slots=(Slot("path", word.format(project)),))
        assert (ruling.decision, ruling.action_type) == ("run", "copy_example")
        assert executed(project, ruling.plan).steps[0].exit_code == 0
        assert (project / "config.json").read_text() == '{"debug": true}\n'

    @pytest.mark.parametrize(
        "example",
        ["config.json.sample", "config.json.dist", "config.json.template", "config.example.json", "config.json-example",
         "example.config.json", "sample-config.json", "config-dist.json"],
    )  # fmt: skip
    def test_examples_have_several_names(self, project: Path, example: str) -> None:
        (project / "config.json.example").rename(project / example)
        subprocess.run(("git", "add", "."), cwd=project, check=True)
        assert self.ruled(project, ("cp", example, "config.json")).decision == "run"

    @pytest.mark.parametrize(
        ("argv", "because"),
        [
            (("cp", "config.json.example", "other.json"), "is no example of"),
            (("cp", "config.json", "config.json"), "not on the list"),
            (("cp", "-r", "config.json.example", "config.json"), "not on the list"),
            (("cp", "-f", "config.json.example", "config.json"), "not on the list"),
            (("cp", "../config.json.example", "config.json"), "not on the list"),
            (("cp", "config.json.example", "/srv/config.json"), "not on the list"),
            (("cp", "sub/config.json.example", "config.json"), "is no example of"),
        ],
    )
    def test_any_other_copy_waits(self, project: Path, argv: tuple[str, ...], because: str) -> None:
        ruling = self.ruled(project, argv)
        assert ruling.decision == "approve" and because in " ".join(ruling.reasons)

    def test_nothing_is_copied_over_something(self, project: Path) -> None:
        plan = self.ruled(project).plan
        for make in (lambda: (project / "config.json").write_text("mine"), lambda: self.link(project)):
            make()
            ruling = self.ruled(project)
            assert ruling.decision == "approve" and "is there already" in " ".join(ruling.reasons)
            assert executed(project, plan).steps[0].exit_code != 0, "it came after the decision"
        assert not (project.parent / "elsewhere").exists()

    def link(self, project: Path) -> None:
        assert (project / "config.json").read_text() == "mine"
        (project / "config.json").unlink()
        (project / "config.json").symlink_to(project.parent / "elsewhere")

    def test_an_example_that_git_does_not_track_as_it_is_waits(self, project: Path) -> None:
        (project / "config.json.example").write_text("{}")
        assert "is not as git tracks it" in " ".join(self.ruled(project).reasons)
        (project / "config.json.example").unlink()
        (project / "config.json.example").symlink_to("/etc/hostname")
        subprocess.run(("git", "add", "."), cwd=project, check=True)
        assert self.ruled(project).decision == "approve"

    def test_a_file_that_git_does_not_ignore_waits(self, project: Path) -> None:
        (project / ".gitignore").write_text("")
        assert "git does not ignore config.json" in self.ruled(project).reasons

    def test_a_file_that_the_error_does_not_name_waits(self, project: Path) -> None:
        assert self.ruled(project, slots=(Slot("path", "other.json"),)).decision == "approve"

    def test_a_folder_that_is_a_link_leads_nowhere(self, project: Path) -> None:
        outside = project.parent / "outside"
        outside.mkdir()
        (project / "settings").mkdir()
        (project / "settings.tmp").mkdir()
        (project / "settings.tmp/a.example").write_text("a")
        (project / "settings/a.example").write_text("a")
        subprocess.run(("git", "add", "-f", "settings/a.example"), cwd=project, check=True)
        asked = question(project, ("cp", "settings/a.example", "settings/a"), slots=(Slot("path", "settings/a"),))
        ruling = POLICY.decide(asked)
        assert ruling.decision == "run"
        (project / "settings").rename(project / "was")
        (project / "settings").symlink_to(outside)
        (outside / "a.example").write_text("a")
        assert executed(project, ruling.plan).steps[0].exit_code != 0
        assert not (outside / "a").exists()
        assert POLICY.decide(asked).decision == "approve"

    @pytest.mark.parametrize("name", [".env", "secrets.json", "id_rsa", "token.txt", "server.key", ".npmrc"])
    def test_a_secret_is_never_copied_unasked(self, project: Path, name: str) -> None:
        (project / f"{name}.example").write_text("a")
        (project / ".gitignore").write_text(f"{name}\n")
        subprocess.run(("git", "add", "-f", "."), cwd=project, check=True)
        assert self.ruled(project, ("cp", f"{name}.example", name), (Slot("path", name),)).decision != "run"


class TestScripts:
    ENDS = ("sed", "-i", r"s/\r$//", "run.sh")

    def ruled(self, project: Path, text: bytes, argv: tuple[str, ...] = ENDS, named: str = "./run.sh") -> PolicyVerdict:
        (project / "run.sh").write_bytes(text)
        (project / "run.sh").chmod(0o755)
        return POLICY.decide(question(project, argv, slots=(Slot("path", named),)))

    @pytest.mark.parametrize("argv", [ENDS, ("dos2unix", "run.sh")])
    def test_line_ends_that_hide_the_interpreter_are_mended(self, project: Path, argv: tuple[str, ...]) -> None:
        ruling = self.ruled(project, b"#!/bin/sh\r\necho a\r\n\techo 'b\rc'\r\n", argv)
        assert (ruling.decision, ruling.action_type) == ("run", "mend_script")
        assert executed(project, ruling.plan).steps[0].exit_code == 0
        assert (project / "run.sh").read_bytes() == b"#!/bin/sh\necho a\n\techo 'b\rc'\n"
        assert subprocess.run([str(project / "run.sh")], capture_output=True).stdout == b"a\nb\rc\n"

    @pytest.mark.parametrize(
        ("first", "script"),
        [
            (b"#!/usr/local/bin/no-such/bash", "1s|.*|#!/bin/bash|"),
            (b"#!/opt/none/bin/bash -eu", "1s|^#!.*|#!/usr/bin/env bash|"),
            (b"#!/none/python3.4", "1s,.*,#!/usr/bin/env python3,"),
            (b"#! /none/sh\r", "1s@^#!.*$@#!/bin/sh@"),
        ],
    )
    def test_the_same_interpreter_is_named_where_it_lies(self, project: Path, first: bytes, script: str) -> None:
        ruling = self.ruled(project, first + b"\necho a\n", ("sed", "-i", script, "run.sh"))
        assert ruling.decision == "run"
        assert executed(project, ruling.plan).steps[0].exit_code == 0
        assert (project / "run.sh").read_bytes() == script.split(script[2])[2].encode() + b"\necho a\n"

    @pytest.mark.parametrize(
        ("text", "script"),
        [
            (b"echo a\necho b\n", "1s|.*|#!/bin/bash|"),
            (b"#!/usr/bin/python3\nimport os\n", "1s|.*|#!/bin/bash|"),
            (b"#!/usr/bin/env ruby\nputs\n", "1s|.*|#!/usr/bin/env node|"),
            (b"#!/none/ruby\nputs\n", "1s|.*|#!/none/ruby|"),
            (b"#!/none/bash\n", "1s|.*|#!/bin/bash -c id|"),
            (b"#!/none/bash\n", "1s|.*|#!/bin/bash|w x"),
            (b"#!/none/bash\n", "1s|.*|#!/bin/bash|e"),
            (b"#!/none/bash\n", "2s|.*|#!/bin/bash|"),
            (b"#!/none/bash\n", "s|.*|#!/bin/bash|"),
            (b"#!/none/bash\n", "1s|.*|#!/bin/bash|\n1e id"),
            (b"#!/bin/sh\necho a\r\n", r"s/\r$//"),
            (b"echo a\r\n", r"s/\r$//"),
            (b"#!/bin/sh\r\n", r"s/\r//g"),
            (b"#!/bin/sh\r\n", r"s/\r$//e"),
            (b"", r"s/\r$//"),
        ],
    )
    def test_any_other_edit_waits(self, project: Path, text: bytes, script: str) -> None:
        assert self.ruled(project, text, ("sed", "-i", script, "run.sh")).decision != "run"
        assert (project / "run.sh").read_bytes() == text

    def test_a_script_that_the_error_does_not_name_or_that_is_a_link_waits(self, project: Path) -> None:
        text = b"#!/bin/sh\r\n"
        assert self.ruled(project, text, named="./other.sh").decision == "approve"
        plan = self.ruled(project, text).plan
        (project / "run.sh").rename(project.parent / "outside.sh")
        (project / "run.sh").symlink_to(project.parent / "outside.sh")
        asked = question(project, self.ENDS, slots=(Slot("path", "./run.sh"),))
        assert POLICY.decide(asked).decision == "approve"
        assert executed(project, plan).steps[0].exit_code != 0
        assert (project.parent / "outside.sh").read_bytes() == text

    @pytest.mark.parametrize(
        "name", ["deploy_token.sh", ".bashrc", ".git/hooks/pre-commit", "../run.sh", "/etc/init.d/x"]
    )
    def test_no_secret_and_nothing_elsewhere_is_edited(self, project: Path, name: str) -> None:
        asked = question(project, ("sed", "-i", r"s/\r$//", name), slots=(Slot("path", name),))
        assert POLICY.decide(asked).decision != "run"


class TestLocks:
    @pytest.fixture(autouse=True)
    def nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let no process of this machine's git hold anything: what runs beside the tests is not theirs."""
        monkeypatch.setattr(repairs, "_held", lambda lock: "")

    @pytest.fixture
    def lock(self, project: Path) -> Path:
        path = project / ".git/index.lock"
        path.touch()
        self.age(path, 3600)
        return path

    def age(self, path: Path, seconds: float) -> None:
        os.utime(path, (time.time() - seconds,) * 2)

    def ruled(self, project: Path, word: str = ".git/index.lock", *, cwd: str = "") -> PolicyVerdict:
        slots = (Slot("path", f"{project}/.git/index.lock"),)
        return POLICY.decide(replace(question(project, ("rm", "-f", word), slots=slots), inner_cwd=cwd))

    @pytest.mark.parametrize("word", [".git/index.lock", "./.git/index.lock", "{}/.git/index.lock"])
    def test_an_old_lock_of_this_repository_is_removed(self, project: Path, lock: Path, word: str) -> None:
        ruling = self.ruled(project, word.format(project))
        assert (ruling.decision, ruling.action_type) == ("run", "remove_stale_lock")
        assert executed(project, ruling.plan).steps[0].exit_code == 0
        assert not lock.exists() and (project / ".git/index").exists()

    def test_it_is_found_from_a_folder_below(self, project: Path, lock: Path) -> None:
        ruling = self.ruled(project, str(lock), cwd=str(project / "sub"))
        assert ruling.decision == "run"
        assert executed(project, ruling.plan).steps[0].exit_code == 0 and not lock.exists()

    def test_a_young_lock_waits_and_is_not_removed_by_what_was_decided_before(self, project: Path, lock: Path) -> None:
        plan = self.ruled(project).plan
        self.age(lock, 60)
        ruling = self.ruled(project)
        assert ruling.decision == "approve" and "younger than 10 minutes" in " ".join(ruling.reasons)
        assert executed(project, plan).steps[0].exit_code != 0 and lock.exists()
        assert executed(project, ruling.plan).steps[0].exit_code == 0, "a person has said so"

    def test_a_lock_that_is_a_link_a_pipe_or_not_there_waits(self, project: Path, lock: Path) -> None:
        plan, other = self.ruled(project).plan, project / "other"
        lock.rename(other)
        assert self.ruled(project).decision == "approve"
        lock.symlink_to(other)
        assert self.ruled(project).decision == "approve"
        assert executed(project, plan).steps[0].exit_code != 0 and other.exists() and lock.is_symlink()
        lock.unlink()
        os.mkfifo(lock)
        assert self.ruled(project).decision == "approve"

    def test_a_repository_that_is_a_link_waits(self, project: Path, lock: Path) -> None:
        plan = self.ruled(project).plan
        (project / ".git").rename(project.parent / "elsewhere")
        (project / ".git").symlink_to(project.parent / "elsewhere")
        assert self.ruled(project).decision == "approve"
        assert executed(project, plan).steps[0].exit_code != 0
        assert (project.parent / "elsewhere/index.lock").exists()

    def test_another_repositorys_lock_waits(self, project: Path, lock: Path, tmp_path: Path) -> None:
        other = tmp_path / "other"
        subprocess.run(("git", "init", "-q", str(other)), check=True)
        (other / ".git/index.lock").touch()
        self.age(other / ".git/index.lock", 3600)
        assert self.ruled(project, str(other / ".git/index.lock")).decision == "approve"
        assert self.ruled(project, "../other/.git/index.lock").decision == "approve"

    @pytest.mark.parametrize(
        "word", [".git/HEAD.lock", ".git/config", ".git", "index.lock", ".git/refs/heads/main.lock"]
    )
    def test_no_other_file_of_git_is_removed(self, project: Path, lock: Path, word: str) -> None:
        assert self.ruled(project, word).decision != "run"


class TestWhoHoldsALock:
    def test_a_process_that_has_it_open_holds_it(self, tmp_path: Path) -> None:
        path = tmp_path / "index.lock"
        with path.open("w"):
            assert repairs._held(path.stat()) != ""

    def test_a_process_of_git_may_hold_any(self, tmp_path: Path) -> None:
        (tmp_path / "git").symlink_to("/bin/sleep")
        with subprocess.Popen([str(tmp_path / "git"), "30"]) as running:
            try:
                while Path(f"/proc/{running.pid}/comm").read_text().strip() != "git":
                    pass  # the system names a process a moment after it has begun
                assert "git process" in repairs._held(tmp_path.stat())
            finally:
                running.kill()


class TestEnvironments:
    ARGV = ("python3", "-m", "venv", ".venv")

    def ruled(self, project: Path, argv: tuple[str, ...] = ARGV, *, called: str = ".venv/bin/python") -> PolicyVerdict:
        asked = question(project, argv)
        asked = replace(asked, incident=replace(asked.incident, argv=(called, "app.py")))
        return POLICY.decide(asked, contained=True)

    @pytest.mark.parametrize("called", [".venv/bin/python", "./.venv/bin/pytest", "{}/.venv/bin/python"])
    def test_an_environment_whose_program_was_called_is_made_where_none_is(self, project: Path, called: str) -> None:
        ruling = self.ruled(project, called=called.format(project))
        assert (ruling.decision, ruling.action_type) == ("run", "make_environment")
        assert ruling.plan[0].argv[1:] == ("-I", "-m", "venv", ".venv")

    @pytest.mark.parametrize(
        ("sourced", "decision"),
        [
            (".venv/bin/activate", "run"),
            (".venv/bin/other", "approve"),
            ("venv/bin/activate", "approve"),
            ("x/.venv/bin/activate", "approve"),
        ],
    )
    def test_one_that_was_to_be_activated_is_made(self, project: Path, sourced: str, decision: str) -> None:
        asked = replace(question(project, self.ARGV), inner_argv=("source", sourced))
        assert POLICY.decide(asked, contained=True).decision == decision
        (project / ".venv").mkdir()
        assert POLICY.decide(asked, contained=True).decision == "approve"

    @pytest.mark.skipif(not WORKING.program or sys.platform != "linux", reason="no containment here")
    def test_a_module_of_the_project_is_not_taken_for_pythons(self, project: Path) -> None:
        for name in ("venv.py", "sitecustomize.py"):
            (project / name).write_text(f"open({str(project / 'pwned')!r}, 'w')\n")
        (step,) = self.ruled(project).plan
        done = executed(project, (replace(step, argv=(*step.argv, "--without-pip")),)).steps[0]  # pip takes 10 s
        assert done.exit_code == 0 and (project / ".venv/pyvenv.cfg").exists(), done.output
        assert not (project / "pwned").exists()

    @pytest.mark.parametrize(
        "called", ["python", "/usr/bin/python3", "venv/bin/python", ".venv/bin/../python", "x/.venv/bin/python"]
    )
    def test_one_that_nothing_called_waits(self, project: Path, called: str) -> None:
        assert self.ruled(project, called=called).decision == "approve"

    def test_one_that_is_there_or_a_link_waits(self, project: Path) -> None:
        (project / ".venv").symlink_to("/nowhere")
        assert "is there already" in " ".join(self.ruled(project).reasons)

    @pytest.mark.parametrize(
        "words", ["--clear .venv", "../.venv", "/tmp/.venv", ". ", "src", "--system-site-packages .venv"]
    )
    def test_no_other_folder_and_no_option(self, project: Path, words: str) -> None:
        assert self.ruled(project, ("python3", "-m", "venv", *words.split())).decision != "run"
