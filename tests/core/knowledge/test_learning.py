"""What part of an error matters is told by its fix; what tries show of it is counted."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.errors import BadSkillError
from meshcore.knowledge.derive import derive
from meshcore.knowledge.fixes import parse_fix, spell
from meshcore.knowledge.learning import confirms, learn, reread
from meshcore.knowledge.parts import Parts
from meshcore.knowledge.signature import around, read
from meshcore.knowledge.standing import standing, weigh
from meshcore.model import Action, Circumstances, Evidence, KnownSkill, Outcome, Skill, Slot, TryResult
from meshcore.safety.model_json import skill_from_json, skill_to_json


def taught(text: str, fix: str, command: str = "") -> Skill:
    return learn(read(text, command=command), parse_fix(fix), command=command)


def outcome(
    skill: Skill, text: str, result: TryResult = "verified", host: str = "h1", command: str = "", os: str = ""
) -> Outcome:
    slots = read(text, command=command).slots
    return Outcome("", "", skill.skill_id, result, "", host, host, "a", Circumstances(os_family=os), slots=slots)


def missing(module: str) -> str:
    return f"ModuleNotFoundError: No module named '{module}'"


def test_a_name_that_the_fix_repeats_is_key() -> None:
    skill = taught(missing("django"), "pip install django", "python app.py")
    assert [(key.kind, key.value) for key in skill.key_slots] == [("identifier", "django")]
    assert skill.action == Action("argv", (("pip", "install", "django"),))


def test_an_error_that_is_known_without_a_command_is_taught_a_fix_of_several_words() -> None:
    signature = dataclasses.replace(read(missing("django")), slots=read(missing("django")).slots[:1])
    skill = learn(signature, parse_fix("cmake -B build"))
    assert [key.value for key in skill.key_slots] == ["django"]


def test_a_name_that_the_fix_does_not_mention_is_presumed_to_matter() -> None:
    skill = taught(missing("distutils"), "pip install setuptools", "python app.py")
    assert [key.value for key in skill.key_slots] == ["distutils"]


def test_a_path_and_a_number_that_error_and_fix_share_become_references() -> None:
    skill = taught(
        "fatal: detected dubious ownership in repository at '/srv/a'", "git config --global --add safe.directory /srv/a"
    )
    assert skill.action.steps == (("git", "config", "--global", "--add", "safe.directory", "{0}"),)
    assert skill.key_slots == ()
    port = taught("Error: listen EADDRINUSE: address already in use 127.0.0.1:8123", "fuser -k 8123/tcp")
    assert port.action.steps == (("fuser", "-k", "{0}/tcp"),)


def test_parts_of_a_path_become_references() -> None:
    skill = taught("NotADirectoryError: [Errno 20] Not a directory: '/srv/x/export'", "rm export && mkdir export")
    assert skill.action.steps == (("rm", "{200}"), ("mkdir", "{200}"))
    folder = taught("touch: cannot touch 'm/x': Read-only file system", "mount -o remount,rw m")
    assert folder.action.steps == (("mount", "-o", "remount,rw", "{300}"),)


def test_a_path_from_the_projects_folder_stays_one_from_there() -> None:
    error = "fatal: Unable to create '{}/.git/index.lock': File exists."
    skill = taught(error.format("/home/ann/shop"), "rm -f .git/index.lock", "git add .")
    assert skill.action.steps == (("rm", "-f", "{600}"),) and skill.key_slots == ()
    assert skill.action.fill(Parts(read(error.format("/w/b")).slots)).steps == (("rm", "-f", ".git/index.lock"),)
    for other in ("rm -f git/index.lock", "rm -f index.lock", "rm -f /other/.git/index.lock"):
        assert taught(error.format("/home/ann/shop"), other, "git add .").action.steps != skill.action.steps


def test_a_word_of_the_command_that_the_error_lacks_becomes_a_reference_bound_to_the_commands_shape() -> None:
    skill = taught("Error: file is not a database", "rm orders.db", "sqlite3 orders.db .tables")
    place = around(skill.template)
    assert skill.action.steps == (("rm", f"{{{place.command}}}"),)
    assert [(key.index, key.value) for key in skill.key_slots] == [(place.shape, "sqlite3 2")]


def test_a_port_of_a_service_is_key_and_one_that_the_system_hands_out_is_not() -> None:
    postgres = taught(
        "ConnectionRefusedError: [Errno 111] Connection refused (127.0.0.1:5432)", "systemctl start postgresql"
    )
    assert ("port", "5432") in [(key.kind, key.value) for key in postgres.key_slots]
    passing = taught("app: error: cannot reach peer on port 51234 of cluster", "systemctl restart cluster")
    assert not [key for key in passing.key_slots if key.kind == "port"]


def test_literal_braces_of_a_fix_stay_literal() -> None:
    skill = taught("parse error: Invalid numeric literal at line 2", "echo '{}' > a.json", "jq . a.json")
    assert spell(skill.action.fill([Slot("path", "x")] * 9)) == "echo '{}' > x"


def test_the_rerun_at_the_end_of_a_fix_is_not_part_of_it() -> None:
    skill = taught("Error: Initialization required.", "terraform init && terraform apply", "terraform apply")
    assert skill.action.steps == (("terraform", "init"),)


def test_the_same_error_and_fix_are_one_skill_whoever_met_it_wherever() -> None:
    one = taught("bash: ./a.sh: Permission denied", "chmod +x ./a.sh", "./a.sh")
    other = taught("/bin/bash: line 7: ./dir/b.sh: Permission denied", "chmod +x ./dir/b.sh", "./dir/b.sh")
    assert one.skill_id == other.skill_id


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("pip install django", (("pip", "install", "django"),)),
        ("npm init -y && npm pkg set a=b", (("npm", "init", "-y"), ("npm", "pkg", "set", "a=b"))),
        ("pip install a\npip install b", (("pip", "install", "a"), ("pip", "install", "b"))),
        ("git commit -m 'a && b'", (("git", "commit", "-m", "a && b"),)),
        ("rm a; mkdir a", (("sh", "-c", "rm a; mkdir a"),)),
        ("echo '{}' > a.json", (("sh", "-c", "echo '{}' > a.json"),)),
        ("rm *.pyc", (("sh", "-c", "rm *.pyc"),)),
        ('echo "$HOME"', (("sh", "-c", 'echo "$HOME"'),)),
        ("A=1 make", (("sh", "-c", "A=1 make"),)),
        ("cd web && npm install", (("sh", "-c", "cd web && npm install"),)),
        ("make install", (("make", "install"),)),
        ("./configure --prefix=/usr", (("./configure", "--prefix=/usr"),)),
    ],
)
def test_commands_are_read_as_argv_and_a_shell_only_where_one_is_needed(
    text: str, steps: tuple[tuple[str, ...], ...]
) -> None:
    action = parse_fix(text)
    assert (action.kind, action.steps) == ("argv", steps)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Use YouTubeTranscriptApi().fetch(video_id) instead of get_transcript()",
        "use fetch() instead of get()",
        "Install the package with pip.",
        "check that the service is running",
        "rm -f <file>",
        "export SECRET_KEY=...",
        "ulimit -n 4096",
        "pip install the missing package",
        "git commit -m 'unfinished",
        "don't do that",
    ],
)
def test_prose_placeholders_and_settings_of_a_shell_are_advice(text: str) -> None:
    assert parse_fix(text) == Action("advice", (), text)


@given(st.text(max_size=80))
def test_reading_a_fix_never_raises_and_plain_commands_come_back_as_they_were(text: str) -> None:
    action = parse_fix(text)
    assert parse_fix(spell(action)) == action


def test_standing_is_the_lower_bound_of_what_was_seen() -> None:
    assert standing(Evidence()) == 0
    assert standing(Evidence(verified=1)) == pytest.approx(0.2065, abs=1e-3)
    assert standing(Evidence(verified=10)) > standing(Evidence(verified=10, failed=1)) > standing(Evidence(verified=2))


def test_tries_count_once_per_host_and_per_circumstances() -> None:
    skill = taught(missing("a_b"), "pip install a-b")
    tries = [
        outcome(skill, missing("a_b"), host=h, os=o) for h, o in (("h1", "debian"), ("h1", "debian"), ("h2", "arch"))
    ]
    tries += [
        outcome(skill, missing("a_b"), "fix_failed", "h3", os="darwin"),
        outcome(skill, missing("a_b"), "unknown"),
    ]
    evidence = weigh(skill, tries)
    assert (evidence.verified, evidence.failed, evidence.hosts) == (2, 1, frozenset({"h1", "h2", "h3"}))
    assert evidence.verified_in == {Circumstances(os_family="debian"): 1, Circumstances(os_family="arch"): 1}
    assert evidence.failed_in == {Circumstances(os_family="darwin"): 1}


LOCK = "E: Unable to locate package {}"


def test_a_word_that_the_user_typed_is_relaxed_by_one_other_verified_value() -> None:
    skill = taught(LOCK.format("foo-1"), "apt-get update", "apt-get install foo-1")
    again = outcome(skill, LOCK.format("foo-1"), command="apt-get install foo-1")
    other = outcome(skill, LOCK.format("bar-2"), command="apt-get install bar-2")
    assert not weigh(skill, [again]).relaxed
    assert weigh(skill, [again, other]).relaxed == {0}


def test_a_failure_with_another_value_tightens_again() -> None:
    skill = taught(LOCK.format("foo-1"), "apt-get update", "apt-get install foo-1")
    good = outcome(skill, LOCK.format("bar-2"), command="apt-get install bar-2")
    bad = outcome(skill, LOCK.format("baz-3"), "fix_failed", command="apt-get install baz-3")
    evidence = weigh(skill, [good, bad])
    assert not evidence.relaxed
    assert evidence.values[0] == {"bar-2"}


def test_a_name_that_nobody_typed_needs_three_values() -> None:
    skill = taught(
        "ImportError: cannot import name 'A' from 'collections'", "sed -i s/collections/collections.abc/ x.py"
    )
    texts = [f"ImportError: cannot import name '{name}' from 'collections'" for name in "ABC"]
    assert not weigh(skill, [outcome(skill, text) for text in texts[:2]]).relaxed
    assert weigh(skill, [outcome(skill, text) for text in texts]).relaxed == {0}


def test_a_fix_confirms_a_skill_that_would_have_done_the_same() -> None:
    skill = taught("rmdir: failed to remove '/a/b': Directory not empty", "rm -r /a/b")
    error = read("rmdir: failed to remove '/c': Directory not empty")
    assert confirms(skill, error, parse_fix("rm -r /c"))
    assert not confirms(skill, error, parse_fix("rm -r /a/b"))
    assert not confirms(skill, read(missing("x")), parse_fix("rm -r /c"))


def test_generalisations_are_new_skills_with_their_origin_and_need_verified_ones() -> None:
    skills = [taught(missing(name), f"pip install {name}") for name in ("flask", "celery")]
    tried = [KnownSkill(skill, evidence=Evidence(verified=1)) for skill in skills]
    assert derive([KnownSkill(skill) for skill in skills]) == []
    offered = derive(tried)
    assert [skill.action.steps for skill in offered] == [(("pip", "install", "{0}"),)]
    assert offered[0].derived_from in {skill.skill_id for skill in skills}
    assert offered[0].context == "holds for celery, flask"
    assert derive([*tried, KnownSkill(offered[0])]) == []


def test_a_stored_skill_is_reread_to_the_same_skill_under_the_same_rules() -> None:
    skill = taught("touch: cannot touch 'm/x': Read-only file system", "mount -o remount,rw m", "touch m/x")
    assert reread(skill_from_json(skill_to_json(skill))).skill_id == skill.skill_id
    old = dataclasses.replace(skill, signature_version=0, template="older reading")
    assert reread(old).skill_id == skill.skill_id
    with pytest.raises(BadSkillError, match="teach it again"):
        reread(dataclasses.replace(skill, example_slots=()))
