"""Another way to type a failed command, as a real folder shows it; and silence where nothing is certain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcore.healing.at_hand import another_way
from meshcore.healing.ground import Ground
from meshcore.knowledge.typed import read_typed

PROGRAMS = ("python3", "docker", "service", "bash", "git", "npm")


class Here(Ground):
    """This machine, with a user of our choice."""

    root_user = False

    def is_root(self) -> bool:
        return self.root_user


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a checkout with two packages, an environment, scripts, and a few programs beside it."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).touch(0o755)
    root = tmp_path / "checkout"
    files = {
        "web/package.json": json.dumps({"scripts": {"lint": "x", "dev": "y", "test:unit": "z"}}),
        "web/src/app.ts": "", "web/docs/start.md": "", "server/pkg/go.mod": "", "server/pkg/main.go": "",
        "Makefile": "build: a\n\tcc\nrelease:\n\tx\nX := 1\n", "shop/__init__.py": "", "tests/run.py": "",
        "tests/unit/test_prices.py": "", "tools/build.sh": "#!/usr/bin/env bash\n", "src/cart/__init__.py": "",
        "x.py": "", "web/x.py": "", "agents/crew/__init__.py": "", "tools/notes.txt": "just text", "data/a b.csv": "",
    }  # fmt: skip
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in (".venv/bin/ruff", ".venv/bin/python", "web/node_modules/.bin/vite"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch(0o755)
    (root / ".venv/lib/python3.12/site-packages/httpx").mkdir(parents=True)
    (root / ".venv/lib/python3.12/site-packages/httpx/__init__.py").touch()
    return root


def test_a_folder_with_too_many_names_is_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshcore.healing.ground.MAX_NAMES", 3)
    for name in "abc":
        (tmp_path / name).mkdir()
    assert Ground({}).names(str(tmp_path)) == Ground({}).folders(str(tmp_path)) == ["a", "b", "c"]
    (tmp_path / "d").mkdir()
    assert Ground({}).names(str(tmp_path)) == Ground({}).folders(str(tmp_path)) == []


def told(project: Path, command: str, output: str, inside: str = "", *, root_user: bool = False) -> str:
    ground = Here({"PATH": str(project.parent / "programs"), "HOME": str(project.parent)})
    ground.root_user = root_user
    cwd = str(project / inside) if inside else str(project)
    found = another_way(command, read_typed(command, cwd), cwd, str(project), output, ground)
    return found.command.replace(str(project), "ROOT") if found else ""


@pytest.mark.parametrize(
    ("inside", "command", "output", "expected"),
    [
        ("web", "cd web && npm test 2>&1 | tail -3", "bash: line 1: cd: web: No such file or directory", "npm test"),
        ("web/src", "cd web/src && npx tsc", "(eval):cd:1: no such file or directory: web/src", "npx tsc"),
        (
            "web",
            "cd server/pkg && go test .",
            "sh: cd: server/pkg: No such file or directory",
            "cd ROOT/server/pkg && go test .",
        ),
        (
            "web",
            "git diff web/src/app.ts",
            "fatal: ambiguous argument 'web/src/app.ts': unknown revision or path not in the working tree.",
            "cd ROOT && git diff web/src/app.ts",
        ),
        (
            "server/pkg",
            "go test ./server/pkg",
            "stat ROOT/server/pkg/server/pkg: directory not found",
            "cd ROOT && go test ./server/pkg",
        ),
        ("", "cat docs/start.md", "cat: docs/start.md: No such file or directory", "cd ROOT/web && cat docs/start.md"),
        (
            "web",
            "pytest tests/unit/test_prices.py::test_a -q",
            "ERROR: file or directory not found: tests/unit/test_prices.py::test_a",
            "cd ROOT && pytest tests/unit/test_prices.py::test_a -q",
        ),
        (
            "",
            "pytest tests/test_prices.py",
            "ERROR: file or directory not found: tests/test_prices.py",
            "pytest tests/unit/test_prices.py",
        ),
        (
            "",
            "python3 run.py",
            "python3: can't open file 'ROOT/run.py': [Errno 2] No such file or directory",
            "python3 tests/run.py",
        ),
        ("", "npm run lint", 'npm ERR! Missing script: "lint"', "cd ROOT/web && npm run lint"),
        ("web/src", "bun run dev", 'error: Script not found "dev"', "cd ROOT/web && bun run dev"),
        ("web", "npm run test-unit", 'npm error Missing script: "test-unit"', "npm run test:unit"),
        ("", "make biuld", "make: *** No rule to make target 'biuld'.  Stop.", "make build"),
        ("web", "make release", "make: *** No rule to make target 'release'.  Stop.", "cd ROOT && make release"),
        ("web", "make", "make: *** No targets specified and no makefile found.  Stop.", "cd ROOT && make"),
        (
            "",
            "go vet ./...",
            "go: cannot find main module, but found .git/config in ROOT",
            "cd ROOT/server/pkg && go vet ./...",
        ),
        (
            "",
            "npm ci",
            "npm error enoent Could not read package.json: Error: ENOENT: no such file",
            "cd ROOT/web && npm ci",
        ),
        ("", "ruff check .", "bash: line 1: ruff: command not found", ".venv/bin/ruff check ."),
        ("web", "ruff check .", "zsh:1: command not found: ruff", "ROOT/.venv/bin/ruff check ."),
        ("web", "vite build", "sh: 1: vite: not found", "node_modules/.bin/vite build"),
        ("web", "python x.py", "bash: python: command not found", "ROOT/.venv/bin/python x.py"),
        (
            "",
            "python3 tests/run.py",
            "ModuleNotFoundError: No module named 'shop'",
            "PYTHONPATH=. python3 tests/run.py",
        ),
        (
            "",
            "python3 tests/run.py",
            "ModuleNotFoundError: No module named 'cart.lines'",
            "PYTHONPATH=src python3 tests/run.py",
        ),
        ("", "pytest -q", "E   ModuleNotFoundError: No module named 'shop'", "python3 -m pytest -q"),
        ("", "python3 -m app", "ModuleNotFoundError: No module named 'httpx'", ".venv/bin/python -m app"),
        (
            "",
            "python3 -c 'import crew'",
            "ModuleNotFoundError: No module named 'crew'",
            "cd ROOT/agents && python3 -c 'import crew'",
        ),
        ("", "./tools/build.sh --all", "bash: ./tools/build.sh: Permission denied", "bash ./tools/build.sh --all"),
        (
            "",
            "gh api 'x' && gh api a/b?page=2",
            "zsh:1: no matches found: a/b?page=2",
            "gh api 'x' && gh api 'a/b?page=2'",
        ),
        ("", "pip install fastapi[all]", "zsh: no matches found: fastapi[all]", "pip install 'fastapi[all]'"),
        (
            "",
            "git stauts",
            "git: 'stauts' is not a git command. See 'git --help'.\n\nThe most similar command is\n\tstatus",
            "git status",
        ),
        (
            "",
            "cargo biuld --release",
            "error: no such command: `biuld`\n\n\tDid you mean `build`?",
            "cargo build --release",
        ),
        (
            "",
            "black --lin-length=100 .",
            "Error: No such option: --lin-length Did you mean --line-length?",
            "black --line-length=100 .",
        ),
        (
            "",
            "npm instal",
            'Unknown command: "instal"\n\nDid you mean this?\n  npm install # Install a package',
            "npm install",
        ),
        ("", "pip instal flask", 'ERROR: unknown command "instal" - maybe you meant "install"', "pip install flask"),
        ("", "eslint --fixx src", "Invalid option '--fixx' - perhaps you meant '--fix'?", "eslint --fix src"),
    ],
)
def test_what_this_machine_shows_is_told(project: Path, inside: str, command: str, output: str, expected: str) -> None:
    if command.startswith("python x.py"):
        (project.parent / "programs/python3").unlink()
    assert told(project, command, output.replace("ROOT", str(project)), inside) == expected


@pytest.mark.parametrize(
    ("inside", "command", "output"),
    [
        ("", "cd nowhere && make", "bash: cd: nowhere: No such file or directory"),
        ("web", "rm web/src/app.ts", "rm: cannot remove 'web/src/app.ts': No such file or directory"),
        ("web", "sed -i s/a/b/ web/src/app.ts", "sed: can't read web/src/app.ts: No such file or directory"),
        ("web", "echo x > web/src/new.ts", "bash: web/src/new.ts: No such file or directory"),
        ("", "python3 tests/run.py", "FileNotFoundError: [Errno 2] No such file or directory: 'shop/rows.csv'"),
        ("", "cat __init__.py", "cat: __init__.py: No such file or directory"),
        ("", "gofmt -l ./server/...", "stat ./server/...: no such file or directory"),
        ("", "gcc a.c -o a", "undefined reference to `sqrt'\nundefined reference to `own_sum'"),
        ("", "make", "undefined reference to `sqrt'"),
        ("", "ssh h docker exec -it db psql", "the input device is not a TTY"),
        ("", "npm install a", "npm error Retry it with the --force flag"),
        ("", "helm upgrade a b", "Error: use the --namespace flag"),
        ("", "terraform state list", "No state file was found!\nRun it elsewhere or use the -state flag."),
        ("", "tool fmt -chekc a", "flag provided but not defined: -chekc\nOptions: \n  check  Check it."),
        ("", "git push", "error: use the --mirror option"),
        ("", "cargo test", "error: pass the --lib option"),
        ("", "cat notes", "retry with the --all flag"),
        ("", "npm install a", "either with the -w flag, or with the -g flag"),
        ("", "./manage.py shel", "error: invalid choice: 'shel' (choose from 'shell', 'shelf')"),
        ("", "./manage.py reset", "error: invalid choice: 'reset' (choose from 'check', 'migrate')"),
        ("", "python3 tests/run.py", "tests/run.py: value 'tests/run.py' is not a valid day\n  tests/run.p  x"),
        ("", "tar -xzf a.tar.gz", "tar: a.tar.gz: Cannot open: Permission denied"),
        ("", "npm run nothing", 'npm error Missing script: "nothing"'),
        ("", "terraform plan", "bash: terraform: command not found"),
        ("", "sudo make install", "bash: sudo: command not found"),
        ("", "docker-compose up", "bash: docker-compose: command not found"),
        ("", "systemctl start nginx-of-nobody", "bash: systemctl: command not found"),
        ("", "python3 tests/run.py", "ModuleNotFoundError: No module named 'numpy'"),
        ("", ".venv/bin/python -m app", "ModuleNotFoundError: No module named 'rich'"),
        ("", "PYTHONPATH=x python3 tests/run.py", "ModuleNotFoundError: No module named 'shop'"),
        ("", "./tools/notes.txt", "bash: ./tools/notes.txt: Permission denied"),
        ("", "ls *.nothing", "zsh:1: no matches found: *.nothing"),
        ("", "python3 -c 'print(a.itemz)'", "AttributeError: no attribute 'itemz'. Did you mean: 'items'?"),
        ("", "tsc", "a.ts(1,2): error TS2551: Property 'lenght' does not exist. Did you mean 'length'?"),
        ("", "git psuh --froce", "error: unknown option `froce'. Did you mean --force?"),
        ("", "tool delte", "unknown command delte. Did you mean delete?"),
        ("", "npm test", "Unknown thing.\nDid you mean rest?"),
        ("", "npm run build", "> shop@1.0.0 build\n> node b.js\n\nUnknown thing. Did you mean biuld?"),
        ("", "yarn build", "yarn run v1.22.22\n$ node b.js\nUnknown thing build. Did you mean biuld?"),
        ("", "tar -xf a.zip -C out", "tar: This does not look like a tar archive"),
        ("", "A = b c", "bash: A: command not found"),
        ("", "psql shop", 'FATAL:  database "ann" does not exist'),
        ("", "psql -c 'drop x' shop", 'FATAL:  database "shop" does not exist'),
        ("", "ln -s link notes", "ln: failed to create symbolic link 'notes': File exists"),
        ("", "kubectl --context prod apply -f a", 'error when creating "a": namespaces "shop" not found'),
        ("", "echo 'a\" $(rm x)", "unexpected EOF while looking for matching"),
        ("", "git clone git clone a/b", "fatal: destination path 'b' already exists"),
        ("", "git stash nonsense", "usage: git stash list [<options>]"),
        ("", "git push origin main", "! [rejected] main -> main (non-fast-forward)\nhint: (e.g. 'git pull ...')"),
        ("", "git push origin +main", "! [rejected] main -> main (fetch first)\nhint: (e.g. 'git pull ...')"),
        ("", "git push --force", "! [rejected] main -> main (fetch first)\nhint: (e.g. 'git pull ...')"),
        ("", "npm unisntall left", 'Unknown command: "unisntall"'),
        ("", "docker sytem", "docker: command failed\nnot a docker matter"),
        ("", "grep total docs", "grep: docs: No such file or directory"),
        ("", "rm web", "rm: cannot remove 'web': Is a directory"),
        ("", "sed s/a f", "sed: -e expression #1, char 3: unterminated `s' command"),
        ("", "mkdir a/b", "mkdir: cannot create directory 'x/y': No such file or directory"),
        ("", "systemctl nginx nonsense", "Unknown command verb nginx."),
        ("", "git remote add origin a:b", "error: remote origin already exists."),
        ("", "service-start x", "bash: service-start: command not found"),
        ("", "npm tset", "Unknown command: tset\n\nDid you mean one of these?\n  npm test # run\n  npm set # set"),
        ("", "pytest -q", "E   AssertionError: 1 != 2"),
        ("web", "gcc src/app.ts docs/start.md", "src/app.ts:1:10: fatal error: a/b.h: No such file or directory"),
        ("", "npm x tsc -p web/src", "error TS5057: Cannot find a tsconfig.json file at the directory: 'web/src'."),
        ("", "tool nextest run", "no such command: `nextest`\nhelp: a command with a similar name exists: `test`"),
        ("", "python jobs/gone.py", "bash: python: command not found"),
        ("tools", "./gradlew build", "bash: ./gradlew: No such file or directory"),
        ("", "cat <<E\nx\nE", "bash: no such file or directory"),
        ("", "", "No such file or directory"),
    ],
)  # fmt: skip
def test_in_doubt_nothing_is_told(project: Path, inside: str, command: str, output: str) -> None:
    assert told(project, command, output, inside) == ""


SAID = (
    "Did you mean one of these?", "did you mean", "usage: git stash", "unknown command 'x'", "Available commands:",
    "  * ", "* x", "'", '"', "[--no-]", "--[no-]amend", "(choose from", ":", "  a:  b", "#", "lsit", "\n", " ",
    "grep: x: No such file or directory", "unterminated `s' command", "bash: git: command not found",
    "fatal: not removing 'x' recursively without -r",
)  # fmt: skip
TYPED = (
    "git", "lsit", "-x", "--amned", "s/a/b", "'s/a", "$", "x", "python3", "manage.py", "sudo", "grep", ".", "&&",
    "cd..", "''", "A=1",
)  # fmt: skip


@given(st.lists(st.sampled_from(TYPED), max_size=6).map(" ".join), st.lists(st.sampled_from(SAID)).map("\n".join))
@settings(max_examples=200)
def test_whatever_is_typed_and_said_no_rule_raises(command: str, output: str) -> None:
    another_way(command, read_typed(command, "/w"), "/w", "/w", output, Ground({"PATH": "/bin"}))


def test_a_wrapper_that_the_project_has_not_is_left_out_where_its_program_is_here(project: Path) -> None:
    (project.parent / "programs/mvn").touch(0o755)
    for command in ("./mvnw -q test", "./mvnw compile && ls"):
        said = "bash: line 1: ./mvnw: No such file or directory"
        assert told(project, command, said, "web") == command.replace("./mvnw", "mvn")
    (project / "mvnw").touch()
    assert told(project, "./mvnw -q test", "bash: line 1: ./mvnw: No such file or directory", "web") == ""


def test_without_sudo_only_who_is_root_is_told(project: Path) -> None:
    output = "sh: 1: sudo: not found"
    assert told(project, "sudo apt-get update", output, root_user=True) == "apt-get update"
    assert told(project, "sudo -u www ls", output, root_user=True) == ""


def test_a_tool_that_became_a_part_of_another_is_told_where_that_has_it(project: Path) -> None:
    plugins = project.parent / ".docker/cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").touch(0o755)
    assert told(project, "docker-compose up -d", "bash: docker-compose: command not found") == "docker compose up -d"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("gti status", "git status"), ("pyhton3 a.py", "python3 a.py"), ("dokcer ps", "docker ps"),
     ("servic x start", "service x start"), ("got status", ""), ("python2 a.py", ""), ("bosh x", ""), ("np ci", "")],
)  # fmt: skip
def test_a_slip_of_a_finger_in_a_programs_name_is_told(project: Path, typed: str, meant: str) -> None:
    assert told(project, typed, f"bash: {typed.split()[0]}: command not found") == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("gitstatus", "git status"), ("git-status -s", "git status -s"), ("docker-ps", "docker ps"), ("gitx", ""),
     ("sudo gti pull", "sudo git pull"), ("npmrun x", "npm run x"), ("docker-rm x", "")],
)  # fmt: skip
def test_a_space_that_lacks_is_told_where_the_program_takes_that_word(project: Path, typed: str, meant: str) -> None:
    name = typed.removeprefix("sudo ").split()[0]
    said = f"sudo: {name}: command not found" if typed.startswith("sudo") else f"bash: {name}: command not found"
    assert told(project, typed, said) == meant


def test_a_file_without_its_ending_is_told_where_that_is_here(project: Path) -> None:
    said = "python3: can't open file '{}': [Errno 2] No such file or directory"
    assert told(project, "python3 tests/run", said.format(f"{project}/tests/run")) == "python3 tests/run.py"
    assert told(project, "python3 tests/runs", said.format(f"{project}/tests/runs")) == ""


def test_the_first_branch_is_told_by_the_name_that_it_has(project: Path) -> None:
    (project / ".git").mkdir()
    (project / ".git/HEAD").write_text("ref: refs/heads/main\n")
    output = "error: src refspec master does not match any\nerror: failed to push some refs to 'o'"
    assert told(project, "git push -u origin master", output) == "git push -u origin main"
    (project / ".git/HEAD").write_text("ref: refs/heads/hotfix\n")
    assert told(project, "git push -u origin master", output) == ""


def test_the_other_first_branch_is_told_where_it_is_there(project: Path) -> None:
    output = "error: pathspec 'master' did not match any file(s) known to git"
    assert told(project, "git checkout master", output) == ""
    (project / ".git/refs/heads").mkdir(parents=True)
    (project / ".git/refs/heads/main").touch()
    assert told(project, "git checkout master", output) == "git checkout main"
    assert told(project, "git checkout -b topic master", output) == ""


def test_a_program_that_lies_in_this_folder_is_told_by_its_path(project: Path) -> None:
    (project / "serve").touch(0o755)
    assert told(project, "serve --all", "bash: serve: command not found") == "./serve --all"
    assert told(project, "serve --all", "bash: serve: command not found", "web") == ""


def test_two_files_of_one_name_are_no_answer(project: Path) -> None:
    (project / "server/run.py").touch()
    assert (
        told(project, "python3 run.py", "python3: can't open file 'run.py': [Errno 2] No such file or directory") == ""
    )


NPM = 'npm error Missing script: "{}"\nnpm error\nnpm error Did you mean this?\nnpm error   npm run {} # run it'


@pytest.mark.parametrize(
    ("command", "output", "expected"),
    [
        ("npm run lnit", NPM.format("lnit", "lint"), "npm run lint"),
        ("npm run lnit", 'npm error Missing script: "lnit"\nnpm error\nnpm error To see a list', "npm run lint"),
        ("npm lnit", 'Unknown command: "lnit"\n\nDid you mean this?\n    npm run lint # run it', "npm run lint"),
        ("npm run lnit", NPM.format("lnit", "lintt"), "npm run lint"),  # the file knows better than what is said
        ("npm run depoly", NPM.format("depoly", "deploy"), ""),  # the project has no such script, whoever says so
        ("yarn lnit", 'error Command "lnit" not found. Did you mean "lint"?', "yarn lint"),
        ("yarn run lnit", 'Usage Error: Couldn\'t find a script named "lnit".', "yarn run lint"),
        ("pnpm run lnit", ' ERR_PNPM_NO_SCRIPT  Missing script: lnit\n\nCommand "lnit" not found.', "pnpm run lint"),
        ("bun run lnit", 'error: Script not found "lnit"', "bun run lint"),
        ("bun lnit", 'error: Script not found "lnit"', "bun run lint"),  # its own verbs come before scripts
        ("npm run deploy", 'npm error Missing script: "deploy"', ""),
    ],
)
def test_a_script_is_told_by_the_name_that_the_projects_own_file_has(
    project: Path, command: str, output: str, expected: str
) -> None:
    assert told(project, command, output, "web") == expected


def test_a_slip_is_never_read_as_an_option_that_deletes_or_forces(tmp_path: Path) -> None:
    cwd = str(tmp_path)
    for command, said in (("rsync --delte a b", "rsync: --delte: unknown option"), ("curl --insecrue x", "is unknown")):
        output = said if "--" in said else f"curl: option --insecrue: {said}"
        assert another_way(command, read_typed(command, cwd), cwd, cwd, output, Ground({})) is None


def test_a_branch_with_a_slip_is_told_by_the_name_that_it_has(project: Path) -> None:
    (project / ".git/refs/heads/feature").mkdir(parents=True)
    (project / ".git/refs/heads/feature/basket").touch()
    (project / ".git/packed-refs").write_text(f"# pack-refs\n{'a' * 40} refs/heads/develop\n")
    said = "error: pathspec '{}' did not match any file(s) known to git"
    assert told(project, "git checkout develpo", said.format("develpo")) == "git checkout develop"
    assert told(project, "git switch feature/baskte", "fatal: invalid reference: feature/baskte") == (
        "git switch feature/basket"
    )
    for command in ("git checkout -b develpo", "git branch -D develpo", "git checkout other"):
        assert told(project, command, said.format(command.split()[-1])) == ""


def test_a_package_that_no_well_known_one_is_near_to_is_not_told(tmp_path: Path) -> None:
    cwd = str(tmp_path)
    for name in ("acme-internal", "numpyy2x", "requests"):
        output = f"ERROR: No matching distribution found for {name}"
        command = f"pip install {name}"
        assert another_way(command, read_typed(command, cwd), cwd, cwd, output, Ground({})) is None


def test_what_the_shell_may_not_write_is_written_by_root(tmp_path: Path) -> None:
    cwd, denied = str(tmp_path), "bash: {}: Permission denied"
    for command, expected in (
        ("echo '10.0.0.5 db' >> /opt/app/hosts", "echo '10.0.0.5 db' | sudo tee -a /opt/app/hosts"),
        ("echo '10.0.0.5 db' >> /etc/sudoers", ""),
        ("rm x >> /opt/app/hosts", ""),
        ("echo a >> /opt/app/hosts; rm x", ""),
        ("echo $(cat key) >> /opt/app/hosts", ""),
    ):
        ground = Here({"PATH": cwd})
        ground.root_user = True
        said = "\n".join(denied.format(path) for path in ("/opt/app/hosts", "/etc/sudoers"))
        way = another_way(command, read_typed(command, cwd), cwd, cwd, said, ground)
        assert (way.command if way else "") == expected


def test_of_two_ways_that_a_program_names_none_is_told(tmp_path: Path) -> None:
    cwd, ground = str(tmp_path), Ground({})
    said = "either disable lifecycle.prevent_destroy or reduce the scope of the plan using the -target option."
    for command in ("terraform destroy", "terraform plan"):
        assert another_way(command, read_typed(command, cwd), cwd, cwd, said, ground) is None


def test_a_name_with_odd_letters_is_never_told(project: Path) -> None:
    (project / "web/package.json").write_text(json.dumps({"scripts": {"li`id`nt": "x", "lint\n": "y"}}))
    assert told(project, "npm run lintt", 'Missing script: "lintt"', "web") == ""


def test_a_project_of_very_many_files_is_not_searched(project: Path) -> None:
    for name in range(3):
        folder = project / f"many{name}"
        folder.mkdir()
        for number in range(2_000):
            (folder / f"{number}.txt").touch()
    assert (
        told(project, "python3 run.py", "python3: can't open file 'run.py': [Errno 2] No such file or directory") == ""
    )


REPLACED = (
    "Package python-pip is not available, but is referred to by another package.\n"
    "However the following packages replace it:\n  python3-pip\n\nE: Package 'python-pip' has no installation candidate"
)
NOT_RUNNING = "Error response from daemon: container 5d1f3b0f0d7f is not running"
FIND = "find . -name '*.log'"
JQ = "jq: error: id/0 is not defined at <top-level>, line 1:\n.user-id"
GCLOUD = (
    "ERROR: (gcloud.compute) Invalid choice: 'instance'.\nMaybe you meant:\n"
    "  gcloud compute instance-groups list\n  gcloud compute instances list\n  gcloud compute target-instances list\n"
)


@pytest.mark.parametrize(
    ("command", "output", "expected"),
    [
        ("grep x src", "grep: src: Is a directory", "grep -r x src"),
        ("cp src dst", "cp: -r not specified; omitting directory 'src'", "cp -r src dst"),
        (
            "python pkg/main.py",
            "ImportError: attempted relative import with no known parent package",
            "python -m pkg.main",
        ),
        (
            "pip3 install rich",
            "error: externally-managed-environment",
            "python3 -m venv .venv && . .venv/bin/activate && pip install rich",
        ),
        (
            "tar -xzf logs.tar.bz2",
            "gzip: stdin: not in gzip format\ntar: Child returned status 1",
            "tar -xf logs.tar.bz2",
        ),
        ("git checkout -b hotfix", "fatal: a branch named 'hotfix' already exists", "git checkout hotfix"),
        (
            "./manage.py migrat shop",
            "manage.py: error: cmd: invalid choice: 'migrat' (choose from 'check', 'migrate', 'makemigration')",
            "./manage.py migrate shop",
        ),
        (
            "git stash lsit",
            "usage: git stash list [<options>]\n   or: git stash show [<stash>]\n   or: git stash drop [<stash>]",
            "git stash list",
        ),
        (
            "inv relase",
            "No idea what 'relase' is! Unknown task.\nAvailable tasks:\n\n  build    Build it.\n  release   Ship it.",
            "inv release",
        ),
        (
            "terraform fmt -chekc tf",
            "Usage: terraform fmt [options]\n  -check   Check the files.\n  -diff    Show.\n"
            "Error parsing command-line flags: flag provided but not defined: -chekc",
            "terraform fmt -check tf",
        ),
        ("docker exec -it db psql", "the input device is not a TTY", "docker exec -i db psql"),
        ("docker run --rm -t app make", "the input device is not a TTY", "docker run --rm app make"),
        ("docker compose exec db psql", "the input device is not a TTY", "docker compose exec -T db psql"),
        ("gcc a.c -o a", "a.c:(.text+0x33): undefined reference to `sqrt'", "gcc a.c -o a -lm"),
        (
            "poetry add httpx",
            "The locker is old. Try adding it with the --lock flag.",
            "poetry add --lock httpx",
        ),
        ("git push -tags", "error: did you mean `--tags` (with two dashes)?", "git push --tags"),
        ("sudo cp -v conf out", "cp: omitting directory ‘conf’", "sudo cp -r -v conf out"),
        ("scp conf host:", "conf: not a regular file", "scp -r conf host:"),
        ("git rm vendor", "fatal: not removing 'vendor' recursively without -r", "git rm -r vendor"),
        ("ln conf out", "ln: conf: hard link not allowed for directory", "ln -s conf out"),
        ("mkdir a/b/c", "mkdir: a/b: No such file or directory", "mkdir -p a/b/c"),
        ("git commit -m x", 'no changes added to commit (use "git add" and/or "git commit -a")', "git commit -a -m x"),
        ("grep -n . total", "grep: total: No such file or directory", "grep -n total ."),
        ("sed -i 's/a/b' f", "sed: -e expression #1, char 5: unterminated `s' command", "sed -i 's/a/b/' f"),
        ("git clone git clone a/b", "fatal: Too many arguments.", "git clone a/b"),
        ("git git status", "git: 'git' is not a git command.", "git status"),
        ("sudo systemctl nginx start", "Unknown command verb nginx.", "sudo systemctl start nginx"),
        ("apt-get search tree", "E: Invalid operation search", "apt-cache search tree"),
        ("java App.java", "Error: Could not find or load main class App.java", "java App"),
        ("javac App", "error: Class names, 'App', are only accepted if annotation processing is", "javac App.java"),
        ("git remote set-url up a:b/c", "error: No such remote 'up'", "git remote add up a:b/c"),
        (
            "git push -u origin main",
            " ! [rejected]  main -> main (fetch first)\nhint: (e.g., 'git pull ...') before pushing again.",
            "git pull origin main && git push -u origin main",
        ),
        (
            "git pull",
            "There is no tracking information.\n\n    git branch --set-upstream-to=origin/<branch> topic\n",
            "git branch --set-upstream-to=origin/topic topic && git pull",
        ),
        (
            "./manage.py createsuperuser",
            "django.db.utils.OperationalError: no such table: auth_user",
            "./manage.py migrate && ./manage.py createsuperuser",
        ),
        ("rake seed", "Prepending `bundle exec` to your command may solve this.", "bundle exec rake seed"),
        ("docker build -t app", "docker: 'docker build' requires 1 argument", "docker build -t app ."),
        ("docker exec -it app bash", 'exec: "bash": executable file not found in $PATH', "docker exec -it app sh"),
        ("g++ a.cc", "support must be enabled with the -std=c++11 or -std=gnu++11", "g++ a.cc -std=c++11"),
        ("docker imgaes", "docker: 'imgaes' is not a docker command.", "docker images"),
        ("npm rnu build", 'Unknown command: "rnu"', "npm run build"),
        ("sudo apt-get updte", "E: Invalid operation updte", "sudo apt-get update"),
        ("python3 manage.py runsever", "Unknown command: 'runsever'", "python3 manage.py runserver"),
        ("git stash saev wip", "usage: git stash list [<options>]\n   or: git stash clear", "git stash save wip"),
        (
            "gh rpo list",
            'unknown command "rpo" for "gh"\n\nDid you mean this?\n\trepo\n\tpr\n',
            "gh repo list",
        ),
        (
            "poetry isntall",
            "The requested command isntall does not exist.\n\nDid you mean one of these perhaps?\n"
            "    install: Installs the dependencies.\n    self install: x",
            "poetry install",
        ),
        ("gradle biuld", "Task 'biuld' not found in root project 'a'. Some candidates are: 'build'.", "gradle build"),
        (
            "hdfs dfs ls /x",
            "ls: Unknown command\nDid you mean -ls?  This command begins with a dash.",
            "hdfs dfs -ls /x",
        ),
        ("conda lst", "CommandNotFoundError: No command 'conda lst'.\nDid you mean 'conda list'?", "conda list"),
        ("cd..", "bash: cd..: command not found", "cd .."),
        ("tar -xvf a.zip", "tar: This does not look like a tar archive", "unzip a.zip"),
        ("unzip a.tar.gz", "  End-of-central-directory signature not found.", "tar xf a.tar.gz"),
        ("export A = b", "bash: export: `=': not a valid identifier", "export A=b"),
        ("A = b", "bash: A: command not found", "A=b"),
        ("pip install a=2.0 b", "Hint: = is not a valid operator. Did you mean == ?", "pip install a==2.0 b"),
        ("sudo makepkg -s", "ERROR: Running makepkg as root is not allowed: you must not run it as root", "makepkg -s"),
        ("npm run b", "FATAL ERROR: JavaScript heap out of memory", "NODE_OPTIONS=--max-old-space-size=4096 npm run b"),
        (
            "kubectl apply -f a.yaml",
            'Error from server: error when creating "a.yaml": namespaces "shop" not found',
            "kubectl create namespace shop && kubectl apply -f a.yaml",
        ),
        (
            "psql -U ann -d shop",
            'psql: error: FATAL:  database "shop" does not exist',
            "createdb -U ann shop && psql -U ann -d shop",
        ),
        ("git log a.py -p", "fatal: option '-p' must come before non-option arguments", "git log -p a.py"),
        ("git commit -m 'a b\"", "bash: unexpected EOF while looking for matching `\"'", 'git commit -m "a b"'),
        ("ls\u00a0-l", "bash: ls\u00a0-l: command not found", "ls -l"),
        ("cargo biuld", "error: No such subcommand\n\n\tDid you mean `build`?", "cargo build"),
        ("kubectl get pdos", 'error: the server doesn\'t have a resource type "pdos"', "kubectl get pods"),
        ("find . -nmae x", "find: unknown predicate `-nmae'", "find . -name x"),
        ("./gradlew asemble", "Task 'asemble' not found in root project 'a'.", "./gradlew assemble"),
        ("adb lgcat", "Android Debug Bridge version 1.0.41\n\nglobal options:", "adb logcat"),
        ("ls-la", "bash: ls-la: command not found", "ls -la"),
        ("journalctl --sicne=today", "journalctl: unrecognized option '--sicne=today'", "journalctl --since=today"),
        ("curl --locaton -o a b", "curl: option --locaton: is unknown", "curl --location -o a b"),
        ("docker run --detatch nginx", "unknown flag: --detatch\n\nUsage:  docker run", "docker run --detach nginx"),
        ("pip install --upgarde x", "no such option: --upgarde", "pip install --upgrade x"),
        ("pip install reqeusts", "ERROR: No matching distribution found for reqeusts", "pip install requests"),
        ("npm install expres", "npm error 404  'expres@*' is not in this registry.", "npm install express"),
        ("yarn add expres", 'error Couldn\'t find package "expres" on the "npm" registry.', "yarn add express"),
        ("sudo apt install python-pip", REPLACED, "sudo apt install python3-pip"),
        ("docker exec -it web sh", NOT_RUNNING, "docker start web && docker exec -it web sh"),
        ("pip install x", "Consider using the `--user` option or check the permissions.", "pip install --user x"),
        ("tar -cfz a.tgz data", "tar: a.tgz: Cannot stat: No such file or directory", "tar -czf a.tgz data"),
        ("find . -name *.log -size +1M", "find: paths must precede expression: `b.log'", f"{FIND} -size +1M"),
        ("find . -exec gzip {}", "find: missing argument to `-exec'", "find . -exec gzip {} \\;"),
        ("jq .user-id a.json", JQ, """jq '."user-id"' a.json"""),
        ("gcc -lm a.c -o a", "a.c: undefined reference to `pow'", "gcc a.c -o a -lm"),
        ("java Main.class", "Error: Could not find or load main class Main.class", "java Main"),
        ("sudo systemctl restart ngnix", "Unit ngnix.service not found.", "sudo systemctl restart nginx"),
        ("flask db upgarde", "Error: No such command 'upgarde'.", "flask db upgrade"),
        ("gcloud compute instance list", GCLOUD, "gcloud compute instances list"),
        ("sl", "bash: sl: command not found", "ls"),
        ("$ ls x", "bash: $: command not found", "ls x"),
    ],
)
def test_what_is_usually_typed_instead_is_told(tmp_path: Path, command: str, output: str, expected: str) -> None:
    cwd = str(tmp_path)
    way = another_way(command, read_typed(command, cwd), cwd, cwd, output, Ground({"PATH": "/usr/bin:/bin"}))
    assert way is not None and way.command == expected


def test_a_module_outside_of_a_package_is_not_guessed(tmp_path: Path) -> None:
    output, cwd = "ImportError: attempted relative import with no known parent package", str(tmp_path)
    for command in ("python main.py", "python ../pkg/main.py", "python -m main"):
        assert another_way(command, read_typed(command, cwd), cwd, cwd, output, Ground({})) is None


@pytest.mark.parametrize(
    "name",
    ["commit|sh", "commit;id", "commit&id", "commit>x", "commit\\n", "commit!", "${commit}", "c\u043emmit", 'commit"x'],
)
def test_a_name_on_a_line_of_its_own_is_a_word_and_no_more(project: Path, name: str) -> None:
    said = "git: 'comit' is not a git command.\n\nThe most similar command is\n\t{}\n"
    assert told(project, "git comit -m x", said.format("commit")) == "git commit -m x"
    for text in (name, "git -c core.sshCommand=./x commit", "git --exec-path=./x commit"):
        assert told(project, "git comit -m x", said.format(text)) in ("", "git commit -m x")


@pytest.mark.parametrize(
    "option",
    ["--trust-all", "--assume-yes", "--noconfirm", "--nogpgcheck", "--bypass", "--exec", "--volumes", "--public"],
)
def test_an_option_that_takes_a_check_away_or_loses_something_is_not_named(project: Path, option: str) -> None:
    said = "error: cannot do this; use the {} flag."
    assert told(project, "npm install x", said.format("--workspaces")) == "npm install --workspaces x"
    assert told(project, "npm install x", said.format(option)) == ""


@pytest.mark.parametrize(
    "name", ["builds;id", "builds|sh", "builds&id", "buil$(id)", "build\nid", "b\u0443ilds", "-builds"]
)
def test_the_name_of_a_script_is_told_where_a_shell_reads_one_word(project: Path, name: str) -> None:
    said = 'npm error Missing script: "bulids"'
    (project / "web/package.json").write_text(json.dumps({"scripts": {"builds": "x"}}))
    assert told(project, "npm run bulids", said, "web") == "npm run builds"
    (project / "web/package.json").write_text(json.dumps({"scripts": {name: "x"}}))
    assert told(project, "npm run bulids", said, "web") == ""


@pytest.mark.parametrize("name", ["release;id", "release|id", "release&id", "release>id"])
def test_the_name_of_a_branch_is_told_where_a_shell_reads_one_word(project: Path, name: str) -> None:
    said = "error: pathspec 'release-id' did not match any file(s) known to git"
    (project / ".git").mkdir()
    packed = project / ".git/packed-refs"
    packed.write_text(f"{'0' * 40} refs/heads/release_id\n")
    assert told(project, "git checkout release-id", said) == "git checkout release_id"
    packed.write_text(f"{'0' * 40} refs/heads/{name}\n")
    assert told(project, "git checkout release-id", said) == ""


@pytest.mark.parametrize("name", ["a;id", "a$(id)", "a|sh", "a&id", "a b"])
def test_no_name_of_a_file_has_a_shell_read_more_than_was_typed(tmp_path: Path, name: str) -> None:
    for folder in ("repo", f"repo/{name}"):
        (tmp_path / folder).mkdir()
    (tmp_path / "repo" / name / "package.json").write_text(json.dumps({"scripts": {"lint": "x"}}))
    (tmp_path / "repo" / name / "app.py").touch()
    for command, said in (
        ("npm run lint", 'npm error Missing script: "lint"'), ("python app.py", "can't open file 'app.py': [Errno 2]"),
        ("npm ci", "npm error enoent Could not read package.json"),
    ):  # fmt: skip
        root = str(tmp_path / "repo")
        assert another_way(command, read_typed(command, root), root, root, said, Here({"PATH": "/bin"})) is None
