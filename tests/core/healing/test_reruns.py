"""What runs again unattended, told from what waits: wrappers, runners, variables, options, settings and stand-ins."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from meshcore.healing.capture import make_incident
from meshcore.healing.rerun_ruling import rule_rerun
from meshcore.model import AgentInfo, Decision
from meshcore.policy.policy import Policy

POLICY = Policy.load(None)
PROGRAMS = [
    "pytest", "mypy", "ruff", "flake8", "pylint", "black", "isort", "bandit", "pyright", "tsc", "eslint", "prettier",
    "jest", "vitest", "mocha", "rspec", "go", "cargo", "gcc", "javac", "make", "npm", "tox", "nox", "uv", "poetry",
    "pdm", "pipenv", "timeout", "nice", "env", "sh", "bash", "python", "node", "nohup", "time", "grep", "ls", "test",
    "just",
]  # fmt: skip
LAUNCHER = "#!/x/python\nimport re\nimport sys\nfrom {} import main\nsys.exit(main())\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a PATH of programs beside it, and tests and scripts inside."""
    for name in PROGRAMS:
        _program(tmp_path / "programs" / name, "#!/bin/sh\n")
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    for name in ("deploy.sh", "send.py", "test_a.py", "app.js"):
        _program(folder / name, "")
    return folder


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def ruled(project: Path, command: str, environment: Mapping[str, str] | None = None, cwd: str = "") -> Decision:
    variables = {"PATH": str(project.parent / "programs"), **(environment or {})}
    incident = make_incident(
        b"FAILED test_a.py::test_a\n",
        shlex.split(command),
        cwd=str(project / cwd),
        env=variables,
        agent=AgentInfo("a", "shell", "h"),
        exit_code=1,
        opened="2026-11-27T12:00:00.000000Z",
    )
    return rule_rerun(POLICY, incident, variables).decision


