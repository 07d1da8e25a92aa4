"""One fix is one fix: a key is the same for every spelling of a typed action, and for nothing else."""

from __future__ import annotations

from contextlib import AbstractContextManager
from itertools import combinations
from pathlib import Path

import pytest
from tests.core.policy.test_policy import question

from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.interchange import put
from meshcore.knowledge.parts import is_typed
from meshcore.model import Action, Slot
from meshcore.policy.action_key import action_key, note_action_keys
from meshcore.policy.policy import Policy
from meshcore.store.store import Store
from meshcore.testing import known_skill

ONE_EACH = [
    [
        "pip install idna",
        "pip3 install idna",
        "pip3.12 install idna",
        ".venv/bin/pip install idna",
        "/srv/x/.venv/bin/pip3 install idna",
        "python -m pip install idna",
        "python3.11 -m pip install -q idna",
        "/x/.venv/bin/python -m pip install --quiet idna",
        "uv pip install idna",
        "uv pip install -q idna",
        "pip install idna -q",
        "pip install --no-input --disable-pip-version-check Idna",
    ],
    ["pip install idna==3.4", "python -m pip install idna==3.4"],
    ["pip install idna==3.5"],
    ["pip install typing-extensions", "pip install typing_extensions", "uv pip install Typing.Extensions"],
    ["pip install -r requirements.txt", "pip3 install --requirement requirements.txt",
     "pip install -r ./requirements.txt"],
    ["mkdir build", "mkdir ./build", "mkdir build/", "/bin/mkdir build", "mkdir -v build",
     "mkdir -p build", "mkdir --parents build", "mkdir build -p", "mkdir -pv build"],
    ["cp conf.example conf", "cp -n conf.example conf", "cp ./conf.example conf"],
    ["rm .git/index.lock", "rm -f .git/index.lock"],
    ["chmod +x run.sh", "chmod u+x ./run.sh"],
    ["mkdir Build"],
    ["git branch --set-upstream-to origin/main", "git branch -u origin/main",
     "git branch --set-upstream-to=origin/main"],
    ["git config user.email a@example.org", "git config --local user.email a@example.org",
     "/usr/bin/git config user.email a@example.org"],
    ["npm install lodash", "npm i lodash", "npm add lodash --save",
     "npm i -S --no-audit lodash", "/usr/bin/npm i lodash"],
    ["npm install --save-dev lodash", "npm i lodash -D"],
    ["pnpm add lodash", "pnpm i lodash", "pnpm install lodash", "pnpm add --save-prod lodash"],
    ["yarn add lodash", "yarn add lodash --silent"],
    ["bun add lodash", "bun a lodash", "bun i lodash", "bun install lodash"],
    ["npm install @types/node@20", "npm i @types/node@20"],
    ["git push --set-upstream origin main", "git push -u origin main", "git push origin main -u"],
    ["systemctl start web"],
    ["systemctl restart web"],
    ["fuser -k 3000/tcp"],
    ["fuser -k 3001/tcp"],
]  # fmt: skip


@pytest.mark.parametrize("spellings", ONE_EACH, ids=[one[0] for one in ONE_EACH])
def test_every_spelling_of_a_fix_has_one_key(spellings: list[str]) -> None:
    assert len({action_key(parse_fix(text)) for text in spellings}) == 1
    assert is_typed(action_key(parse_fix(spellings[0])))


def test_no_two_fixes_share_a_key() -> None:
    keys = [action_key(parse_fix(spellings[0])) for spellings in ONE_EACH]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "others",
    [
        ("pip install idna", "pip install -U idna", "pip install --user idna", "pip install idna certifi"),
        ("pip install idna", "pip install --index-url http://127.0.0.1/ idna", "pip install --target x idna"),
        ("pip install idna", "./pip install idna", "tools/pip install idna", "uv pip install --system idna"),
        ("pip install idna", "python -m pip.idna install idna", "python pip install idna", "pipx install idna"),
        ("git config user.email a@b.c", "git config --global user.email a@b.c"),
        ("rm -r x", "rm x", "rm -rf x"),
    ],
)
def test_what_does_something_else_has_a_key_of_its_own(others: tuple[str, ...]) -> None:
    for one, other in combinations(others, 2):
        assert action_key(parse_fix(one)) != action_key(parse_fix(other)), (one, other)


