"""What uv would install unasked is read first; where uv is not to be used or does not work, pip does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from meshcore.healing.wheels_by_uv import as_pip_trusts, find_uv, look_into_by_uv, of_this_host
from meshcore.model import StepResult
from meshcore.policy.question import PlannedStep

BEFORE = "2026-11-20T00:00:00Z"
NO_PIP: Mapping[str, str] = {"PIP_CONFIG_FILE": "/dev/null"}


@dataclass
class Uv:
    """Answers as uv does; `files` are what it unpacks, `fails` what its first call says instead."""

    files: tuple[str, ...] = ("six.py", "six-1.0.dist-info/RECORD")
    fails: list[str] = field(default_factory=list)
    code: int = 1
    said: str = " + six==1.0"
    calls: list[PlannedStep] = field(default_factory=list)

    def __call__(self, step: PlannedStep) -> StepResult:
        self.calls.append(step)
        if self.fails:
            return StepResult(step.argv, self.code, 0.1, self.fails.pop(0))
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
    (tmp_path / "venv/lib/python3.11/site-packages/shared/inner").mkdir(parents=True)
    (tmp_path / "venv/lib/python3.11/site-packages/shared/inner/one.py").touch()
    (tmp_path / "venv/lib/python3.11/site-packages/other-1.0.dist-info/RECORD").touch()
    pip = (str(tmp_path / "venv/bin/python"), "-I", "-m", "pip", "install", "--only-binary=:all:", "six")
    return PlannedStep(pip, (str(tmp_path / "venv"),), True, folder="/", wheels=True)


def test_what_was_read_is_installed_from_the_private_cache_alone(step: PlannedStep, tmp_path: Path) -> None:
    uv = Uv()
    looked = look_into_by_uv(step, tmp_path, uv, "/u/uv", NO_PIP, BEFORE)
    assert looked.step is not None and not looked.waits
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
        (("other.py",), "of another package"), (("shared/inner/one.py", "shared/mine.py"), "of another package"),
    ],
)  # fmt: skip
def test_what_reaches_beyond_its_own_package_waits(
    step: PlannedStep, tmp_path: Path, files: tuple[str, ...], why: str
) -> None:
    looked = look_into_by_uv(step, tmp_path, Uv((*files, "six-1.0.dist-info/RECORD")), "/u/uv", NO_PIP, BEFORE)
    assert looked.step is None and why in looked.waits


def test_a_version_of_yesterday_waits_and_says_so(step: PlannedStep, tmp_path: Path) -> None:
    uv = Uv(fails=["hint: `six` was filtered by `exclude-newer`"])
    looked = look_into_by_uv(step, tmp_path, uv, "/u/uv", NO_PIP, BEFORE)
    assert looked.step is None
    assert "published before 2026-11-20; package_cooldown_days" in looked.waits


def test_files_of_this_host_have_no_date_and_nothing_else_is_looked_at_then(step: PlannedStep, tmp_path: Path) -> None:
    uv = Uv(fails=["warning: `six-1.0.whl` is missing an upload date\nfiltered by `exclude-newer`"])
    environment = {**NO_PIP, "PIP_EXTRA_INDEX_URL": "file:///own https://remote/simple"}
    looked = look_into_by_uv(step, tmp_path, uv, "/u/uv", environment, BEFORE)
    assert looked.step is not None
    words = " ".join(looked.step.argv)
    assert "--default-index file:///own" in words and "remote" not in words and "--exclude-newer" not in words


@pytest.mark.parametrize("output", ["Segmentation fault", "error: unexpected argument '--no-config'", ""])
def test_a_broken_uv_leaves_it_to_pip(step: PlannedStep, tmp_path: Path, output: str) -> None:
    looked = look_into_by_uv(step, tmp_path, Uv(fails=[output]), "/u/uv", NO_PIP, BEFORE)
    assert (looked.step, looked.waits, [one.output for one in looked.done]) == (None, "", [output])


def test_an_older_uv_that_repeats_its_options_does_not_wait_for_a_package(step: PlannedStep, tmp_path: Path) -> None:
    usage = "error: unexpected argument '--default-index' found\nUsage: uv pip install --exclude-newer <EXCLUDE_NEWER>"
    looked = look_into_by_uv(step, tmp_path, Uv(fails=[usage], code=2), "/u/uv", NO_PIP, BEFORE)
    assert (looked.step, looked.waits) == (None, "")


def test_what_would_replace_something_is_left_to_pip(step: PlannedStep, tmp_path: Path) -> None:
    for said in (" - other==1.0\n + other==2.0", " + six==1.0\n + -x==1"):
        looked = look_into_by_uv(step, tmp_path, Uv(said=said), "/u/uv", NO_PIP, BEFORE)
        assert (looked.step, looked.waits) == (None, "")


def test_where_nothing_is_missing_uv_has_to_say_so(step: PlannedStep, tmp_path: Path) -> None:
    looked = look_into_by_uv(step, tmp_path, Uv(said="Would make no changes"), "/u/uv", NO_PIP, BEFORE)
    assert looked.step is not None and looked.step.argv[-2:] == ("--", "six") and not looked.step.network
    assert look_into_by_uv(step, tmp_path, Uv(said="fine"), "/u/uv", NO_PIP, BEFORE).step is None


def told(step: PlannedStep, folder: Path, environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the options about sources that uv gets; None where it is not asked."""
    uv = Uv()
    look_into_by_uv(step, folder, uv, "/u/uv", environment, "")
    words = uv.calls[0].argv if uv.calls else ()
    return words[words.index(":all:") + 1 : words.index("--")] if words else None


