"""What would be installed unasked is read first: a wheel that reaches beyond its own package waits for a person."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from meshcore.clock import SystemClock
from meshcore.healing.executor import ApplyResult, Executor
from meshcore.healing.wheels import reach
from meshcore.policy.question import PlannedStep
from meshcore.process.sandbox import Containment

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"


def make_wheel(
    folder: Path, name: str = "pkg", files: Mapping[str, str] | None = None, *, version: str = "1.0", requires: str = ""
) -> Path:
    """Make a wheel without any tool."""
    folder.mkdir(exist_ok=True)
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    contents = {
        f"{name}/__init__.py": "",
        f"{info}/METADATA": METADATA.format(name=name, version=version, requires=requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **(files or {}),
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in contents.items():
            wheel.writestr(file, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in contents))
    return path


@pytest.mark.parametrize(
    "file",
    [
        "evil.pth",
        "EVIL.PTH",
        "pkg.egg-link",
        "sitecustomize.py",
        "usercustomize/__init__.py",
        "sitecustomize.cpython-311-x86_64-linux-gnu.so",
        "pkg-1.0.data/purelib/evil.pth",
        "pkg-1.0.data/platlib/sitecustomize.py",
        "pkg-1.0.data/data/lib/python3.11/site-packages/evil.pth",
        "pkg-1.0.data/data/pyvenv.cfg",
        "pkg-1.0.data/data/bin/ls",
        "pkg-1.0.data/scripts/python",
        "pkg-1.0.data/scripts/python3.11",
        "pkg-1.0.data/scripts/pip",
        "pkg-1.0.data/scripts/activate",
        "../evil.py",
        "pkg/../../evil.pth",
        "/etc/evil",
        "requests/__init__.py",
        "requests.py",
    ],
)
def test_a_wheel_that_reaches_beyond_its_package_is_told(tmp_path: Path, file: str) -> None:
    site = tmp_path / "venv/lib/python3.11/site-packages"
    (site / "requests").mkdir(parents=True)
    (site / "requests/__init__.py").touch()
    (site / "requests.py").touch()
    assert reach(make_wheel(tmp_path, files={file: ""}), tmp_path / "venv")


@pytest.mark.parametrize("name", ["python", "pip", "pip3.11", "activate", "Python"])
def test_an_entry_point_may_not_take_a_name_of_the_environment(tmp_path: Path, name: str) -> None:
    text = f"[console_scripts]\npkg = pkg:main\n  {name} = pkg:main\n"
    assert reach(make_wheel(tmp_path, files={"pkg-1.0.dist-info/entry_points.txt": text}), tmp_path)


def test_an_ordinary_wheel_does_not_reach_beyond_itself(tmp_path: Path) -> None:
    files = {
        "pkg/data/readme.pth": "",
        "pkg/sitecustomize.py": "",
        "pkg.py": "",
        "pkg-1.0.data/data/share/man/man1/pkg.1": "",
        "pkg-1.0.data/scripts/pkg": "",
        "pkg-1.0.data/headers/pkg.h": "",
        "pkg-1.0.dist-info/entry_points.txt": "[console_scripts]\npkg = pkg:main\npy.test = pkg:main\n",
    }
    assert reach(make_wheel(tmp_path, files=files), tmp_path / "venv") == ""


def test_a_new_version_may_replace_its_own_files(tmp_path: Path) -> None:
    site = tmp_path / "venv/lib/python3.11/site-packages"
    (site / "pkg").mkdir(parents=True)
    (site / "pkg/__init__.py").touch()
    wheel = make_wheel(tmp_path)
    assert reach(wheel, tmp_path / "venv")
    (site / "pkg-0.9.dist-info").mkdir()
    (site / "pkg-0.9.dist-info/RECORD").write_text("pkg/__init__.py,,\n")
    assert reach(wheel, tmp_path / "venv") == ""


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"not a wheel"])
def test_a_wheel_that_cannot_be_read_waits(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "pkg-1.0-py3-none-any.whl").write_bytes(data)
    assert reach(tmp_path / "pkg-1.0-py3-none-any.whl", tmp_path) == "cannot be read"


# --- with the real pip ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a virtual environment with pip."""
    folder = tmp_path_factory.mktemp("with-pip") / "venv"
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("this Python makes no virtual environment with pip")
    yield folder


