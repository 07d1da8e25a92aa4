"""The right answer or none, in two tiers, with the reason in words."""

from __future__ import annotations

import dataclasses

import pytest

from meshcore.knowledge.fixes import parse_fix, spell
from meshcore.knowledge.learning import learn, reread
from meshcore.knowledge.matching import index_entry, match, matches
from meshcore.knowledge.signature import read
from meshcore.knowledge.skill_check import check_skill
from meshcore.knowledge.standing import weigh
from meshcore.model import Circumstances, Evidence, KnownSkill, Match, Outcome, Skill, SkillState
from meshcore.testing import MemoryIndex


class Mesh:
    """An index that is taught by errors and their fixes."""

    def __init__(self) -> None:
        self.index = MemoryIndex()

    def learn(self, text: str, fix: str, command: str = "", **known: object) -> Skill:
        skill = learn(read(text, command=command), parse_fix(fix), command=command)
        self.index.add(dataclasses.replace(KnownSkill(skill), **known))  # type: ignore[arg-type]
        return skill

    def tried(self, skill: Skill, *texts: str, command: str = "{}") -> None:
        slots = [read(text, command=command.format(text.rsplit(" ", 1)[-1])).slots for text in texts]
        outcomes = [
            Outcome("", "", skill.skill_id, "verified", "", "n", f"h{i}", "a", Circumstances(), slots=found)
            for i, found in enumerate(slots)
        ]
        self.index.add(KnownSkill(skill, evidence=weigh(skill, outcomes)))

    def ask(self, text: str, command: str = "", here: Circumstances = Circumstances()) -> Match | None:  # noqa: B008
        return match(read(text, command=command), self.index, here)


@pytest.fixture
def mesh() -> Mesh:
    return Mesh()


def missing(module: str) -> str:
    return f"ModuleNotFoundError: No module named '{module}'"


def refused(port: int) -> str:
    return f"ConnectionRefusedError: [Errno 111] Connection refused (127.0.0.1:{port})"


def lacks(package: str) -> str:
    return f"E: Unable to locate package {package}"


def told(found: Match | None) -> tuple[str, str] | None:
    return (found.tier, spell(found.action)) if found else None


def test_nothing_is_known_and_nothing_is_answered(mesh: Mesh) -> None:
    assert mesh.ask(missing("flask")) is None
    assert mesh.ask("") is None


def test_a_missing_module_is_answered_for_itself_only(mesh: Mesh) -> None:
    mesh.learn(missing("flask"), "pip install flask")
    mesh.learn(missing("distutils"), "pip install setuptools")
    assert told(mesh.ask(missing("flask"))) == ("exact", "pip install flask")
    assert told(mesh.ask(missing("distutils"))) == ("exact", "pip install setuptools")
    assert mesh.ask(missing("numpy")) is None


def test_postgres_does_not_answer_for_redis_even_before_redis_is_known(mesh: Mesh) -> None:
    mesh.learn(refused(5432), "systemctl start postgresql")
    assert mesh.ask(refused(6379)) is None
    mesh.learn(refused(6379), "systemctl start redis")
    assert told(mesh.ask(refused(6379))) == ("exact", "systemctl start redis")
    assert told(mesh.ask(refused(5432))) == ("exact", "systemctl start postgresql")


def test_paths_and_numbers_are_filled_in_from_the_new_error(mesh: Mesh) -> None:
    mesh.learn("fatal: detected dubious ownership in repository at '/a'", "git config --global --add safe.directory /a")
    found = mesh.ask("fatal: detected dubious ownership in repository at '/srv/b'")
    assert told(found) == ("exact", "git config --global --add safe.directory /srv/b")


def test_one_file_of_two_projects_is_no_other_value_and_another_file_is(mesh: Mesh) -> None:
    def locked(path: str) -> str:
        return f"fatal: Unable to create '{path}/index.lock': File exists."

    mesh.learn(locked("/home/ann/shop/.git"), "rm /home/ann/shop/.git/index.lock")
    assert told(mesh.ask(locked("/srv/b/.git"))) == ("exact", "rm /srv/b/.git/index.lock")
    mesh.learn("tool: /a/x.pid: stale", "rm /a/x.pid")
    assert told(mesh.ask("tool: /a/y.pid: stale")) == ("likely", "rm /a/y.pid")