RUN_AGAIN = [
    "pytest -q", "pytest tests", "timeout 60 pytest -x", "nice -n 5 pytest", "env CI=1 pytest", "env -i pytest",
    "sh -c 'cd . && pytest -q'", "bash -c 'CI=1 LANG=C pytest'", "bash -c 'pytest 2>&1 | tail -20'", "time mypy .",
    "timeout 9 sh -c 'nice mypy src'", "ruff check .", "ruff check --diff .", "ruff format --check .",
    "mypy --strict .", "flake8 src", "pylint -E src", "black --check .", "isort . --check-only --diff",
    "tsc --noEmit -p tsconfig.json", "jest", "go test ./...", "go vet ./...", "cargo check", "cargo clippy",
    "gcc -c a.c", "python -m pytest -q", "python -m ruff check .", "ls -la", "test -f send.py", "grep -r x .",
]  # fmt: skip
WAITS = [
    # what stands around it
    "bash -c 'pytest; ./deploy.sh'", "bash -c './deploy.sh; pytest'", "bash -c './deploy.sh && pytest'",
    "bash -c 'pytest && ./deploy.sh'", "bash -c 'pytest || ./deploy.sh'", "bash -c 'pytest | ./deploy.sh'",
    "bash -c 'pytest & ./deploy.sh'", "bash -c 'pytest > out.txt'", "bash -c 'pytest | tee out.txt'", "nohup pytest",
    "bash -c '. ./deploy.sh && pytest'", "bash -c 'pytest() { ./deploy.sh; }; pytest'",
    "bash -c 'pytest `./deploy.sh`'", "bash -c 'pytest $(./deploy.sh)'", "bash -c 'alias mypy=./deploy.sh; mypy .'",
    "bash -lc 'pytest'", "bash -ic pytest", "bash --rcfile deploy.sh -ic pytest", "env -S 'pytest; ./deploy.sh'",
    "time -o out.txt pytest", "bash deploy.sh", "sh -c ./deploy.sh", "xargs pytest", "script -c pytest",
    "watch pytest", "sudo pytest", "sh -c 'trap ./deploy.sh EXIT; pytest'", "bash -c 'eval pytest'",
    # variables that the command sets
    "env X=y pytest", "bash -c 'X=y pytest'", "bash -c 'export X=y && pytest'", "env DATABASE_URL=prod pytest",
    "env PYTEST_ADDOPTS=send.py pytest", "env PYTEST_PLUGINS=send pytest", "env PYTHONPATH=. mypy .",
    "env PYTHONSTARTUP=send.py python -m mypy .", "env BASH_ENV=deploy.sh bash -c pytest",
    "env ENV=deploy.sh sh -c pytest", "env NODE_OPTIONS='--require ./app.js' tsc --noEmit",
    "env LD_PRELOAD=./a.so mypy .", "env GOFLAGS=-exec=./x go test ./...", "env GIT_SSH_COMMAND=./deploy.sh pytest",
    "env GIT_DIR=x pytest", "env RUSTC_WRAPPER=./deploy.sh cargo check", "env PATH=.:/usr/bin pytest",
    "env CC=./deploy.sh cargo build", "env MYPYPATH=x mypy .",
    # what runs a recipe, or chooses another environment
    "make", "make test", "npm test", "npm run lint", "npx jest", "just test", "tox", "tox -e py", "nox",
    "nox -s test", "uv run pytest", "uv run send.py", "uv run --with x pytest", "uv run ./deploy.sh",
    "poetry run pytest", "pdm run pytest", "pdm run test", "pipenv run pytest", "pipenv run test", "hatch run test",
    "coverage run -m pytest", "cargo run", "cargo xtask", "cargo deploy", "go run .", "go generate ./...",
    "python -m send", "python -m nox", "python -m build", "python -m unknown_module", "python -m http.server",
    "python send.py", "python -c 'import send'", "node app.js",
    # options that load, debug, write or install
    "pytest -p send", "pytest -psend", "pytest --pdb", "pytest -o python_files=send.py", "pytest --rootdir=/x",
    "pytest -c evil.ini", "pytest --override-ini=addopts=x", "pytest --confcutdir=x", "pytest --junitxml=x.xml",
    "pytest --pastebin=all", "pytest --basetemp=x", "pytest send.py", "pytest --pyargs send", "pytest @args",
    "pytest -W error::send.Warning", "mypy @args", "ruff check @args", "python -m unittest discover -p send.py",
    "python -m unittest send", "ruff check --fix .", "ruff check --fix-only .", "ruff check --add-noqa .",
    "ruff check --config fix=true .", "ruff check --output-file=x .", "ruff format .", "ruff format .  --no-cache",
    "ruff clean", "python -m ruff format .", "black .", "isort .", "black -l 100 src", "prettier --write .",
    "prettier .", "prettier --check .", "eslint .", "eslint --fix .", "eslint -c x.js .", "eslint --rulesdir x .",
    "mypy --install-types", "mypy --config-file x.ini .", "mypy --junit-xml x .",
    "mypy --python-executable ./deploy.sh .", "flake8 --output-file=x .", "flake8 --config x .", "flake8 --tee .",
    "pylint --load-plugins=send .", "pylint --rcfile=x .", "pylint --init-hook='import send' .", "bandit -c x.yml .",
    "bandit -o x .", "tsc", "tsc -p .", "tsc --outDir x", "tsc -b", "tsc --build --noEmit", "tsc --watch --noEmit",
    "cargo clippy --fix", "cargo fix", "cargo test -- --ignored", "cargo check --config x", "cargo +evil check",
    "cargo --config x check", "go test -exec ./deploy.sh ./...", "go vet -vettool=./deploy.sh ./...",
    "go build -toolexec ./deploy.sh .", "gcc -wrapper ./deploy.sh a.c", "gcc -fplugin=./a.so a.c", "gcc -B. a.c",
    "javac -processor X A.java", "jest --config x.js", "jest --globalSetup ./app.js", "jest app.js", "vitest",
    "vitest run --config x", "mocha -r ./app.js", "mocha app.js", "rspec -r ./x", "pyright --createstub x",
    # stand-ins for a program, by a path or by their name
    "./pytest", "./test deploy", "./timeout 5 pytest", "./env CI=1 pytest", "./sh -c pytest", "./python -m pytest",
    "bin/ls", "nice ./timeout 5 pytest", "sh -c './nice pytest'", "../project/bin/ls",
]  # fmt: skip


