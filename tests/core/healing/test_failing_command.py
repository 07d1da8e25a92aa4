"""What failed inside what was typed, and in which environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.healing.circumstances import environment_of, failed_inside
from meshcore.healing.failing_command import failing

PATH = os.environ["PATH"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two environments, of which `.venv` is its own, and a third one elsewhere."""
    folder = tmp_path / "app"
    (folder / "sub").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("")
    for venv in (folder / ".venv", folder / "old", tmp_path / "elsewhere"):
        (venv / "bin").mkdir(parents=True)
        (venv / "pyvenv.cfg").write_text("")
        (venv / "bin" / "python").symlink_to(sys.executable)
        (venv / "bin" / "activate").write_text(f"VIRTUAL_ENV={venv}\nexport VIRTUAL_ENV\nPATH=$VIRTUAL_ENV/bin:$PATH\n")
        tool = venv / "bin" / "tool"
        tool.write_text(f"#!{venv}/bin/python\n")
        tool.chmod(0o755)
    return folder


def words(text: str, project: Path) -> tuple[str, ...]:
    return tuple(part.replace("P/", f"{project}/").replace("~", " ") for part in text.split())


ONE = {
    "python app.py": ("python", "app.py"),
    "timeout 60 python app.py": ("python", "app.py"),
    "timeout -k 5 -s INT 60 python app.py": ("python", "app.py"),
    "nice -n 5 time -f %e nohup python app.py": ("python", "app.py"),
    "env -u A B=1 python app.py": ("python", "app.py"),
    "sh -c python~app.py": ("python", "app.py"),
    "bash -ec set~-e;~cd~sub~&&~python~app.py": ("python", "app.py"),
    "bash -c cd~sub~&&~source~../.venv/bin/activate~&&~A=1~timeout~9~python~'my~app.py'~2>&1~|~tail~-5": (
        "python",
        "my app.py",
    ),
    "sh -c make~build||exit~1": ("make", "build"),
    "sh -c echo~start;~time~python~app.py~>log~2>&1": ("python", "app.py"),
    'sh -c sh~-c~"python~app.py"': ("python", "app.py"),
    "sh -c ls;~npm~test": ("npm", "test"),
    "sh -c cd~nowhere~&&~python~app.py": None,
    "uv run pytest -x": ("pytest", "-x"),
    "xargs -n 1 python app.py": ("python", "app.py"),
    "sh script.sh": ("sh", "script.sh"),
    "sudo python app.py": ("sudo", "python", "app.py"),
    "make test": ("make", "test"),
    "sh -c cd~$PWD/sub~&&~python~$A/app.py": ("python", "here/app.py"),
    "bash -ec ls;~python~app.py": None,
    "bash -c set~-eu;~cd~sub;~python~app.py": ("python", "app.py"),
    "sh -c (cd~sub~&&~python~app.py)": ("python", "app.py"),
    # More than the text tells.
    "sh -c (cd~sub);~(python~app.py)": None,
    "bash -c set~-e;~npm~i;~python~app.py": None,
    "sh -c python~'$A'": ("python", "$A"),
    "sh -c declare~-x~PATH=/x;~python~app.py": None,
    "sh -c command~cd~sub;~python~app.py": None,
    "sh -c cd~sub~|~cat;~python~app.py": None,
    "sh -c test~-d~x~&&~cd~sub;~python~app.py": None,
    "sh -c cd~x~||~cd~sub;~python~app.py": None,
    "sh -c printf~-v~PATH~x;~python~app.py": None,
    "sh -c pip~install~-e~.~&&~python~app.py": None,
    "sh -c python~$APP": None,
    "sh -c for~i~in~1~2;~do~python~app.py;~done": None,
    "sh -c python~app.py~&": None,
    "sh -c eval~python~app.py": None,
    "sh -c conda~activate~x~&&~python~app.py": None,
    "bash -lc python~app.py": None,
    "uv run --with x python app.py": None,
    "env -S python~app.py": None,
    "sh -c python~app.py~<<EOF": None,
}


@pytest.mark.parametrize(("typed", "inner"), ONE.items(), ids=ONE.keys())
def test_the_simple_command_that_failed_is_found_where_the_text_tells(
    project: Path, typed: str, inner: tuple[str, ...] | None
) -> None:
    found = failing(words(typed, project), str(project), {"PATH": PATH, "A": "here"}).one
    assert (found.argv if found else None) == inner