def test_what_only_the_command_names_is_filled_in_from_it(mesh: Mesh) -> None:
    mesh.learn("sqlite3.OperationalError: database is locked", "fuser -k /a/x.db", "python -c \"connect('/a/x.db')\"")
    found = mesh.ask(
        "sqlite3.OperationalError: database is locked", "/opt/python3.12 -c \"connect('/b/y.db').execute('z')\""
    )
    assert told(found) == ("exact", "fuser -k /b/y.db")


def test_a_fix_that_needs_a_word_of_the_command_is_no_answer_where_the_command_has_none(mesh: Mesh) -> None:
    mesh.learn("Error: file is not a database", "rm orders.db", "sqlite3 orders.db .tables")
    assert mesh.ask("Error: file is not a database", "sqlite3") is None


def test_an_operand_that_error_and_fix_repeat_is_likely_until_two_values_were_verified(mesh: Mesh) -> None:
    def text(name: str) -> str:
        return f"docker: Error: No such container: {name}"

    skill = mesh.learn(text("web-1"), "docker start web-1", "docker exec web-1")
    assert told(mesh.ask(text("db-2"), "docker exec db-2")) == ("likely", "docker start db-2")
    assert told(mesh.ask(text("db-2"), "docker cp db-2")) == ("likely", "docker start db-2")
    assert mesh.ask(text("db-2"), "docker compose up") is None  # it was a word of the command
    mesh.tried(skill, text("web-1"), text("db-2"), command="docker exec {}")
    assert told(mesh.ask(text("etl-3"), "docker exec etl-3")) == ("exact", "docker start etl-3")


def test_a_name_in_code_is_likely_until_two_values_were_verified(mesh: Mesh) -> None:
    def text(name: str) -> str:
        return f"sqlite3.OperationalError: no such table: {name}"

    code = "python -c \"run('select * from {}')\""
    skill = mesh.learn(text("orders"), "./manage create orders", code.format("orders"))
    assert told(mesh.ask(text("users"), code.format("users"))) == ("likely", "./manage create users")
    mesh.tried(skill, text("orders"), text("users"), command=code)
    assert told(mesh.ask(text("items"), code.format("items"))) == ("exact", "./manage create items")


def test_what_is_fetched_from_the_world_is_known_by_its_own_name(mesh: Mesh) -> None:
    mesh.learn("E: Unable to locate package foo", "apt-get install foo", "apt-get source foo")
    assert mesh.ask("E: Unable to locate package bar", "apt-get source bar") is None


def test_a_fix_with_a_file_of_somebody_or_an_id_that_the_error_does_not_tell_waits_until_two_hosts_saw_it_work(
    mesh: Mesh,
) -> None:
    first = "Error: Error acquiring the state lock\n\nLock Info:\n  ID:  1b2c3d4e-aaaa-bbbb-cccc-0123456789ab\n"
    taught = mesh.learn(first, "terraform force-unlock 1b2c3d4e-aaaa-bbbb-cccc-0123456789ab", "terraform plan")
    other = first.replace("1b2c3d4e", "9f8e7d6c")
    found = mesh.ask(other, "terraform plan")
    assert found is not None and found.tier == "likely" and "this error does not" in found.why
    assert taught.skill_id == found.skill_id


def test_what_a_daemon_says_before_each_of_its_errors_makes_no_two_of_them_kindred(mesh: Mesh) -> None:
    mesh.learn("Error response from daemon: network web not found.", "docker network create web", "docker run a")
    assert mesh.ask("Error response from daemon: pull access denied for web, it does not exist", "docker run b") is None


def test_an_operand_that_stands_in_another_place_of_the_command_is_likely(mesh: Mesh) -> None:
    mesh.learn("tar: /srv/out: Cannot open: No such file or directory", "mkdir -p /srv/out", "tar xf a.tgz -C /srv/out")
    other = mesh.ask("tar: build/x: Cannot open: No such file or directory", "tar xf b.tgz -C build/x")
    archive = mesh.ask("tar: no.tgz: Cannot open: No such file or directory", "tar xf no.tgz")
    assert told(other) == ("exact", "mkdir -p build/x") and archive is not None and archive.tier == "likely"


def test_one_refusal_about_a_file_in_two_wordings_is_likely(mesh: Mesh) -> None:
    mesh.learn("rm: cannot remove 'build': Is a directory", "rm -r build", "rm build")
    assert told(mesh.ask("rm: dist: is a directory", "rm dist")) == ("likely", "rm -r dist")


def test_another_reason_of_the_system_is_another_error_whatever_else_is_said_alike(mesh: Mesh) -> None:
    said = "ln: failed to create symbolic link '{}': {}"
    mesh.learn(said.format("live", "File exists"), "ln -sf a live", "ln -s a live")
    assert mesh.ask(said.format("b", "Permission denied"), "ln -s a b") is None


