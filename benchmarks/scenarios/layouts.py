"""Where Pythons lie and how they are called: `python -m benchmarks.scenarios.layouts [--table] [--only WORD]`.

Each layout misses one module. Which environment failed is told by the program itself, in a run before; what was
changed is read from the disk. Only the environment that failed may be changed, and what is approved shows where.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.scenarios.scenario import Wrapped, shell
from benchmarks.scenarios.stage import Agent, Environments, build_wheels, system_packages

PROBE = "import sys\nprint('PREFIX=' + sys.prefix)\n"
FAILS = "import requests\nprint('up')\n"
ERROR = "ModuleNotFoundError: No module named 'requests'"
PYPROJECT = '[project]\nname = "shop"\nversion = "0.1"\nrequires-python = ">=3.11"\n'
SHIM = '#!/bin/sh\nexec "{home}/.pyenv/versions/$(cat "{home}/.pyenv/version")/bin/${0##*/}" "$@"\n'
POETRY = '[tool.poetry]\nname = "shop"\nversion = "0.1"\ndescription = ""\nauthors = []\npackage-mode = false\n'


@dataclass(frozen=True, slots=True)
class Layout:
    """One of them. In texts `{home}`, `{project}` and `{missing}` (the statement that fails) are filled in.

    `environments` are made in the project, `conda` are folders like those of conda, `active` is the activated one.
    """

    name: str
    command: str | Wrapped
    environments: tuple[str, ...] = (".venv",)
    active: str = ""
    conda: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    setup: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""


OTHER = (".venv", "../other/.venv")
A, B = ".venv/bin/python app.py", "python app.py"
ACTIVATE = "source .venv/bin/activate && python app.py"
RUNS = {"run.sh": "#!/bin/sh\n.venv/bin/python app.py\n"}
MEMBER = {
    "pyproject.toml": PYPROJECT + '[tool.uv.workspace]\nmembers = ["member"]\n',
    "member/pyproject.toml": PYPROJECT.replace("shop", "member"),
    "member/app.py": "{missing}",
}

LAYOUTS = (
    Layout("by its path", A),
    Layout("by its path, another is active", A, OTHER, "../other/.venv"),
    Layout("the word python, active", B, active=".venv"),
    Layout("the word python, another is active", B, OTHER, "../other/.venv"),
    Layout("the word python3, another is active", "python3 app.py", OTHER, "../other/.venv"),
    Layout("the word python3, none is active", "python3 app.py"),
    Layout("the word python3 and no environment", "python3 app.py", ()),
    Layout("the system's by its path, one is active", "/usr/bin/python3 app.py", active=".venv"),
    Layout("VIRTUAL_ENV without PATH", "python3 app.py", variables={"VIRTUAL_ENV": "{project}/.venv"}),
    Layout("PATH without VIRTUAL_ENV", B, variables={"PATH": "{project}/.venv/bin:/usr/bin:/bin"}),
    Layout(
        "two on PATH", B, OTHER, variables={"PATH": "{project}/../other/.venv/bin:{project}/.venv/bin:/usr/bin:/bin"}
    ),
    Layout(
        "VIRTUAL_ENV of one, PATH of another", B, OTHER, "../other/.venv", variables={"VIRTUAL_ENV": "{project}/.venv"}
    ),
    Layout("PATH with a folder from here", B, ("tools/.venv", ".venv"), variables={"PATH": ".venv/bin:/usr/bin:/bin"}),
    Layout(
        "PATH with a folder from here, and cd",
        shell("cd tools && python ../app.py"),
        ("tools/.venv", ".venv"),
        variables={"PATH": ".venv/bin:/usr/bin:/bin"},
    ),
    Layout("source in the text", shell(ACTIVATE)),
    Layout("source in the text, another is active", shell(ACTIVATE), OTHER, "../other/.venv"),
    Layout("source of another", shell("source ../other/.venv/bin/activate && python app.py"), OTHER, ".venv"),
    Layout("two sources", shell(f". ../other/.venv/bin/activate; {ACTIVATE}"), OTHER),
    Layout(
        "source in a subshell before",
        shell("(source ../other/.venv/bin/activate; true) && .venv/bin/python app.py"),
        OTHER,
    ),
    Layout("deactivate after source", shell("source .venv/bin/activate && deactivate && python3 app.py")),
    Layout(
        "a copied environment whose activate names the old one",
        shell("source copy/bin/activate && python app.py"),
        setup="cp -a .venv copy",
    ),
    Layout("a copied environment by its path", "copy/bin/python app.py", setup="cp -a .venv copy"),
    Layout(
        "a console script of a copied environment",
        "copy/bin/tool",
        setup="printf '#!%s/.venv/bin/python\\n' \"$PWD\" > .venv/bin/tool && cat app.py >> .venv/bin/tool && "
        "chmod +x .venv/bin/tool && cp -a .venv copy",
        files={".venv/bin/tool": ""},
    ),
    Layout(
        "an activate with a line of its own",
        shell("source .venv/bin/activate && python app.py"),
        OTHER,
        setup="echo 'PATH=\"$PWD/../other/.venv/bin:$PATH\"' >> .venv/bin/activate",
    ),
    Layout("PATH in front of the command", shell("PATH={project}/.venv/bin:/usr/bin:/bin python app.py")),
    Layout("PATH in front, expanded", shell("PATH=$PWD/.venv/bin:$PATH python app.py"), OTHER, "../other/.venv"),
    Layout(
        "PATH exported", shell("export PATH={project}/.venv/bin:/usr/bin:/bin; python app.py"), OTHER, "../other/.venv"
    ),
    Layout("env with PATH", "env PATH={project}/.venv/bin:/usr/bin:/bin python app.py", OTHER, "../other/.venv"),
    Layout("env -i by its path", "env -i {project}/.venv/bin/python app.py", OTHER, "../other/.venv"),
    Layout("env -S", ("env", "-S", "{project}/.venv/bin/python app.py"), OTHER, "../other/.venv"),
    Layout("cd and a path from there", shell("cd tools && ../.venv/bin/python ../app.py"), files={"tools/x": ""}),
    Layout(
        "cd with CDPATH",
        shell("cd tools && .venv/bin/python {project}/app.py"),
        ("tools/.venv", "../other/tools/.venv"),
        variables={"CDPATH": "{project}/../other"},
    ),
    Layout(
        "a link to the project",
        shell("cd ../link && .venv/bin/python app.py"),
        OTHER,
        "../other/.venv",
        setup="ln -s shop ../link",
    ),
    Layout(
        "a link to the environment",
        "current/bin/python app.py",
        ("../envs/one", "../envs/two"),
        setup="ln -s ../envs/two current",
    ),
    Layout("a link to the python", "bin/py app.py", setup="mkdir bin && ln -s ../.venv/bin/python bin/py"),
    Layout(
        "a script of its own that calls one",
        "bin/py app.py",
        files={"bin/py": '#!/bin/sh\nexec .venv/bin/python "$@"\n'},
    ),
    Layout("a first line with the path", "./tool", files={"tool": "#!{project}/.venv/bin/python\n{missing}"}),
    Layout(
        "a first line with env, another is active",
        "./tool",
        OTHER,
        "../other/.venv",
        files={"tool": "#!/usr/bin/env python\n{missing}"},
    ),
    Layout(
        "a first line with env -S",
        "./tool",
        OTHER,
        "../other/.venv",
        files={"tool": "#!/usr/bin/env -S python3 -B\n{missing}"},
    ),
    Layout("a first line of the system", "./tool", active=".venv", files={"tool": "#!/usr/bin/python3\n{missing}"}),
    Layout(
        "BASH_ENV changes PATH",
        shell(B),
        OTHER,
        "../other/.venv",
        files={"rc": "PATH={project}/.venv/bin:$PATH\n"},
        variables={"BASH_ENV": "{project}/rc"},
    ),
    Layout(
        "an exported function is called python",
        shell(B),
        OTHER,
        "../other/.venv",
        variables={"BASH_FUNC_python%%": '() { {project}/.venv/bin/python "$@"; }'},
    ),
    Layout(
        "a login shell whose profile activates",
        shell(B, "-l"),
        OTHER,
        "../other/.venv",
        files={"../../.bash_profile": "export PATH={project}/.venv/bin:$PATH\n"},
    ),
    Layout("a loop", shell("for one in app.py; do .venv/bin/python $one || exit 1; done"), OTHER, "../other/.venv"),
    Layout("a here-document", shell("sh <<'EOF'\n.venv/bin/python app.py\nEOF"), OTHER, "../other/.venv"),
    Layout("a pipe between two", shell("../other/.venv/bin/python -c 'print(1)' | .venv/bin/python app.py"), OTHER),
    Layout(
        "two commands, each with its own",
        shell("../other/.venv/bin/python -c pass && .venv/bin/python app.py"),
        OTHER,
        "../other/.venv",
    ),
    Layout("xargs", shell("echo app.py | xargs .venv/bin/python"), OTHER, "../other/.venv"),
    Layout(
        "time limit, nice and setsid", "timeout 60 nice -n 5 setsid -w .venv/bin/python app.py", OTHER, "../other/.venv"
    ),
    Layout("a shell script by its name", "sh run.sh", OTHER, "../other/.venv", files=RUNS),
    Layout("a shell script that is executable", "./run.sh", OTHER, "../other/.venv", files=RUNS),
    Layout("make", "make -s run", OTHER, "../other/.venv", files={"Makefile": "run:\n\t@.venv/bin/python app.py\n"}),
    Layout(
        "make with the active one",
        "make -s run",
        OTHER,
        "../other/.venv",
        files={"Makefile": "run:\n\t@python app.py\n"},
    ),
    Layout(
        "npm run",
        "npm run -s py",
        OTHER,
        "../other/.venv",
        files={"package.json": '{"name": "x", "scripts": {"py": ".venv/bin/python app.py"}}'},
        needs="npm",
    ),
    Layout(
        "a program that starts another Python",
        "../other/.venv/bin/python outer.py",
        OTHER,
        files={
            "outer.py": "import subprocess, sys\nsys.exit(subprocess.run(['.venv/bin/python', 'app.py']).returncode)\n"
        },
    ),
    Layout(
        "a program that becomes another Python",
        "../other/.venv/bin/python app.py",
        OTHER,
        files={
            "app.py": "import os, sys\nif 'other' in sys.prefix:\n"
            "    os.execv('.venv/bin/python', ['.venv/bin/python', 'app.py'])\n{missing}"
        },
    ),
    Layout("folders like conda's, active", B, (), "../conda/envs/shop", ("../conda", "../conda/envs/shop")),
    Layout("a folder like conda's by its path", "../conda/bin/python app.py", (".venv",), ".venv", ("../conda",)),
    Layout(
        "conda's variables and an environment beside",
        B,
        (".venv",),
        "../conda",
        ("../conda",),
        variables={"CONDA_PREFIX": "{project}/../conda"},
    ),
    Layout(
        "shims of pyenv",
        B,
        ("../../.pyenv/versions/shop", "../../.pyenv/versions/other"),
        files={"../../.pyenv/shims/python": SHIM, "../../.pyenv/version": "shop\n"},
        variables={"PATH": "{home}/.pyenv/shims:/usr/bin:/bin"},
    ),
    Layout(
        "shims of pyenv, an environment beside",
        B,
        ("../../.pyenv/versions/shop", ".venv"),
        files={"../../.pyenv/shims/python": SHIM, "../../.pyenv/version": "shop\n"},
        variables={"PATH": "{home}/.pyenv/shims:/usr/bin:/bin"},
    ),
    Layout("uv run", "uv run --no-sync python app.py", files={"pyproject.toml": PYPROJECT}, needs="uv"),
    Layout(
        "uv run, another is active",
        "uv run --no-sync python app.py",
        OTHER,
        "../other/.venv",
        files={"pyproject.toml": PYPROJECT},
        needs="uv",
    ),
    Layout(
        "uv run --active",
        "uv run --no-sync --active python app.py",
        OTHER,
        "../other/.venv",
        files={"pyproject.toml": PYPROJECT},
        needs="uv",
    ),
    Layout(
        "uv run in a member of a workspace",
        shell("cd member && uv run --no-sync python app.py"),
        (".venv", "member/.venv"),
        files=MEMBER,
        needs="uv",
    ),
    Layout(
        "uv run with a folder of its own choice",
        "uv run --no-sync python app.py",
        (".venv", "elsewhere"),
        files={"pyproject.toml": PYPROJECT},
        variables={"UV_PROJECT_ENVIRONMENT": "elsewhere"},
        needs="uv",
    ),
    Layout("uv run without a project, another is active", "uv run python app.py", OTHER, "../other/.venv", needs="uv"),
    Layout(
        "uv run below, without a project",
        shell("cd tools && uv run python ../app.py"),
        files={"tools/x": ""},
        needs="uv",
    ),
    Layout(
        "uv run of another folder",
        "uv run --no-sync --directory ../other python {project}/app.py",
        OTHER,
        files={"pyproject.toml": PYPROJECT, "../other/pyproject.toml": PYPROJECT},
        needs="uv",
    ),
    Layout("poetry run", "poetry run python app.py", files={"pyproject.toml": POETRY}, needs="poetry"),
    Layout(
        "poetry run, another is active",
        "poetry run python app.py",
        OTHER,
        "../other/.venv",
        files={"pyproject.toml": POETRY},
        needs="poetry",
    ),
    Layout(
        "poetry run, not in the project",
        "poetry run python app.py",
        files={"pyproject.toml": POETRY, "poetry.toml": "[virtualenvs]\nin-project = false\ncreate = false\n"},
        needs="poetry",
    ),
    Layout(
        "nox",
        "nox -s check",
        files={
            "noxfile.py": "import nox\n\n\n@nox.session(venv_backend='venv')\ndef check(s):\n"
            "    s.run('python', 'app.py')\n"
        },
        needs="nox",
    ),
    Layout(
        "nox, an external program",
        "nox -s check",
        OTHER,
        "../other/.venv",
        files={
            "noxfile.py": "import nox\n\n\n@nox.session(venv_backend='none')\ndef check(s):\n"
            "    s.run('python', 'app.py')\n"
        },
        needs="nox",
    ),
    Layout(
        "tox",
        "tox -q -e check",
        files={"tox.ini": "[testenv:check]\nskip_install = true\ncommands = python app.py\n"},
        needs="tox",
    ),
    Layout("the system's packages shared", A, setup="sed -i s/false/true/ .venv/pyvenv.cfg"),
    Layout(
        "a project in a project",
        shell("cd inner && .venv/bin/python app.py"),
        (".venv", "inner/.venv"),
        files={"inner/pyproject.toml": "", "inner/app.py": "{missing}"},
    ),
    Layout(
        "a project in a project, the outer one's",
        shell("cd inner && ../.venv/bin/python app.py"),
        (".venv", "inner/.venv"),
        files={"inner/pyproject.toml": "", "inner/app.py": "{missing}"},
    ),
    Layout("an environment of another name beside", "venv/bin/python app.py", (".venv", "venv", "env")),
    Layout("a module with -m", ".venv/bin/python -m app", OTHER, "../other/.venv"),
    Layout(
        "an absolute path from another folder",
        shell("cd / && {project}/.venv/bin/python {project}/app.py"),
        OTHER,
        "../other/.venv",
    ),
)


@dataclass
class Found:
    """What became of a layout: `failed` is the prefix that failed, `changed` where the module is now."""

    layout: Layout
    failed: str = ""
    ending: str = ""
    changed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    skipped: str = ""


def try_out(root: Path, layout: Layout, environments: Environments, wheels: Path) -> Found:
    """Let a layout fail under the mesh where the fix is known; say yes to what waits, once."""
    found = Found(layout)
    shared = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"}
    agent = Agent(root, "ann", "src", "shop", shared)
    (root / "operator").mkdir()
    (root / "bridge").mkdir(mode=0o700)
    if layout.needs and agent.plain(("sh", "-c", f"command -v {layout.needs}"), agent.project).returncode:
        found.skipped = f"{layout.needs} is not installed here"
        return found

    def filled(text: str, missing: str) -> str:
        text = text.replace("{missing}", missing)
        return text.replace("{project}", str(agent.project)).replace("{home}", str(agent.home))

    for name in layout.environments:
        environments.make(Path(agent.project, name).resolve())
    for name in layout.conda:
        environments.make_like_conda(Path(agent.project, name).resolve())
    if layout.active:
        agent.activate(Path(agent.project, layout.active).resolve())
    agent.variables |= {name: filled(text, "") for name, text in layout.variables.items()}

    def write(missing: str) -> None:
        for name, text in {"app.py": "{missing}", **layout.files}.items():
            path = Path(agent.project, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(filled(text, missing))
            path.chmod(0o755 if text.startswith("#!") else 0o644)
        if layout.setup:
            agent.plain(("sh", "-c", f"rm -rf copy bin/py ../link current; {layout.setup}"), agent.project)

    typed = layout.command.split() if isinstance(layout.command, str) else layout.command
    argv = tuple(filled(word, "") for word in typed)
    write(PROBE)
    told = agent.plain(argv, agent.project)
    prefix = re.search(r"PREFIX=(.*)", told.stdout)
    if prefix is None:
        found.skipped = f"it does not run here: {(told.stderr or told.stdout).strip()[-200:]}"
        return found
    found.failed = prefix[1]
    write(FAILS)
    agent.meshtui("learn", "--error", ERROR, "--fix", "pip install requests")
    system = system_packages()
    done = agent.meshtui("run", "--", *argv)
    found.said = [line for line in done.stderr.splitlines() if line.startswith("meshtui:")]
    found.changed = _changed(root)
    found.ending = "unattended" if done.returncode == 0 else "fixed" if found.changed else "silent"
    for one in agent.ask("approvals", "list")["approvals"]:
        found.ending = "asked"
        found.said += [f"asked: {one['runs']}", *one["reasons"]]
        if one["runs"] and not one["runs"].startswith(str(root)):
            found.wrong.append(f"what is asked does not show its target: {one['runs']}")
        agent.meshtui("approvals", "approve", one["approval_id"])
        found.changed = _changed(root)
        found.ending = "asked, approved" if found.changed else "asked"
    found.wrong += [f"changed: {one}" for one in found.changed if Path(one).resolve() != Path(found.failed).resolve()]
    if system_packages() != system:
        found.wrong.append("the packages of this machine's Python were changed")
    return found


def _changed(root: Path) -> list[str]:
    """Return the prefixes below a folder in which the module is now."""
    return sorted({str(path.parents[3]) for path in root.rglob("site-packages/requests")})


def tell(layouts: list[Layout], jobs: int) -> list[Found]:
    """Try layouts out, some at once."""
    with tempfile.TemporaryDirectory(prefix="layouts-") as name, ThreadPoolExecutor(jobs) as pool:
        root = Path(name)
        build_wheels(root / "wheels")
        environments = Environments(root / "template")

        def one(numbered: tuple[int, Layout]) -> Found:
            folder = root / f"{numbered[0]}"
            folder.mkdir()
            try:
                return try_out(folder, numbered[1], environments, root / "wheels")
            except Exception as error:
                return Found(numbered[1], skipped=f"a fault of the harness: {type(error).__name__}: {error}")

        return list(pool.map(one, enumerate(layouts)))


def main() -> int:
    """Try out what was asked for, and print it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--table", action="store_true")
    options.add_argument("--only", default="", metavar="WORD")
    options.add_argument("--jobs", type=int, default=2)
    asked = options.parse_args()
    everything = tell([one for one in LAYOUTS if re.search(asked.only, one.name)], asked.jobs)
    for one in everything if asked.table or asked.only else ():
        mark = f"- {one.skipped}" if one.skipped else one.ending
        print(
            f"{'WRONG ' if one.wrong else ''}{mark:<16} {one.layout.name}: failed {one.failed}, changed {one.changed}"
        )
        print(
            "".join(f"    ! {line}\n" for line in one.wrong) + "".join(f"    | {line}\n" for line in one.said), end=""
        )
    tried = [one for one in everything if not one.skipped]
    figures = {
        "layouts": {"figure": len(tried), "goal": 60},
        "wrong_environment_changed": {"figure": sum(bool(one.wrong) for one in tried), "goal": 0},
        "endings": dict(Counter(one.ending for one in tried)),
        "skipped": {one.layout.name: one.skipped for one in everything if one.skipped},
    }
    print(json.dumps(figures, indent=1))
    return 1 if any(one.wrong for one in tried) else 0


if __name__ == "__main__":
    sys.exit(main())