@pytest.mark.parametrize("command", RUN_AGAIN)
def test_forms_that_are_made_to_be_repeated_run_again(project: Path, command: str) -> None:
    assert ruled(project, command) == "run"


@pytest.mark.parametrize("command", WAITS)
def test_what_may_have_an_effect_or_another_meaning_waits(project: Path, command: str) -> None:
    for name in ("pytest", "test", "timeout", "env", "sh", "python", "bin/ls", "nice"):
        _program(project / name, "#!/bin/sh\n./deploy.sh\n")
    assert ruled(project, command) != "run"


ASKED = [
    "python -c 'import send'", "bash -c 'python send.py > out.txt'", "bash -c 'ls | xargs -n1 python'",
    "bash -c 'for one in a b; do python send.py $one; done'", "bash -c '$PYTHON send.py'", "bash -c '$HOME/bin/send'",
    "bash -c 'set -e; cd .; python send.py'", "bash -c 'python - <<EOF\nimport send\nEOF'",
    "env PATH=bin:/usr/bin python send.py", "ssh-keygen -q -t ed25519 -f keys/id -N x",
    "sqlite3 var/app.db 'create table if not exists a (id)'", "psql -c 'insert into a values (1)'",
    "git -c user.name=x commit -m y", "curl -d @send.py http://127.0.0.1/", "bash -c 'source x; python send.py'",
]  # fmt: skip
REFUSED = [
    "dd if=a of=b", "rm -rf build", "bash -c 'cd . && rm -rf build'", "bash -c 'ls | xargs rm'",
    "bash -c 'ls | xargs -n1 sh -c \"rm x\"'",
    "sudo python send.py", "sqlite3 app.db 'drop table a'", "psql -c 'insert into a values (1); delete from b'",
    "bash -c '$PYTHON send.py; dropdb app'", "git push --force", "kubectl delete pod a", "printenv TOKEN",
    "bash -c 'ssh-keygen -q -f key -N x && shred a'", "env PATH=. sudo ls",
    "bash -c 'bash <<EOF\nrm -rf x\nEOF'", "bash -c 'cd . && sqlite3 app.db <<EOF\ndrop table a;\nEOF'",
    "bash -c 'python - <<EOF\nEOF\nshred a'",
]  # fmt: skip


@pytest.mark.parametrize("command", ASKED)
def test_the_users_own_command_may_be_run_again_once_a_person_says_so(project: Path, command: str) -> None:
    for name in ("psql", "sqlite3", "ssh-keygen", "git", "curl"):
        _program(project.parent / "programs" / name, "#!/bin/sh\n")
    assert ruled(project, command) == "approve"


@pytest.mark.parametrize("command", REFUSED)
def test_what_destroys_raises_privileges_or_shows_secrets_is_not_run_again_at_all(project: Path, command: str) -> None:
    assert ruled(project, command) == "refuse"


@pytest.mark.parametrize(
    ("variable", "command"),
    [
        ("PYTEST_ADDOPTS", "pytest"),
        ("PYTEST_PLUGINS", "pytest"),
        ("PYTHONPATH", "pytest"),
        ("PYTHONHOME", "python -m mypy ."),
        ("PYTHONBREAKPOINT", "pytest"),
        ("BASH_ENV", "bash -c pytest"),
        ("ENV", "sh -c pytest"),
        ("NODE_OPTIONS", "tsc --noEmit"),
        ("LD_PRELOAD", "ls"),
        ("LD_LIBRARY_PATH", "grep x a"),
        ("DYLD_INSERT_LIBRARIES", "ls"),
        ("GOFLAGS", "go test ./..."),
        ("RUSTC_WRAPPER", "cargo check"),
        ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", "cargo test"),
        ("JAVA_TOOL_OPTIONS", "javac A.java"),
        ("CC", "cargo build"),
        ("GCC_EXEC_PREFIX", "gcc -c a.c"),
        ("RUFF_FIX", "ruff check ."),
        ("COVERAGE_PROCESS_START", "pytest"),
    ],
)
def test_a_variable_that_changes_a_program_makes_it_wait_wherever_it_comes_from(
    project: Path, variable: str, command: str
) -> None:
    assert ruled(project, command) == "run" or command.startswith("javac")
    assert ruled(project, command, {variable: "x"}) == "approve"
    assert ruled(project, command, {variable: ""}) == ruled(project, command)