def test_this_host_has_one_name_in_every_family_of_addresses(mesh: Mesh) -> None:
    mesh.learn("Error: connect ECONNREFUSED 127.0.0.1:27017", "systemctl start mongod", "node a.js")
    for host in ("::1", "[::1]"):
        found = mesh.ask(f"Error: connect ECONNREFUSED {host}:27017", "node b.js")
        assert told(found) == ("exact", "systemctl start mongod")


def test_a_file_of_a_library_that_a_traceback_passes_is_no_part_of_a_fix(mesh: Mesh) -> None:
    frame = 'Traceback (most recent call last):\n  File "/usr/lib/python3/redis/connection.py", line 7, in a\n    x()\n'
    mesh.learn(f"{frame}{refused(6379)}", "systemctl start redis", "python w.py")
    assert told(mesh.ask(refused(6379), "redis-cli ping")) == ("exact", "systemctl start redis")


def test_a_shell_that_names_the_file_last_tells_the_same_error(mesh: Mesh) -> None:
    mesh.learn("bash: ./run.sh: Permission denied", "chmod +x ./run.sh", "./run.sh")
    found = mesh.ask("zsh: permission denied: ./tools/build.sh", "./tools/build.sh")
    assert found is not None and found.action.command() == "chmod +x ./tools/build.sh"


def test_the_same_complaint_in_other_words_is_likely_and_says_so(mesh: Mesh) -> None:
    mesh.learn("cp: -r not specified; omitting directory 'a'", "cp -r a b", "cp a b")
    found = mesh.ask("cp: the flag is gone; omitting directory 'x'", "cp x y")
    assert found is None  # two words are too few
    mesh.learn("tool: no flag given; the lock file is held by a run that ended", "tool unlock", "tool go")
    found = mesh.ask("tool: cannot go on: the lock file is held by a run that ended", "tool stay")
    assert told(found) == ("likely", "tool unlock")
    assert found is not None and "in other words" in found.why
    assert mesh.ask("other: cannot go on: the lock file is held by a run that ended", "other stay") is None


NO_FILE = "FileNotFoundError: [Errno 2] No such file or directory: '{}'"


def test_a_long_clause_means_the_same_whoever_says_it(mesh: Mesh) -> None:
    said = "SYSTEM: the limit for number of open till drawers was reached, drawer '{}'"
    mesh.learn(f"Error: {said.format('/srv/a')}", "sysctl till.drawers=64", "npm run dev")
    assert told(mesh.ask(f"Opening failed: {said.format('/srv/b')}", "npx tills watch")) == (
        "likely",
        "sysctl till.drawers=64",
    )


def test_words_that_the_error_quotes_and_the_fix_repeats_leave_another_name_likely(mesh: Mesh) -> None:
    mesh.learn('Run "tool tills restore" to make "till-ef" available.', "tool tills restore", "tool ef update")
    assert told(mesh.ask('Run "tool tills restore" to make "till-fmt" available.', "tool fmt .")) == (
        "likely",
        "tool tills restore",
    )


def test_another_subcommand_that_complains_in_other_words_too_is_likely(mesh: Mesh) -> None:
    said = "An error occurred while checking for chart dependencies. Missing in charts: "
    mesh.learn(f"Error: INSTALL FAILED: {said}tills", "helm dependency build ./chart", "helm install shop ./chart")
    answer = told(mesh.ask(f"Error: {said}rates, tills", "helm template shop charts/till"))
    assert answer == ("likely", "helm dependency build charts/till")


def test_a_fix_that_repeats_what_may_be_given_to_an_option_is_likely_for_another_word(mesh: Mesh) -> None:
    text = "ninja: error: loading 'build.ninja': No such file or directory"
    mesh.learn(text, "cmake -G Ninja -B build", "ninja -C build")
    assert told(mesh.ask(text, "ninja -C build")) == ("exact", "cmake -G Ninja -B build")
    answer = mesh.ask(text, "ninja -C out")
    assert (
        answer is not None
        and answer.tier == "likely"
        and "the command `ninja build` with 0 words, and this is `ninja out` with 0 words" in answer.why
    )