def test_pips_sources_are_told_or_pip_is_asked(step: PlannedStep, tmp_path: Path) -> None:
    (tmp_path / "venv/pip.conf").write_text(
        "[global]\nindex-url = https://own/simple\nretries = 3\ncert = /ca.pem\n[install]\nno-index = no\n"
    )
    environment = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "none")}
    assert told(step, tmp_path, {**environment, "PIP_FIND_LINKS": "/a /b"}) == (
        "--default-index", "https://own/simple", "--find-links", "/a", "--find-links", "/b"
    )  # fmt: skip
    assert told(step, tmp_path, {**environment, "PIP_TRUSTED_HOST": "own"}) is None
    assert told(step, tmp_path, {**environment, "PIP_INDEX_URL": "--evil"}) is None
    assert told(step, tmp_path, NO_PIP) == ()
    assert of_this_host(("--default-index", "https://own/simple")) == ()


@pytest.mark.parametrize("variable", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_uv_trusts_whom_pip_trusts(variable: str, tmp_path: Path) -> None:
    others = {"HOME": "/home/bob", "SSL_CERT_FILE": "/other.pem", "SSL_CERT_DIR": "/others"}
    assert as_pip_trusts({**others, variable: "/ca.pem"}) == {
        "HOME": "/home/bob", variable: "/ca.pem", "SSL_CERT_FILE": "/ca.pem"
    }  # fmt: skip
    assert as_pip_trusts({variable: str(tmp_path)})["SSL_CERT_DIR"] == str(tmp_path)


def test_told_nothing_uv_trusts_whom_the_host_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshcore.healing.wheels_by_uv._LISTS_OF_HOSTS", (str(tmp_path),))
    assert as_pip_trusts({"HOME": "/x"}) == {"HOME": "/x", "UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}
    for said in ({"SSL_CERT_FILE": "/ca.pem"}, {"SSL_CERT_DIR": "/cas"}, {"UV_SYSTEM_CERTS": "false"}):
        assert as_pip_trusts(said) == said
    monkeypatch.setattr("meshcore.healing.wheels_by_uv._LISTS_OF_HOSTS", (str(tmp_path / "none"),))
    assert as_pip_trusts({"HOME": "/x"}) == {"HOME": "/x"}


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