@pytest.mark.parametrize("folder", [".", "bin", "{project}/bin", ""])
def test_a_folder_of_the_project_on_the_path_may_stand_in_for_other_programs(project: Path, folder: str) -> None:
    (project / "bin").mkdir()
    path = f"{project.parent}/programs:{folder.format(project=project)}"
    assert ruled(project, "pytest", {"PATH": path}) == ("approve" if folder else "run")


SETTINGS = {
    "pytest": {
        "pytest.ini": [
            "[pytest]\naddopts = -p send",
            "[pytest]\naddopts =\n  -q\n  --pdb",
            "[pytest]\npython_files = *.py",
        ],
        "pyproject.toml": [
            "[tool.pytest.ini_options]\naddopts = '-p send'",
            "[tool.pytest.ini_options]\ntestpaths=['send.py']",
            "[tool.pytest.ini_options]\n\"addo\\u0070ts\" = ['--pdb']",
            "not toml [",
        ],
        "tox.ini": ["[pytest]\npython_files: test_*.py *.py", "[pytest]\nfilterwarnings =\n  error::send.Warning"],
        ".coveragerc": ["[run]\nplugins = send"],
        "setup.cfg": ["[tool:pytest]\nADDOPTS = send.py"],
    },
    "mypy .": {
        "mypy.ini": [
            "[mypy]\nplugins = ./send.py",
            "[mypy]\ninstall_types = True",
            "[mypy]\npython_executable=./deploy.sh",
        ],
        "pyproject.toml": ["[tool.mypy]\nplugins = ['send.py']"],
        "setup.cfg": ["[mypy]\nplugins=x"],
    },
    "flake8 .": {
        ".flake8": ["[flake8:local-plugins]\nextension =\n  X = send:Plugin", "[flake8]\noutput-file = x"],
        "tox.ini": ["[flake8]\noutput_file = x"],
    },
    "pylint src": {
        ".pylintrc": ["[MAIN]\nload-plugins=send", "[MASTER]\ninit-hook='import send'"],
        "pyproject.toml": ["[tool.pylint.main]\ninit-hook = 'import send'"],
    },
    "ruff check .": {
        "ruff.toml": ["fix = true", "extend = '../x.toml'"],
        "pyproject.toml": ["[tool.ruff]\nunsafe-fixes = true"],
    },
    "bandit -r .": {".bandit": ["[bandit]\noutput = x"]},
    "jest": {"jest.config.js": [""], "package.json": ['{"jest": {"testMatch": ["**/*.js"]}}']},
    "vitest run": {"vitest.config.ts": [""], "vite.config.js": [""]},
    "mocha": {".mocharc.json": ["{}"], "package.json": ['{"mocha": {"spec": "app.js"}}']},
    "rspec": {".rspec": ["-r ./x"]},
    "cargo clippy": {
        ".cargo/config.toml": ["[alias]\nclippy = 'run'"],
        ".cargo/config": [""],
        "rust-toolchain.toml": ["[toolchain]\npath = 'x'"],
        "rust-toolchain": [""],
    },
    "javac A.java": {"META-INF/services/javax.annotation.processing.Processor": ["Send"]},
}