@pytest.mark.parametrize(
    ("short", "fix"),
    [
        ("app.yaml", "cp example_app.yaml app.yaml"),
        ("app.yaml", "cp example_app.yaml /home/ann/shop/app.yaml"),
        ("config/app.yaml", "cp config/app.example.yaml config/app.yaml"),
        ("config/app.yaml", "cp config/app.example.yaml /home/ann/shop/config/app.yaml"),
    ],
)
def test_a_whole_path_below_the_folder_of_the_fix_is_that_of_any_checkout_and_of_no_other_folder(
    mesh: Mesh, short: str, fix: str
) -> None:
    skill = learn(read(NO_FILE.format(f"/home/ann/shop/{short}")), parse_fix(fix), folder="/home/ann/shop")
    mesh.index.add(KnownSkill(skill))

    def found(path: str, folder: str) -> list[tuple[str, str]]:
        answers = matches(read(NO_FILE.format(path)), mesh.index, folder=folder)
        return [(one.tier, spell(one.action)) for one in answers]

    target = f"/home/bob/src/shop/{short}" if "/home" in fix else short
    assert found(f"/home/bob/src/shop/{short}", "/home/bob/src/shop") == [
        ("exact", f"{fix.rpartition(' ')[0]} {target}")
    ]
    assert found(f"/home/ann/shop/{short}", "")  # the very file that was taught
    for path, folder in (
        (f"/home/bob/src/shop/{short}", ""),
        (f"/{short}", ""),
        (f"/home/bob/src/shop/{short}", "/home/bob/src"),
        (f"/home/bob/src/shop/{short}", "/home/bob/src/other"),
        (f"/home/bob/src/shop/api/{short}", "/home/bob/src/shop"),
        (f"/home/bob/src/shop/../{short}", "/home/bob/src/shop"),
        ("/home/bob/src/shop/config/db.yaml", "/home/bob/src/shop"),
        ("/home/bob/src/shop/x/app.yaml", "/home/bob/src/shop"),
        (f"/etc/{short}", "/home/bob/src/shop"),
        (short, "/home/bob/src/shop"),
    ):
        assert found(path, folder) == []


@pytest.mark.parametrize("folder", ["", "/home/ann/shop", "/etc/sho"])
def test_a_whole_path_outside_of_the_folder_of_the_fix_stays_that_one(folder: str) -> None:
    fix = parse_fix("cp example_app.yaml /etc/shop/app.yaml")
    skill = learn(read(NO_FILE.format("/etc/shop/app.yaml")), fix, folder=folder)
    assert skill.key_slots[0].value == "/etc/shop/app.yaml"


def test_a_skill_that_calls_its_path_from_a_folder_is_the_same_in_any_checkout_and_may_travel() -> None:
    path, fix = "{}/config/app.yaml", parse_fix("cp config/app.example.yaml config/app.yaml")
    one, other = (learn(read(NO_FILE.format(path.format(at))), fix, folder=at) for at in ("/home/ann/shop", "/srv/x"))
    check_skill(one)
    assert reread(one).skill_id == one.skill_id == other.skill_id


def test_a_path_that_is_told_from_another_folder_waits_for_a_person(mesh: Mesh) -> None:
    error = "fatal: Unable to create '{}/.git/index.lock': File exists."
    mesh.learn(error.format("/home/ann/shop"), "rm -f .git/index.lock", "git add .")
    for folder, tier in (("", "exact"), ("/w/b", "exact"), ("/w/b/", "exact"), ("/w/b/src", "likely")):
        found = matches(read(error.format("/w/b"), command="git add ."), mesh.index, folder=folder)
        assert [(one.tier, one.action.command()) for one in found] == [(tier, "rm -f .git/index.lock")]


def test_an_unmentioned_word_that_the_user_typed_is_likely_then_exact_once_shown_not_to_matter(mesh: Mesh) -> None:
    skill = mesh.learn(lacks("foo-1"), "apt-get update", "apt-get install foo-1")
    found = mesh.ask(lacks("bar-2"), "apt-get install bar-2")
    assert told(found) == ("likely", "apt-get update")
    assert found is not None
    assert "'foo-1'" in found.why
    assert "'bar-2'" in found.why
    mesh.tried(skill, lacks("foo-1"), lacks("bar-2"), command="apt-get install {}")
    assert told(mesh.ask(lacks("baz-3"), "apt-get install baz-3")) == ("exact", "apt-get update")


def test_a_relaxed_slot_that_tells_other_skills_apart_does_not_answer_for_new_values(mesh: Mesh) -> None:
    skill = mesh.learn(missing("distutils"), "pip install setuptools")
    mesh.learn(missing("flask"), "pip install flask")
    mesh.tried(skill, missing("distutils"), missing("setuptools"), missing("pkg_resources"))
    assert told(mesh.ask(missing("pkg_resources"))) == ("exact", "pip install setuptools")
    assert told(mesh.ask(missing("flask"))) == ("exact", "pip install flask")
    assert mesh.ask(missing("numpy")) is None