def test_folder_settings_and_environment_are_carried_over(project: Path) -> None:
    text = "export A=1; cd sub && . ../old/bin/activate && B='x y' python app.py"
    found = failing(("sh", "-c", text), str(project), {"PATH": "/bin", "A": "0"}).one
    assert found is not None
    assert (found.cwd, found.environment) == (
        f"{project}/sub",
        {"A": "1", "B": "x y", "PATH": f"{project}/old/bin:/bin", "VIRTUAL_ENV": f"{project}/old"}
        | {"_OLD_VIRTUAL_PATH": "/bin"},
    )


ENVIRONMENTS: dict[str, str] = {
    # What is shown.
    "P/old/bin/python app.py": "old",
    "P/old/bin/tool --x": "old",
    "old/bin/python app.py": "old",
    "timeout 9 P/.venv/bin/tool": ".venv",
    "sh -c cd~sub;~source~../old/bin/activate;~python~app.py": "old",
    "sh -c PATH=P/old/bin:$PATH~python~app.py": "old",
    "sh -c PATH=P/old/bin~python~app.py": "old",
    "env PATH=P/old/bin python app.py": "old",
    "bash -lc P/old/bin/python~app.py": "old",
    "bash -lc source~old/bin/activate~&&~python~app.py": "old",
    "uv run python app.py": ".venv",
    "uv run --active python app.py": "elsewhere",
    "python app.py": "elsewhere",
    "tool --x": "elsewhere",
    "/usr/bin/env python app.py": "elsewhere",
    "sh -c .venv/bin/python~a.py~&&~.venv/bin/python~b.py": ".venv",
    "sh -c .venv/bin/python~a.py;~old/bin/python~b.py": "old",
    # What is not.
    "make test": "?",
    "npm run build": "?",
    "./build.sh": "?",
    "sh -c .venv/bin/python~a.py~&&~old/bin/python~b.py": "?",
    "sh -c .~./settings.sh~&&~python~app.py": "?",
    "bash -lc python~app.py": "?",
    "poetry run python app.py": "?",
    "pdm run tool": "?",
    "sudo python app.py": "?",
    "nox -s tests": "?",
    "P/old/bin/nox -s tests": "?",
    "P/old/bin/python -m tox": "?",
    "not-installed --x": "?",
}


@pytest.mark.parametrize(("typed", "venv"), ENVIRONMENTS.items(), ids=ENVIRONMENTS.keys())
def test_the_environment_is_the_one_that_the_command_shows_or_none(project: Path, typed: str, venv: str) -> None:
    for name, text in (("build.sh", "#!/bin/sh\n"), ("old/bin/nox", f"#!{project}/old/bin/python\n")):
        (project / name).write_text(text)
        (project / name).chmod(0o755)
    active = project.parent / "elsewhere"
    variables = {"PATH": f"{active}/bin:/usr/bin:/bin", "VIRTUAL_ENV": str(active)}
    found = environment_of(failing(words(typed, project), str(project), variables))
    if venv == "?":
        assert not found.python
        assert f"{project}/.venv/bin/python" in found.candidates
    else:
        folder = project.parent / venv if venv == "elsewhere" else project / venv
        assert found.python == f"{folder}/bin/python"


def test_what_is_not_installed_is_missing_in_the_active_environment_where_there_is_no_other(tmp_path: Path) -> None:
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    active = {"PATH": f"{tmp_path}/venv/bin:/bin"}
    assert environment_of(failing(("nothing",), str(tmp_path), active)).python == f"{tmp_path}/venv/bin/python"
    assert environment_of(failing(("nothing",), "/", {"PATH": "/nowhere"})).candidates == ()


def test_a_traceback_tells_which_of_the_environments_at_hand_it_was_and_no_other(project: Path) -> None:
    failed = failing(("make", "test"), str(project), {"PATH": f"{project}/old/bin:/bin"})
    line = '  File "{}/lib/python3.12/site-packages/x.py", line 1, in <module>\n'
    assert environment_of(failed, line.format(project / "old")).python == f"{project}/old/bin/python"
    assert environment_of(failed, line.format(project.parent / "elsewhere")).python == ""
    both = line.format(project / "old") + line.format(project / ".venv")
    assert environment_of(failed, both).python == ""


def test_a_folder_that_cdpath_may_mean_is_not_taken_for_one_here(project: Path) -> None:
    for folder, inner in (("sub", None), ("./sub", ("python", "app.py"))):
        found = failing(("sh", "-c", f"cd {folder} && python app.py"), str(project), {"PATH": PATH, "CDPATH": "/x"}).one
        assert (found.argv if found else None) == inner