def test_references_are_kept_apart_and_need_no_example() -> None:
    install = [Action("argv", ((*words, "{0}"),)) for words in (("pip", "install"), ("uv", "pip", "install", "-q"))]
    assert action_key(install[0]) == action_key(install[1])
    assert is_typed(action_key(install[0]))
    assert action_key(install[0]) != action_key(Action("argv", (("pip", "install", "{1}"),)))
    ports = [Action("argv", (("fuser", "-k", port),)) for port in ("{0}/tcp", "50000/tcp")]
    assert action_key(ports[0]) != action_key(ports[1])


def test_what_is_no_typed_action_is_the_same_by_its_words_only() -> None:
    plain, other = (action_key(parse_fix(text)) for text in ("frobnicate -q x", "frobnicate x"))
    assert plain != other
    assert not is_typed(plain)
    assert action_key(Action("advice", (), "Restart it")) == action_key(Action("advice", (), "restart  it"))


@pytest.mark.parametrize(
    "written",
    ["pip3 install -q idna", "python3 -m pip install idna", "/evil/bin/pip install idna", "uv pip install idna"],
)
def test_whatever_is_written_what_runs_is_the_pip_of_the_environment_that_failed(tmp_path: Path, written: str) -> None:
    python = tmp_path / "venv/bin/python"
    python.parent.mkdir(parents=True)
    (tmp_path / "venv/pyvenv.cfg").touch()
    python.touch()
    asked = question(tmp_path, tuple(written.split()), python=str(python), slots=(Slot("name", "idna"),))
    ruling = Policy.load(None).decide(asked)
    assert (ruling.decision, ruling.action_type) == ("run", "install_package")
    assert ruling.plan[0].argv[:3] == (str(python), "-I", "-m")
    assert ruling.plan[0].argv[-1] == "idna" and "evil" not in " ".join(ruling.plan[0].argv)


@pytest.mark.parametrize(
    ("written", "decision"),
    [("{}/build", "run"), ("{}/../build", "approve"), ("/etc/build", "refuse"), ("{}x/build", "approve")],
)
def test_an_absolute_path_below_the_folder_is_a_path_of_the_project(
    tmp_path: Path, written: str, decision: str
) -> None:
    ruling = Policy.load(None).decide(question(tmp_path, ("mkdir", written.format(tmp_path))))
    assert ruling.decision == decision
    if decision == "run":
        assert ruling.plan[0].argv[1:] == ("build",)


def test_an_absolute_path_through_a_link_of_the_project_waits(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    ruling = Policy.load(None).decide(question(tmp_path, ("mkdir", f"{tmp_path}/link/x")))
    assert ruling.decision == "approve"


def test_a_form_of_the_operators_own_holds_in_the_spelling_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(
        'schema_version = 1\n[actions.own]\nforms = ["pip3 download NAME"]\nbounded = true\n'
    )
    assert Policy.load(tmp_path / "policy.toml").check("pip3 download x").action_type == "own"
    assert Policy.load(tmp_path / "policy.toml").check("/usr/bin/pip3 download x").action_type == ""


@pytest.mark.parametrize(
    "text", ["npm i lodash", "pnpm add lodash", "yarn add lodash", "bun add lodash", "git push -u origin main"]
)
def test_what_changes_what_a_project_pins_or_sends_to_others_waits_for_a_person(tmp_path: Path, text: str) -> None:
    asked = question(tmp_path, tuple(text.split()), slots=(Slot("name", "lodash"), Slot("path", "main")))
    for contained in (True, False):
        assert Policy.load(None).decide(asked, contained=contained).decision == "approve"


@pytest.mark.parametrize(
    "text",
    ["npm i -g lodash", "npm i http://x/y.tgz", "npm i ./evil", "npm i evil/repo", "npm i git+ssh://x/y",
     "npm i lodash --x",
     "npm i --registry=http://x lodash", "git push -u origin +main", "git push -u --no-verify origin main"],
)  # fmt: skip
def test_nothing_else_is_taken_for_them(text: str) -> None:
    assert not is_typed(action_key(parse_fix(text)))


def test_the_keys_of_all_that_have_none_are_noted_at_once_and_where_all_have_one_nothing_is_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [put(store, known_skill(name)) for name in ("django", "flask", "numpy")]
    begun, transaction = [], store.transaction

    def counted() -> AbstractContextManager[None]:
        begun.append(1)
        return transaction()

    monkeypatch.setattr(store, "transaction", counted)
    assert set(note_action_keys(store)) == {one.skill_id for one in known}
    assert note_action_keys(store) == []
    assert len(begun) == 1
    assert all(one.action_key for one in store.skills.readable(store.skills.ids()))