def test_the_same_words_from_another_program_are_a_likely_answer(mesh: Mesh) -> None:
    mesh.learn("error: target not found: llc_x", "pacman -S llvm", "pacman -S llc_x")
    found = mesh.ask("error: target not found: llc_x", "yay -S llc_x")
    assert found is not None
    assert found.tier == "likely"
    assert "learnt from pacman" in found.why


def test_a_typing_error_put_right_does_not_answer_for_another_one(mesh: Mesh) -> None:
    mesh.learn("npm ERR! missing script: bild-x", "npm run build-x", "npm run bild-x")
    assert mesh.ask("npm ERR! missing script: tset-x", "npm run tset-x") is None


@pytest.mark.parametrize("state", ["quarantined", "forgotten"])
def test_what_is_quarantined_or_forgotten_never_answers(mesh: Mesh, state: SkillState) -> None:
    mesh.learn(missing("flask"), "pip install flask", state=state)
    assert mesh.ask(missing("flask")) is None


def test_an_unconfirmed_skill_is_for_a_person(mesh: Mesh) -> None:
    mesh.learn(missing("flask"), "pip install flask", state="unconfirmed")
    found = mesh.ask(missing("flask"))
    assert found is not None
    assert (found.tier, "nobody has confirmed it" in found.why) == ("likely", True)


def test_a_value_that_would_change_the_command_is_never_filled_in(mesh: Mesh) -> None:
    mesh.learn("NotADirectoryError: [Errno 20] Not a directory: '/srv/x'", "rm /srv/x; mkdir /srv/x")
    assert told(mesh.ask("NotADirectoryError: [Errno 20] Not a directory: '/srv/y'")) == (
        "exact",
        "rm /srv/y; mkdir /srv/y",
    )
    for hostile in ("/srv/y;reboot", "/srv/$(id)", "/srv/`id`", "/srv/a b", "-rf"):
        assert mesh.ask(f"NotADirectoryError: [Errno 20] Not a directory: '{hostile}'") is None


def test_contradictions_are_ranked_by_what_tries_have_shown_and_both_are_there(mesh: Mesh) -> None:
    weak = mesh.learn(
        "fatal: refusing to merge unrelated histories", "git pull --rebase", evidence=Evidence(verified=1, failed=1)
    )
    strong = mesh.learn(
        "fatal: refusing to merge unrelated histories", "git pull --no-rebase", evidence=Evidence(verified=5)
    )
    found = matches(read("fatal: refusing to merge unrelated histories"), mesh.index)
    assert [answer.skill_id for answer in found] == [strong.skill_id, weak.skill_id]
    assert "another known fix contradicts it: `git pull --rebase`" in found[0].why


def test_a_skill_that_fails_more_than_it_works_is_for_a_person(mesh: Mesh) -> None:
    mesh.learn(missing("flask"), "pip install flask", evidence=Evidence(verified=1, failed=2))
    found = mesh.ask(missing("flask"))
    assert found is not None
    assert (found.tier, "failed on 2" in found.why) == ("likely", True)


def test_failures_count_where_they_happened(mesh: Mesh) -> None:
    debian, mac = Circumstances(os_family="debian"), Circumstances(os_family="darwin")
    shown = Evidence(verified=2, failed=2, verified_in={debian: 2}, failed_in={mac: 2})
    mesh.learn("bash: jq: command not found", "apt-get install -y jq", evidence=shown)
    assert told(mesh.ask("bash: jq: command not found", here=debian)) == ("exact", "apt-get install -y jq")
    assert mesh.ask("bash: jq: command not found", here=mac) is None


def test_a_fix_of_the_system_known_on_one_kind_of_system_is_likely_on_another(mesh: Mesh) -> None:
    shown = Evidence(verified=1, verified_in={Circumstances(os_family="debian", ecosystem="system"): 1})
    mesh.learn("bash: jq: command not found", "apt-get install -y jq", evidence=shown)
    found = mesh.ask("bash: jq: command not found", here=Circumstances(os_family="redhat", ecosystem="system"))
    assert found is not None
    assert (found.tier, "debian only" in found.why) == ("likely", True)
    python = Evidence(verified=1, verified_in={Circumstances(os_family="debian", ecosystem="python"): 1})
    mesh.learn(missing("flask"), "pip install flask", evidence=python)
    assert told(mesh.ask(missing("flask"), here=Circumstances(os_family="redhat", ecosystem="python"))) == (
        "exact",
        "pip install flask",
    )