def test_an_activation_is_what_its_script_says_and_deactivate_undoes_it(project: Path) -> None:
    def python(text: str) -> str:
        return environment_of(failing(("bash", "-c", text), str(project), {"PATH": "/usr/bin:/bin"})).python

    activate = project / ".venv" / "bin" / "activate"
    assert python(". .venv/bin/activate; deactivate; .venv/bin/python app.py") == f"{project}/.venv/bin/python"
    assert python(". .venv/bin/activate; deactivate; python3 app.py") == ""
    activate.write_text((project / "old" / "bin" / "activate").read_text())  # as in a folder that was copied
    assert python(". .venv/bin/activate && python app.py") == f"{project}/old/bin/python"
    for more in ("PATH=/opt/bin:$PATH", "source ../other/activate", "alias python=python2", "VIRTUAL_ENV=/other"):
        activate.write_text(f"{(project / 'old' / 'bin' / 'activate').read_text()}{more}\n")
        assert python(". .venv/bin/activate && python app.py") == ""


def test_what_a_shell_reads_beside_its_text_leaves_it_open_what_a_bare_name_means(project: Path) -> None:
    for name in ("BASH_ENV", "BASH_FUNC_python%%"):
        for word, sure in (("python", False), (".venv/bin/python", True)):
            failed = failing(("bash", "-c", f"{word} app.py"), str(project), {"PATH": f"{project}/old/bin", name: "x"})
            assert bool(environment_of(failed).python) == sure


RUNNERS = {
    "a workspace above": ({"../pyproject.toml": "[tool.uv.workspace]\n"}, {}, "uv run python app.py"),
    "a variable": ({}, {"UV_PROJECT_ENVIRONMENT": "x"}, "uv run python app.py"),
    "a script with its own requirements": ({"app.py": "# /// script\n"}, {}, "uv run app.py"),
    "options": ({}, {}, "uv run --directory x python app.py"),
    "settings of poetry": ({"poetry.toml": "in-project = false\n"}, {}, "poetry run python app.py"),
    "conda": ({}, {"CONDA_PREFIX": "/conda"}, "poetry run python app.py"),
    "what pdm has noted": ({".pdm-python": "/usr/bin/python3\n"}, {}, "pdm run python app.py"),
}


@pytest.mark.parametrize(("files", "variables", "typed"), RUNNERS.values(), ids=RUNNERS.keys())
def test_a_runner_that_may_have_chosen_another_environment_leaves_it_open(
    project: Path, files: dict[str, str], variables: dict[str, str], typed: str
) -> None:
    plain = {"PATH": "/usr/bin:/bin"}
    assert environment_of(failing(tuple(typed.split()), str(project), plain)).python or "--directory" in typed
    for name, text in files.items():
        (project / name).write_text(text)
    assert not environment_of(failing(tuple(typed.split()), str(project), {**plain, **variables})).python


def test_a_traceback_of_a_program_that_was_not_called_leaves_it_open_whose_environment_failed(project: Path) -> None:
    for name in ("app.py", "other.py"):
        (project / name).write_text("import x\n")
    traceback = (
        "Traceback (most recent call last):\n"
        f'  File "{project}/other.py", line 1, in <module>\n    import x\n'
        "ModuleNotFoundError: No module named 'x'\n"
    )
    failed = failing((".venv/bin/python", "app.py"), str(project), {"PATH": "/bin"})
    assert environment_of(failed, traceback.replace("other.py", "app.py")).python
    found = environment_of(failed, traceback)
    assert not found.python and found.candidates == (f"{project}/.venv/bin/python",)
    (project / ".venv" / "lib" / "python3.12" / "site-packages" / "x").mkdir(parents=True)
    assert environment_of(failed, traceback).candidates == ()  # there it is not missing


def test_of_several_commands_the_one_in_whose_file_the_traceback_begins_has_failed(project: Path) -> None:
    traceback = (
        "Traceback (most recent call last):\n"
        f'  File "{project}/app.py", line 1, in <module>\n    import x\n'
        "ModuleNotFoundError: No module named 'x'\n"
    )
    argv = ("sh", "-c", "test -f app.py && .venv/bin/python app.py && echo done")
    failed = failed_inside(argv, str(project), {"PATH": "/bin:/usr/bin"}, traceback)
    assert failed.one is not None and failed.one.argv == (".venv/bin/python", "app.py")
    assert not failed.bare


@given(st.text(max_size=60), st.lists(st.text(max_size=10), max_size=4))
def test_no_text_makes_it_fail(text: str, more: list[str]) -> None:
    for argv in (("sh", "-c", text, *more), ("env", *more, text), ("timeout", *more), tuple(more)):
        assert failing(argv, "/", {}).places


def test_what_reads_a_file_may_be_repeated_and_what_writes_one_may_not() -> None:
    for text, bare in (
        ("python app.py < rows", True),
        ("python app.py > out", False),
        ("python app.py 2>/dev/null", True),
    ):
        assert failing(("sh", "-c", text), "/", {"PATH": PATH}).bare == bare


