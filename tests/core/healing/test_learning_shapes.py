"""What agents type to fix an error is learnt as the typed action that it is, whatever stands around it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.healing.small_mesh import ARGV, SmallMesh
from tests.core.healing.test_teaching import ran

from meshcore.healing.succeeding_command import succeeded
from meshcore.healing.teaching import recognise_fix
from meshcore.knowledge.parts import example_fix

ERROR = "ModuleNotFoundError: No module named 'idna'"


def shell(text: str) -> tuple[str, ...]:
    return ("bash", "-c", text)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / ".venv/bin").mkdir(parents=True)
    activate = f'VIRTUAL_ENV="{folder}/.venv"\nexport VIRTUAL_ENV\nPATH="$VIRTUAL_ENV/bin:$PATH"\nexport PATH\n'
    (folder / ".venv/bin/activate").write_text(activate)
    (folder / ".venv/pyvenv.cfg").touch()
    (folder / "sub").mkdir()
    return folder


FIXES = [
    (("pip", "install", "idna"),),
    (("/x/.venv/bin/python", "-m", "pip", "install", "-q", "idna"),),
    ((".venv/bin/pip3", "install", "--quiet", "idna"),),
    (("uv", "pip", "install", "idna"),),
    (shell("cd {} && source .venv/bin/activate && pip install idna"),),
    (shell(". .venv/bin/activate && pip install -q idna && pip list"),),
    (shell("cd {}; source .venv/bin/activate; python -m pip install idna"),),
    (shell("ls && pip install idna 2>&1"),),
    (("timeout", "60", "pip", "install", "idna"),),
    (("env", "PIP_NO_INPUT=1", "pip", "install", "idna"),),
    (("sh", "-c", "bash -c 'pip install idna'"),),
]


@pytest.mark.parametrize("fix", FIXES, ids=[" ".join(one[0]) for one in FIXES])
def test_a_fix_is_learnt_as_the_typed_action_that_it_is(
    mesh: SmallMesh, work: Path, fix: tuple[tuple[str, ...], ...]
) -> None:
    node, cwd = mesh.node("a"), str(work)
    ran(mesh, ARGV, 1, ERROR, cwd=cwd)
    for argv in fix:
        ran(mesh, tuple(word.replace("{}", cwd) for word in argv), cwd=cwd)
    ran(mesh, ARGV, cwd=cwd)
    known = recognise_fix(node, cwd)
    assert known is not None
    assert known.skill.action.steps == (("pip", "install", "{0}"),) or known.skill.action.steps == (
        ("pip", "install", "idna"),
    )


@pytest.mark.parametrize(
    "text",
    ["pip install idna && python app.py", "source .venv/bin/activate && pip install -q idna && python app.py",
     "pip install idna && timeout 60 python app.py", "cd sub && cd .. && pip install idna && python app.py"],
)  # fmt: skip
def test_a_fix_and_the_command_in_one_text_are_a_fix_and_a_success(mesh: SmallMesh, work: Path, text: str) -> None:
    node, cwd = mesh.node("a"), str(work)
    ran(mesh, ARGV, 1, ERROR, cwd=cwd)
    ran(mesh, shell(text), cwd=cwd)
    known = recognise_fix(node, cwd)
    assert known is not None
    assert known.skill.action.command() in ("pip install idna", "pip install {0}")


@pytest.mark.parametrize(
    "text",
    ["pip install idna || true && python app.py", "pip install idna | tail -1", "pip install idna; true",
     "pip install idna & python app.py", "$(pip install idna)", "if true; then pip install idna; fi",
     "pip install idna\npython other.py"],
)  # fmt: skip
def test_what_need_not_have_succeeded_teaches_nothing(mesh: SmallMesh, work: Path, text: str) -> None:
    node, cwd = mesh.node("a"), str(work)
    ran(mesh, ARGV, 1, ERROR, cwd=cwd)
    ran(mesh, shell(text), cwd=cwd)
    ran(mesh, ARGV, cwd=cwd)
    known = recognise_fix(node, cwd)
    assert known is None or known.skill.action.steps[0][:2] == ("bash", "-c")


def test_paths_of_a_fix_are_those_of_the_folder_of_the_command_that_failed(mesh: SmallMesh, work: Path) -> None:
    node, cwd = mesh.node("a"), str(work)
    error = "FileNotFoundError: [Errno 2] No such file or directory: 'sub/out/a.txt'"
    ran(mesh, ARGV, 1, error, cwd=cwd)
    ran(mesh, shell("cd sub && mkdir out"), cwd=cwd)
    ran(mesh, ARGV, cwd=cwd)
    known = recognise_fix(node, cwd)
    assert known is not None
    assert example_fix(known.skill) == "mkdir sub/out"


@pytest.mark.parametrize(
    ("argv", "inside"),
    [
        (("bash", "-c", "a && b; c && d"), [("c",), ("d",)]),
        (("bash", "-c", "a || b"), [("bash", "-c", "a || b")]),
        (("bash", "-c", "a | b && c"), [("c",)]),
        (("bash", "script.sh"), [("bash", "script.sh")]),
        (("xargs", "rm"), [("xargs", "rm")]),
        (("a",), [("a",)]),
        ((), [()]),
    ],
)
def test_only_what_is_certain_has_succeeded(argv: tuple[str, ...], inside: list[tuple[str, ...]]) -> None:
    assert [place.argv for place in succeeded(argv, "/", {})] == inside
