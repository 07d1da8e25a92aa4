"""What uv would install unasked is read first; where uv is not to be used or does not work, pip does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from meshcore.healing.wheels_by_uv import find_uv, look_into_by_uv, of_this_host, pip_sources
from meshcore.model import StepResult
from meshcore.policy.question import PlannedStep

BEFORE = "2026-11-20T00:00:00Z"
NO_PIP: Mapping[str, str] = {"PIP_CONFIG_FILE": "/dev/null"}


@dataclass
class Uv:
    """Answers as uv does; `files` are what it unpacks, `fails` what its first call says instead."""

    files: tuple[str, ...] = ("six.py", "six-1.0.dist-info/RECORD")
    fails: list[str] = field(default_factory=list)
    said: str = " + six==1.0"
    calls: list[PlannedStep] = field(default_factory=list)

    def __call__(self, step: PlannedStep) -> StepResult:
        self.calls.append(step)
        if self.fails:
            return StepResult(step.argv, 1, 0.1, self.fails.pop(0))
        if "--target" in step.argv:
            look = Path(step.argv[step.argv.index("--target") + 1])
            for name in self.files:
                (look / name).parent.mkdir(parents=True, exist_ok=True)
                (look / name).touch()
        return StepResult(step.argv, 0, 0.1, self.said)


def link_mode(step: PlannedStep) -> str:
    return step.argv[step.argv.index("--link-mode") + 1] if "--link-mode" in step.argv else ""


@pytest.fixture
def step(tmp_path: Path) -> PlannedStep:
    (tmp_path / "venv/lib/python3.11/site-packages/other-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "venv/lib/python3.11/site-packages/other.py").touch()
    (tmp_path / "venv/lib/python3.11/site-packages/other-1.0.dist-info/RECORD").touch()
    pip = (str(tmp_path / "venv/bin/python"), "-I", "-m", "pip", "install", "--only-binary=:all:", "six")
    return PlannedStep(pip, (str(tmp_path / "venv"),), True, folder="/", wheels=True)


def test_what_was_read_is_installed_from_the_private_cache_alone(step: PlannedStep, tmp_path: Path) -> None:
    uv = Uv()
    looked = look_into_by_uv(step, tmp_path, uv, "/u/uv", NO_PIP, BEFORE)
    assert looked is not None and looked.step is not None and not looked.waits
    assert looked.step.argv[-2:] == ("--", "six==1.0") and "--offline" in looked.step.argv and not looked.step.network
    for one in (*uv.calls, looked.step):
        words = " ".join(one.argv)
        assert f"--exclude-newer {BEFORE}" in words and "--only-binary :all:" in words and "--no-config" in words
        assert f"--python {step.argv[0]}" in words and one.argv[0] == "/u/uv"
    assert [link_mode(one) for one in (*uv.calls, looked.step)] == ["", "hardlink", "copy"]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (("evil.pth",), "runs with every Python"), (("sitecustomize.py",), "runs with every Python"),
        (("bin/python3",), "a program named python3"), (("lib/python3.11/site-packages/x.py",), "into the environment"),
        (("other.py",), "of another package"),
    ],
)  # fmt: skip
def test_what_reaches_beyond_its_own_package_waits(
    step: PlannedStep, tmp_path: Path, files: tuple[str, ...], why: str
) -> None:
    looked = look_into_by_uv(step, tmp_path, Uv((*files, "six-1.0.dist-info/RECORD")), "/u/uv", NO_PIP, BEFORE)
    assert looked is not None and looked.step is None and why in looked.waits


def test_a_version_of_yesterday_waits_and_says_so(step: PlannedStep, tmp_path: Path) -> None:
    uv = Uv(fails=["hint: `six` was filtered by `exclude-newer`"])
    looked = look_into_by_uv(step, tmp_path, uv, "/u/uv", NO_PIP, BEFORE)
    assert looked is not None and looked.step is None
    assert "published before 2026-11-20; package_cooldown_days" in looked.waits


def test_files_of_this_host_have_no_date_and_nothing_else_is_looked_at_then(step: PlannedStep, tmp_path: Path) -> None:
    uv = Uv(fails=["warning: `six-1.0.whl` is missing an upload date\nfiltered by `exclude-newer`"])
    environment = {**NO_PIP, "PIP_EXTRA_INDEX_URL": "file:///own https://remote/simple"}
    looked = look_into_by_uv(step, tmp_path, uv, "/u/uv", environment, BEFORE)
    assert looked is not None and looked.step is not None
    words = " ".join(looked.step.argv)
    assert "--default-index file:///own" in words and "remote" not in words and "--exclude-newer" not in words


@pytest.mark.parametrize("output", ["Segmentation fault", "error: unexpected argument '--no-config'", ""])
def test_a_broken_uv_leaves_it_to_pip(step: PlannedStep, tmp_path: Path, output: str) -> None:
    assert look_into_by_uv(step, tmp_path, Uv(fails=[output]), "/u/uv", NO_PIP, BEFORE) is None


def test_what_would_replace_something_is_left_to_pip(step: PlannedStep, tmp_path: Path) -> None:
    assert look_into_by_uv(step, tmp_path, Uv(said=" - other==1.0\n + other==2.0"), "/u/uv", NO_PIP, BEFORE) is None
    assert look_into_by_uv(step, tmp_path, Uv(said=" + six==1.0\n + -x==1"), "/u/uv", NO_PIP, "") is None


def test_pips_sources_are_told_or_pip_is_asked(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://own/simple\nretries = 3\n[install]\nno-index = no\n"
    )
    environment = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "none")}
    told = pip_sources({**environment, "PIP_FIND_LINKS": "/a /b"}, str(tmp_path))
    assert told is not None and told[-6:] == (
        "--default-index", "https://own/simple", "--find-links", "/a", "--find-links", "/b"
    )  # fmt: skip
    assert pip_sources({**environment, "PIP_TRUSTED_HOST": "own"}, str(tmp_path)) is None
    assert pip_sources({**environment, "PIP_INDEX_URL": "--evil"}, str(tmp_path)) is None
    assert pip_sources(NO_PIP, str(tmp_path)) == ()
    assert of_this_host(("--default-index", "https://own/simple")) == ()


def test_a_uv_that_others_could_have_put_there_is_none(tmp_path: Path) -> None:
    project, venv, good = tmp_path / "project", tmp_path / "project/.venv", tmp_path / "good"
    for folder in (project / "bin", venv / "bin", good):
        folder.mkdir(parents=True)
        (folder / "uv").write_text("#!/bin/sh\n")
        (folder / "uv").chmod(0o755)

    def found(*folders: Path | str) -> str:
        return find_uv({"PATH": ":".join(map(str, folders))}, str(venv), str(project))

    assert found(project / "bin", good) == str(good / "uv")
    assert found(venv / "bin", good) == str(venv / "bin/uv")
    assert found("bin", "") == ""
    good.chmod(0o777)
    assert found(good) == ""