LINES = {
    "python - <<'EOF'\nimport gone\nEOF\n": (("python", "-"), "import gone\n"),
    "cd sub\ntimeout 9 python - <<EOF 2>&1 | tail -5\nimport gone\nEOF": (("python", "-"), "import gone\n"),
    "python - <<-EOF\n\tprint(1)\n\tEOF": (("python", "-"), "print(1)\n"),
    "python - <<EOF\nprint('$A')\nEOF": (("python", "-"), ""),
    "python - <<'EOF' < app.py\nimport gone\nEOF": (("python", "-"), ""),
    "python - < app.py <<'EOF'\nimport gone\nEOF": (("python", "-"), ""),
    "python - <<'A' <<'B'\nimport gone\nA\nimport os\nB": (("python", "-"), ""),
    "A=1 python - <<'EOF'\nprint('$A')\nEOF": (("python", "-"), "print('$A')\n"),
    "bash -s <<'EOF'\nset -e\npython app.py\nEOF": (("python", "app.py"), ""),
    "# a comment\nset -e  # and one more\npython app.py\n": (("python", "app.py"), ""),
    "python -m app \\\n  --port 3000 \\\n  --name 'a b'": (
        ("python", "-m", "app", "--port", "3000", "--name", "a b"),
        "",
    ),
    "python -c 'import os\nimport gone\n'": (("python", "-c", "import os\nimport gone\n"), ""),
    "python -c \"\nprint(\\\"é\\\", '\\n', '\\$A')\n\"": (("python", "-c", "\nprint(\"é\", '\\n', '$A')\n"), ""),
    '"$PWD/.venv/bin/python" app.py': (("{}/.venv/bin/python", "app.py"), ""),
    "cd sub &&\n  python app.py": (("python", "app.py"), ""),
    "find . -name \\*.py -exec cat {} +": None,
    # the text is a shell's to compute, or has no end, or what stands around it tells more than one
    "python - <<EOF\nprint('$(date)')\nEOF": None,
    "python - <<'EOF'\nimport gone\n": None,
    "python - <<'EOF'\nimport gone\nEOF\npython app.py": (("python", "app.py"), ""),
    "python a.py &&\npython app.py": None,
    "python a.py && # why\n\npython app.py": None,
    "python app.py &&": None,
    "python <<<'import gone'": None,
    "python app.py#1": None,
    "'if' true": (("if", "true"), ""),
    "if true": None,
    'python -c "print(\\"$(date)\\")"': None,
    'python -c "print(`date`)"': None,
    "python $'a'": None,
}


@pytest.mark.parametrize("text", LINES)
def test_a_text_of_several_lines_is_read_as_a_shell_reads_it(project: Path, text: str) -> None:
    found = failing(("bash", "-c", text), str(project), {"PATH": PATH}).one
    expected = LINES[text]
    if expected is None:
        assert found is None
    else:
        argv = tuple(word.replace("{}", str(project)) for word in expected[0])
        assert found is not None
        assert (found.argv, found.given) == (argv, expected[1])


SHOW = "import json, sys\njson.dump([sys.argv[1:], '' if sys.stdin.isatty() else sys.stdin.read()], open('{}', 'w'))\n"


@pytest.mark.parametrize(
    "text",
    [
        "show - <<'EOF'\na $A `b` \\\n 'c'\nEOF",
        'show - <<"EOF"\n\\$x\nEOF',
        "show - <<-EOF\n\t\ta\n b\n\tEOF",
        "show 'a\n b' \"c \\\\ \\q \\\" ! '\" d\\ e\\;f \\'",
        'show "a\\\nb" \\\n  c  # d',
        'show a\'b\'"c"d \'\'"" --x=\'y z\' ~/u "~/u" a~b "é"',
        'show "$PWD"/\'$PWD\' "${PWD}"x \\$PWD',
    ],
)
def test_words_and_texts_are_those_that_a_shell_gives(tmp_path: Path, text: str) -> None:
    show, told = tmp_path / "bin" / "show", tmp_path / "told.json"
    show.parent.mkdir()
    show.write_text(f"#!{sys.executable}\n{SHOW.format(told)}")
    show.chmod(0o755)
    env = {"PATH": f"{show.parent}:{PATH}", "HOME": "/home/u"}
    subprocess.run(["bash", "-c", text], cwd=tmp_path, env=env, check=True, stdin=subprocess.DEVNULL)
    found = failing(("bash", "-c", text), str(tmp_path), env).one
    assert found is not None
    argv, given = json.loads(told.read_text())
    assert (list(found.argv[1:]), found.given) == (argv, given)
