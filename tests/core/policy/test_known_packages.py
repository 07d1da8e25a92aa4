"""A package is installed unattended only where its very name is known; a name that a text has chosen waits."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from meshcore.knowledge.well_known import distribution_of, normal
from meshcore.model import Action, AgentInfo, Evidence, Incident, KnownSkill, Match, Signature, Skill, Slot
from meshcore.policy.known_packages import asked_for, lookalike
from meshcore.policy.policy import Policy
from meshcore.policy.question import Question

POLICY = Policy.load(None)
NOBODY = Evidence()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/pyvenv.cfg").write_text("")
    (folder / ".venv/bin/python").write_text("")
    return folder


def asked(
    project: Path, package: str, module: str = "", *, evidence: Evidence = NOBODY, action: str = "", own: bool = True
) -> Question:
    """Return whether to install a package because a module is missing; `action` may refer to the module as {0}."""
    slots = (Slot("name", module or package),)
    skill = Skill(
        1,
        "ModuleNotFoundError",
        "No module named <name>",
        (),
        Action("argv", (("pip", "install", action or package),)),
    )
    known = KnownSkill(skill, own_operator=own, confirmed=True, evidence=evidence)
    signature = Signature(1, skill.error_type, skill.template, slots)
    incident = Incident("i", "", AgentInfo("a"), ("python", "app.py"), str(project), 1, signature, "")
    match = Match(skill.skill_id, "exact", 1.0, skill.action.fill(slots), "the same error")
    return Question(incident, known, match, str(project / ".venv/bin/python"), project=str(project))


def decided(question: Question) -> str:
    return POLICY.decide(question, contained=True).decision


def track(project: Path, *names: str) -> None:
    if not (project / ".git").exists():
        subprocess.run(["git", "init", "-q", str(project)], check=True)
    subprocess.run(["git", "-C", str(project), "add", *names], check=True)


def declaring(tmp_path: Path, *projects: Path) -> Policy:
    path = tmp_path / "policy.toml"
    path.write_text(f"schema_version = 1\n[declared]\nprojects = {[str(one) for one in projects]}\n".replace("'", '"'))
    policy = Policy.load(path)
    assert not policy.problem
    return policy


# --- what is well known -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("django", "django"), ("requests.adapters", "requests"), ("yaml", "PyYAML"), ("PIL", "pillow"),
        ("bs4", "beautifulsoup4"), ("sklearn", "scikit_learn"), ("jwt", "PyJWT"), ("numpy", "numpy"),
        ("dateutil.parser", "python-dateutil"), ("dotenv", "python_dotenv"), ("pandas", "pandas"), ("redis", "redis"),
        ("langchain_core", "langchain-core"),
    ],
)  # fmt: skip
def test_the_well_known_package_of_a_missing_module_is_installed(project: Path, module: str, package: str) -> None:
    assert decided(asked(project, package, module)) == "run"


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("reqeusts", "reqeusts"), ("requets", "requets"), ("djnago", "djnago"), ("requests2", "requests2"),
        ("python-requests", "python-requests"), ("acme_internal", "acme-internal"),
        ("jwt", "jwt"), ("attr", "attr"), ("fitz", "fitz"), ("kafka", "kafka"), ("modAL", "modal"),
        ("yaml", "yaml"), ("PIL", "pil"), ("bs4", "bs4"), ("sklearn", "sklearn"),
        ("pil", "pillow"), ("Requests", "requests-oauthlib"), ("yaml", "requests"), ("colour", "colourama"),
        ("google", "google"), ("google.cloud", "google-cloud"), ("azure", "azure"), ("zope", "zope"),
        ("json", "json"), ("distutils", "distutils"), ("asyncio", "asyncio"), ("tests", "tests"), ("utils", "utils"),
        ("requests", "requests==2.0.0"), ("django", "Django==1.0"),
        ("requests", "req-uests"), ("requests", "request-s"), ("flas\u212a", "flask"), ("reque\u017fts", "requests"),
        ("r\u0435quests", "requests"), ("requests\u200b", "requests"), ("REQUESTS", "requests"),
    ],
)  # fmt: skip
def test_a_name_that_nobody_knows_for_this_error_waits(project: Path, module: str, package: str) -> None:
    assert decided(asked(project, package, module)) == "approve"


@pytest.mark.parametrize(
    "word",
    [
        "requests[socks]", "requests>=2", "requests @ https://x.example/r.whl", "https://x.example/requests.whl",
        "./requests", "requests.whl", "git+https://x.example/requests", "--pre", "-rrequests", "requests evil",
        "requests;python_version>'3'", "requests==*", "requests==2.0;evil", "requests===2", "requests\nevil",
        "requests ", " requests", "requests.ZIP", "requests==1.tar.gz",
        "r\u0435quests", "requests\u200b", "--index-url=https://x.example", "requests,evil",
    ],
)  # fmt: skip
def test_extras_addresses_files_and_options_are_no_plain_name(project: Path, word: str) -> None:
    verified = Evidence(verified=3, values={0: frozenset({"requests", word})})
    assert decided(asked(project, word, "requests", evidence=verified)) != "run"
    assert decided(asked(project, word, word, evidence=verified, action="{0}")) != "run"


@pytest.mark.parametrize("more", [("evil",), ("--no-deps",), ("-i", "https://x.example"), ("-r", "requirements.txt")])
def test_a_well_known_name_vouches_for_nothing_that_stands_beside_it(project: Path, more: tuple[str, ...]) -> None:
    question = asked(project, "requests")
    argv = (*question.match.action.steps[0], *more)
    action = Action("argv", (argv,))
    known = replace(question.known, skill=replace(question.known.skill, action=action))
    assert decided(replace(question, known=known, match=replace(question.match, action=action))) != "run"


def test_a_package_of_another_index_is_not_known_by_the_list(tmp_path: Path, project: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        "schema_version = 1\n[actions.add]\nsummary = 'add'\nforms = ['npm install PACKAGE']\nbounded = true\n"
        "network = true\nneeds = 'incident'\n"
    )
    question = asked(project, "requests")
    action = Action("argv", (("npm", "install", "requests"),))
    known = replace(question.known, skill=replace(question.known.skill, action=action))
    question = replace(question, known=known, match=replace(question.match, action=action))
    policy = Policy.load(path)
    assert "no well-known package" in " ".join(policy.decide(question, contained=True).reasons)
    verified = replace(known, evidence=Evidence(verified=1))
    reasons = policy.decide(replace(question, known=verified), contained=True).reasons
    assert "no well-known package" not in " ".join(reasons)


# --- what an own node has verified ------------------------------------------------------------------------------------


def test_a_name_that_an_own_node_has_verified_is_installed(project: Path) -> None:
    assert decided(asked(project, "acme-internal", evidence=Evidence(verified=1))) == "run"
    assert decided(asked(project, "acme-internal==2.1", "acme-internal", evidence=Evidence(verified=1))) == "run"


def test_what_another_operator_has_verified_or_taught_vouches_for_nothing(project: Path) -> None:
    elsewhere = Evidence(verified=0, verified_elsewhere=9)
    assert decided(asked(project, "acme-internal", evidence=elsewhere)) == "approve"
    assert decided(asked(project, "acme-internal", evidence=Evidence(verified=9), own=False)) != "run"


@pytest.mark.parametrize("value", ["acme-internal", "ACME_INTERNAL", "acme_internal2", "acme.internal"])
def test_a_name_that_is_filled_in_is_known_only_as_it_was_verified(project: Path, value: str) -> None:
    evidence = Evidence(verified=5, values={0: frozenset({"acme_internal", "requests", "django"})})
    assert decided(asked(project, value, evidence=evidence, action="{0}")) == "approve"
    assert decided(asked(project, "acme_internal", evidence=evidence, action="{0}")) == "run"


# --- what a project asks for ------------------------------------------------------------------------------------------


def test_the_files_of_a_project_name_packages_only_where_the_operator_has_declared_it(
    tmp_path: Path, project: Path
) -> None:
    question = asked(project, "acme-tool", "acme_tool")
    (project / "requirements.txt").write_text("django\nAcme_Tool[extra] >= 2  # ours\n")
    here, other = declaring(tmp_path, project), POLICY
    assert here.decide(question).decision == "approve", "git does not track it"
    track(project, "requirements.txt")
    assert here.decide(question).decision == "run"
    assert other.decide(question).decision == "approve", "a hostile project has such files too"
    assert f'"{project}" under declared.projects' in " ".join(other.decide(question).reasons)
    assert declaring(tmp_path, tmp_path).decide(question).decision == "approve", "another folder is another project"
    pinned = asked(project, "acme-tool==1.0", "acme_tool")
    assert declaring(tmp_path, project).decide(pinned).decision == "approve", "the version was chosen by a text"


@pytest.mark.parametrize(
    ("line", "goes"),
    [
        ("acme-tool==1.0", True),
        ("Acme_Tool == 1.0  # ours", True),
        ("acme-tool==1.0 --hash=sha256:" + "a" * 64, True),
        ("acme-tool==1.0.1", False),
        ("acme-tool==1.*", False),
        ("acme-tool>=1.0", False),
        ("acme-tool==1.0,<2", False),
        ("acme-tool==1.0; python_version < '3'", False),
        ("acme-tool[evil]==1.0", False),
        ("acme-tool===1.0", False),
        ("other==1.0", False),
    ],
)
def test_a_version_goes_where_the_tracked_file_of_a_declared_project_pins_just_that(
    tmp_path: Path, project: Path, line: str, *, goes: bool
) -> None:
    (project / "requirements.txt").write_text(f"{line}\n")
    track(project, "requirements.txt")
    pinned = asked(project, "acme-tool==1.0", "acme_tool")
    assert (declaring(tmp_path, project).decide(pinned).decision == "run") is goes
    assert POLICY.decide(pinned).decision == "approve", "a hostile project has such files too"


def test_a_typosquat_in_a_declared_project_waits_all_the_same(tmp_path: Path, project: Path) -> None:
    (project / "requirements.txt").write_text("reqeusts\n")
    track(project, "requirements.txt")
    ruling = declaring(tmp_path, project).decide(asked(project, "reqeusts"))
    assert ruling.decision == "approve" and "looks like requests" in " ".join(ruling.reasons)


def test_a_manifest_counts_as_git_tracks_it_and_in_the_top_folder_only(project: Path) -> None:
    (project / "docs").mkdir()
    (project / "docs/requirements.txt").write_text("evil\n")
    (project / "requirements.txt").write_text("evil\n")
    track(project, "docs/requirements.txt")
    assert asked_for(str(project)) == frozenset(), "it is the other file that is tracked"
    (project / "requirements.txt").write_text("flask\n")
    track(project, "requirements.txt")
    assert asked_for(str(project)) == {"flask"}
    (project / "requirements.txt").write_text("flask\nevil\n")
    assert asked_for(str(project)) == frozenset(), "it was changed since"


@pytest.mark.parametrize(
    "line",
    ["-r evil", "-e evil", "--find-links evil", "# evil", "evil @ https://x.example/evil.whl", "./evil", "evil evil",
     "# a \\\nevil", "\u0435vil"],
)  # fmt: skip
def test_only_plain_requirements_are_read_from_a_manifest(project: Path, line: str) -> None:
    (project / "requirements.txt").write_text(f"{line}\n", "utf-8")
    track(project, "requirements.txt")
    assert asked_for(str(project)) == frozenset()


def test_the_dependencies_of_a_pyproject_are_read(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        '[project]\nname = "x"\ndependencies = ["Flask>=2"]\noptional-dependencies.dev = ["ruff"]\n'
    )
    track(project, "pyproject.toml")
    assert asked_for(str(project)) == {"flask", "ruff"}


def test_a_pin_of_a_pyproject_is_read(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["Flask==2.1", "a==1; extra"]\n')
    track(project, "pyproject.toml")
    assert asked_for(str(project)) == {"flask", "flask==2.1", "a"}


def test_who_is_asked_about_a_derived_fix_reads_that_it_was_never_tried(project: Path) -> None:
    question = asked(project, "requests", action="{0}")
    derived = replace(question.known.skill, derived_from="0" * 64)
    ruling = POLICY.decide(replace(question, known=replace(question.known, skill=derived, confirmed=False)))
    assert ruling.decision == "approve"
    assert "it is derived from fixes of other errors and was never tried" in ruling.reasons


# --- names that look like others --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("reqeusts", "requests"), ("request", "requests"), ("requestss", "requests"), ("req-uests", "requests"),
        ("dj4ngo", "django"), ("c0lorama", "colorama"), ("co1orama", "colorama"),
        ("python_dateutils", "python-dateutil"),
        ("requests", ""), ("Python.Dateutil", ""), ("acme-internal", ""), ("rx", ""),
    ],
)  # fmt: skip
def test_a_name_one_slip_away_from_a_well_known_one_is_told(name: str, meant: str) -> None:
    assert lookalike(name) == meant


def test_the_list_is_plain_sorted_small_and_names_its_sources() -> None:
    path = Path(sys.modules["meshcore.knowledge.well_known"].__file__ or "").parent / "packs" / "imports.txt"
    head, lines = path.read_text("ascii").split("\n", 3)[:3], path.read_text("ascii").splitlines()[3:]
    assert "scripts/packs.py" in head[1] and all(word in head[2] for word in ("pipreqs==", "Apache-2.0", "BSD"))
    names = [line.split()[0] for line in lines]
    assert names == sorted(set(names)) and 1_500 < len(names) < 3_500 and path.stat().st_size < 64 << 10
    assert not set(names) - {"asynchat", "asyncore", "cgi", "distutils"} & sys.stdlib_module_names
    assert all(normal(distribution_of(name)) == distribution_of(name) for name in names)
    assert not set(names) & {
        "google",
        "azure",
        "zope",
        "ruamel",
        "jaraco",
        "backports",
        "sphinxcontrib",
        "plone",
        "z3c",
    }