def install(venv: Path, tmp_path: Path, *words: str, unattended: bool = True, uv: str = "") -> ApplyResult:
    pip = (str(venv / "bin/python"), "-I", "-m", "pip", "install", "--only-binary=:all:", "--no-input")
    step = PlannedStep((*pip, "--disable-pip-version-check", *words), (str(venv),), True, folder="/", wheels=True)
    variables = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    if uv:
        (tmp_path / "bin").mkdir(mode=0o755)
        (tmp_path / "bin/uv").write_text(uv)
        (tmp_path / "bin/uv").chmod(0o755)
        variables["PATH"] = f"{tmp_path}/bin:{variables['PATH']}"
    executor = Executor(SystemClock(), tmp_path / "state", Containment())
    (tmp_path / "work").mkdir(exist_ok=True)
    return executor.apply([step], cwd=str(tmp_path / "work"), environment=variables, unattended=unattended)


def wait_for_removal() -> None:
    for thread in threading.enumerate():
        if thread.name == "remove":
            thread.join()


def installed(venv: Path, name: str) -> bool:
    return any(venv.glob(f"lib/python3*/site-packages/{name}"))


def test_what_was_read_is_what_is_installed_and_what_reaches_further_is_not(venv: Path, tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "good", requires="Requires-Dist: needed\n")
    make_wheel(tmp_path / "wheels", "needed")
    make_wheel(tmp_path / "wheels", "wants_evil", requires="Requires-Dist: evil\n")
    make_wheel(tmp_path / "wheels", "evil", {"evil.pth": "import os; os.system('id')\n"})

    done = install(venv, tmp_path, "good")
    assert (done.waits, done.stopped, [one.exit_code for one in done.steps]) == ("", "", [0, 0])
    assert installed(venv, "good") and installed(venv, "needed")
    assert done.steps[-1].argv[-2:] == ("good==1.0", "needed==1.0")

    for name in ("evil", "wants_evil"):
        done = install(venv, tmp_path, name)
        assert "evil==1.0 holds evil.pth" in done.waits
        assert not installed(venv, "evil*") and not installed(venv, "wants_evil")
    wait_for_removal()
    assert not list((tmp_path / "state/given").glob("wheels-*")), "nothing is left lying about"

    assert install(venv, tmp_path, "no_such_package").steps[-1].exit_code == 1
    assert install(venv, tmp_path, "evil", unattended=False).steps[-1].exit_code == 0, "a person has decided"
    assert installed(venv, "evil.pth")


def test_what_was_looked_into_is_removed_beside_the_rerun(
    venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "wheels", "slow")
    may_remove, remove = threading.Event(), shutil.rmtree

    def late(path: Path, ignore_errors: bool) -> None:
        may_remove.wait()
        remove(path, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", late)
    done = install(venv, tmp_path, "slow")
    assert [one.exit_code for one in done.steps] == [0, 0], "it has ended, and what it made is there"
    assert list((tmp_path / "state/given").glob("wheels-*/*.whl"))
    may_remove.set()
    wait_for_removal()
    assert not list((tmp_path / "state/given").glob("wheels-*"))


def test_a_program_that_heals_ends_when_all_is_removed(venv: Path, tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "many", {f"many/{number}.txt": "" for number in range(500)})
    program = f"""
import shutil, time
from pathlib import Path
from tests.core.healing.test_wheels import install
def slowly(path, ignore_errors, remove=shutil.rmtree):
    time.sleep(0.5)
    remove(path, ignore_errors)
shutil.rmtree = slowly
install(Path({str(venv)!r}), Path({str(tmp_path)!r}), "many")
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])
    assert list((tmp_path / "state/given").iterdir()) == []


@pytest.mark.parametrize(
    ("uv", "code", "said"),
    [
        ("#!/bin/sh\nkill -SEGV $$\n", 139, ""),
        ("#!/bin/sh\necho 'unexpected argument --color; usage: --exclude-newer' >&2\nexit 2\n", 2, "--color"),
        ("#!/no/such/interpreter\n", 126, "bad interpreter"),
        ("\x7fELF of another machine\n", 127, "not found"),
        ("#!/bin/sh\necho fine\n", 0, "fine"),
    ],
    ids=["crashes", "older than its options", "no interpreter", "no program of this machine", "says nothing of use"],
)
def test_a_uv_that_does_not_work_is_told_and_pip_does_it(
    venv: Path, tmp_path: Path, uv: str, code: int, said: str
) -> None:
    make_wheel(tmp_path / "wheels", f"by{code}")
    result = install(venv, tmp_path, f"by{code}", uv=uv)
    assert (result.stopped, result.waits) == ("", "")
    first, *others = result.steps
    assert first.argv[0] == str(tmp_path / "bin/uv")
    assert first.exit_code == code and said in first.output
    assert others and all(step.argv[0] == str(venv / "bin/python") for step in others)
    assert installed(venv, f"by{code}")