@pytest.mark.parametrize(
    ("command", "file", "text"),
    [(command, file, text) for command, files in SETTINGS.items() for file, texts in files.items() for text in texts],
)
def test_settings_of_the_project_that_name_code_or_effects_make_it_wait(
    project: Path, command: str, file: str, text: str
) -> None:
    assert ruled(project, command) == "run"
    (project / file).parent.mkdir(parents=True, exist_ok=True)
    (project / file).write_text(text)
    (project / "part").mkdir()
    assert ruled(project, command) == "approve"
    assert ruled(project, command, cwd="part") == "approve", "a folder above counts too"


@pytest.mark.parametrize(
    ("command", "file", "text"),
    [
        ("pytest", "pytest.ini", "[pytest]\naddopts = -ra -q\n  --strict-markers  # always\ntestpaths = tests\n"),
        (
            "pytest",
            "pyproject.toml",
            "[tool.pytest.ini_options]\naddopts = ['-q', '--cov=src']\nmarkers = ['fix: x']\n",
        ),
        ("pytest", "setup.cfg", "[tool:pytest]\npython_files = tests.py test_*.py *_tests.py\n"),
        (
            "mypy .",
            "pyproject.toml",
            "[tool.mypy]\nstrict = true\n[tool.ruff]\nfix = true\n[tool.other]\nplugins = ['x']\n",
        ),
        ("ruff check .", "ruff.toml", "line-length = 100\n[lint]\nextend-select = ['I']\n"),
        ("jest", "package.json", '{"scripts": {"test": "x"}}'),
        ("flake8 .", ".flake8", "[flake8]\nmax-line-length = 100\nextend-ignore = E203\n"),
    ],
)
def test_settings_that_change_nothing_of_that_do_not(project: Path, command: str, file: str, text: str) -> None:
    (project / file).write_text(text)
    assert ruled(project, command) == "run"


def test_a_program_of_a_virtual_environment_is_believed_where_it_starts_the_package_of_its_name(project: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv/pyvenv.cfg").write_text("")
    _program(project / ".venv/bin/pytest", LAUNCHER.format("pytest"))
    _program(project / ".venv/bin/mypy", LAUNCHER.format("deploy"))
    _program(project / ".venv/bin/flake8", "#!/bin/sh\n./deploy.sh\n")
    (project / ".venv/bin/python").symlink_to(sys.executable)
    path = {"PATH": f"{project}/.venv/bin:{project.parent}/programs"}
    for command in ("pytest", ".venv/bin/pytest -q", f"{project}/.venv/bin/pytest", ".venv/bin/python -m pytest"):
        assert ruled(project, command, path) == "run", command
    for command in ("mypy .", ".venv/bin/mypy .", "flake8 .", "uv run mypy ."):
        assert ruled(project, command, path) == "approve", command
    assert ruled(project, "uv run pytest") == "run"
    assert ruled(project, "pdm run pytest") == "approve", "a script of that name may be in its own file"


def test_a_program_of_node_modules_is_believed_where_it_is_the_package_of_its_name(project: Path) -> None:
    _program(project / "node_modules/typescript/bin/tsc", "")
    _program(project / "node_modules/evil/jest", "")
    (project / "node_modules/.bin").mkdir()
    (project / "node_modules/.bin/tsc").symlink_to("../typescript/bin/tsc")
    (project / "node_modules/.bin/jest").symlink_to("../evil/jest")
    path = {"PATH": f"{project}/node_modules/.bin:{project.parent}/programs"}
    assert ruled(project, "tsc --noEmit", path) == ruled(project, "node_modules/.bin/tsc --noEmit") == "run"
    assert ruled(project, "jest", path) == ruled(project, "node_modules/.bin/jest") == "approve"


@pytest.mark.parametrize("name", ["pytest.py", "ruff.py", "json.py", "types/__init__.py", "logging.so"])
def test_a_file_that_an_interpreter_would_import_first_makes_a_module_wait(project: Path, name: str) -> None:
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("")
    modules = ["python -m pytest", "python -m ruff check ."]
    assert "approve" in [ruled(project, command) for command in modules]