def test_scope_gates_and_what_is_not_known_does_not(mesh: Mesh) -> None:
    shown = Evidence(verified=1, verified_in={Circumstances(scope="venv"): 1})
    mesh.learn(missing("flask"), "pip install flask", evidence=shown)
    system = mesh.ask(missing("flask"), here=Circumstances(scope="system"))
    assert system is not None
    assert system.tier == "likely"
    assert told(mesh.ask(missing("flask"), here=Circumstances())) == ("exact", "pip install flask")


def test_an_answer_explains_itself_in_one_sentence(mesh: Mesh) -> None:
    mesh.learn(missing("flask"), "pip install flask", evidence=Evidence(verified=3))
    found = mesh.ask(missing("flask"))
    assert found is not None
    assert found.why == "the same ModuleNotFoundError about 'flask' has this fix, verified on 3 hosts"


def test_an_index_forgets_what_is_discarded_and_keeps_one_entry_per_skill(mesh: Mesh) -> None:
    skill = mesh.learn(missing("flask"), "pip install flask")
    mesh.learn(missing("flask"), "pip install flask")
    assert len(mesh.index) == 1
    mesh.index.discard(skill.skill_id)
    mesh.index.discard(skill.skill_id)
    assert (len(mesh.index), mesh.ask(missing("flask"))) == (0, None)


def test_evidence_moves_where_a_skill_is_filed() -> None:
    skill = learn(read(lacks("foo-1"), command="apt-get install foo-1"), parse_fix("apt-get update"))
    before, after = (
        index_entry(KnownSkill(skill)),
        index_entry(KnownSkill(skill, evidence=Evidence(relaxed=frozenset({0})))),
    )
    assert (before.shape, after.shape) == ("0", "")
    assert before.bucket == after.bucket
    assert before.keys[0] != after.keys[0]


def test_a_generalisation_answers_unattended_only_once_a_person_confirmed_it(mesh: Mesh) -> None:
    skill = learn(read("rm: cannot remove '/a': Permission denied"), parse_fix("sudo rm /a"))
    derived = dataclasses.replace(skill, derived_from="0" * 64)
    mesh.index.add(KnownSkill(derived))
    unsure = mesh.ask("rm: cannot remove '/a': Permission denied")
    mesh.index.add(KnownSkill(derived, confirmed=True))
    sure = mesh.ask("rm: cannot remove '/a': Permission denied")
    assert unsure is not None
    assert sure is not None
    assert (unsure.tier, sure.tier) == ("likely", "exact")


def test_a_fix_that_names_nothing_is_likely_for_another_name_too(mesh: Mesh) -> None:
    mesh.learn("db.OperationalError: no such table: tills_sale", "python manage.py migrate")
    assert told(mesh.ask("db.OperationalError: no such table: vats_rate")) == ("likely", "python manage.py migrate")


@pytest.mark.parametrize(
    "fix", ["pip install tills", "rm -f sale", "python manage.py migrate tills", "systemctl start db"]
)
def test_a_fix_that_names_something_is_for_that_name_only(mesh: Mesh, fix: str) -> None:
    mesh.learn("db.OperationalError: no such table: tills_sale", fix)
    assert mesh.ask("db.OperationalError: no such table: vats_rate") is None


def test_a_word_put_right_says_nothing_of_another_word_though_the_fix_names_nothing_else(mesh: Mesh) -> None:
    mesh.learn("git: 'comit' is not a git command.", "git commit", "git comit")
    found = mesh.ask("git: 'psuh' is not a git command.", "git psuh")
    assert found is None


def test_that_two_errors_are_fatal_makes_them_no_kin(mesh: Mesh) -> None:
    mesh.learn("tills fatal error: Uncaught Error: Class 'Vat' not found", "apt-get install -y tills-vat")
    assert mesh.ask("tills fatal error: Uncaught Error: Call to undefined function sum()") is None


def test_a_clause_before_brackets_makes_two_errors_kin(mesh: Mesh) -> None:
    mesh.learn("tills: could not find vats (missing: VATS_DIR VATS_LIB)", "apt-get install -y libvats-dev")
    found = mesh.ask("tills: could not find vats (is older than 1.4)")
    assert told(found) == ("likely", "apt-get install -y libvats-dev")
