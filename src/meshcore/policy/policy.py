"""What policy.toml and the text of a command say of doing it here unattended, with reasons in words."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from meshcore.home import read_plain_file
from meshcore.knowledge.parts import FORM, Parts, never_tried
from meshcore.knowledge.spelling import plain_spelling
from meshcore.knowledge.well_known import distribution_of, normal
from meshcore.model import Action
from meshcore.policy.action_key import plain_steps
from meshcore.policy.action_type import ActionType
from meshcore.policy.argv_patterns import Found
from meshcore.policy.command_parser import Reading, program, read, read_argv
from meshcore.policy.denylist.denylist import refusal
from meshcore.policy.known_packages import is_meant, unknown
from meshcore.policy.opting_in import MAX_RECIPE
from meshcore.policy.policy_file import Rules, load
from meshcore.policy.question import KIND_SEPARATOR, Author, PlannedStep, PolicyVerdict, Question, Target
from meshcore.policy.renderer_table import RENDERERS
from meshcore.policy.renderers import plan_as_written, shortened
from meshcore.policy.repeating import find, program_doubt, set_doubt, settings_doubt, variable_doubt
from meshcore.policy.upstream import own_upstream
from meshcore.safety.managed import managed

_UNLISTED = "is not on the list of what may be done unasked"
_OF_AN_INSTANCE = frozenset({"path", "number", "port", "hex"})
_MODULE = frozenset({"", ".py", ".pyc", ".so"})


class Policy:
    """The rules of one operator: `check` judges a text, `decide` a fix for an incident, `decide_rerun` a rerun."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    @classmethod
    def load(cls, path: Path | None, signer: str = "") -> Policy:
        """Read policy.toml; None or a missing file is the shipped default; one that is not usable closes everything.

        With `signer`, the operator's public key, a file that they did not sign is passed over.
        """
        return cls(load(path, signer))

    @property
    def unsigned(self) -> str:
        """Return why policy.toml was passed over ("" where it was not): it lacks the operator's signature."""
        return self._rules.unsigned

    @property
    def problem(self) -> str:
        """Return why the policy file cannot be used ("" where it can); then nothing runs unattended."""
        return self._rules.problem

    def check(self, command: str, author: Author = "peer") -> PolicyVerdict:
        """Judge the text of a command alone, as if a project folder were there; nothing is executed or looked up."""
        reading = read(command)
        ruling = self._judged(reading, author)
        if ruling is not None:
            return ruling
        fitting = self._rules.fitting(plain_spelling(reading.argv)) or self._rules.fitting(reading.argv)
        if not fitting:
            return PolicyVerdict("approve", (f"{shortened(reading.argv[0])} like this {_UNLISTED}",))
        action, _ = fitting[0]
        host = managed()
        if action.name in host.forbidden:
            return PolicyVerdict("refuse", (f"{host.path} forbids actions of type {action.name}",), action.name)
        closed = [f"nothing runs unattended: {host.problem}"] if host.problem else []
        if not action.unattended:
            closed.append(f"{action.name} is switched off in policy.toml")
        if action.declared and not self._rules.declared.get(action.declared):
            closed.append(f"nothing is declared under {action.declared} in policy.toml")
        open_points = []
        if action.named or action.needs in {"venv", "incident"} or action.declared:
            open_points.append(f"{action.name} is unattended only for an incident that asks for exactly this")
        if not action.bounded:
            open_points.append(f"{action.name} is unattended only in a container")
        if closed or open_points:
            return PolicyVerdict("approve", (*closed, *open_points), action.name, depends=not closed)
        return PolicyVerdict("run", (action.summary,), action.name)

    def decide(self, question: Question, *, contained: bool = False) -> PolicyVerdict:
        """Judge a fix for an incident. `contained`: what is executed is held by bubblewrap."""
        action, known = question.match.action, question.known
        if action.kind == "advice":
            return PolicyVerdict("hint", ("it is advice, not a command",))
        readings = [read_argv(step) for step in action.steps]
        for reading in readings:
            ruling = self._judged(reading, "own" if known.own_operator else "peer")
            if ruling is not None and ruling.decision in {"refuse", "hint"}:
                return ruling
        by_hand = _by_hand(question)
        if not all(reading.argv for reading in readings):
            why = ("its words are not plain", *by_hand)
            return PolicyVerdict("approve", why, "", plan_as_written(question), question.project_target)
        return self._typed(question, contained, by_hand)

    def decide_rerun(
        self,
        argv: Sequence[str],
        cwd: str,
        *,
        environment: Mapping[str, str] | None = None,
        typed: Mapping[str, str] | None = None,
        project: str = "",
    ) -> PolicyVerdict:
        """Judge the repetition of the user's own failed command in its folder.

        `environment` is what it ran with, `typed` what the whole command was given, where it is a part of another.
        """
        words, variables, project = tuple(argv), environment or {}, project or cwd
        if not words or not words[0]:
            return PolicyVerdict("refuse", ("there is no command",))
        reading = read_argv(_seen_from(words, cwd))
        if not reading.argv:
            return PolicyVerdict("approve", ("the command holds characters that hide something",))
        if (refused := refusal(reading.commands, "self")) is not None:
            return PolicyVerdict("refuse", (refused.reason,))
        if (
            asked := refusal(reading.commands)
        ) is not None:  # code on the command line: the user's own, so a person may
            return PolicyVerdict("approve", (asked.reason,))
        if self.problem:
            return PolicyVerdict("approve", (self.problem,))
        where = find(words[0], cwd, variables)
        if not where:
            return PolicyVerdict("approve", (f"{shortened(words[0])} is not installed here",))
        if (allowed := self._allowed_here(words, cwd)) is not None:
            doubt = set_doubt(variables, variables if typed is None else typed)
            return PolicyVerdict("approve", (doubt,)) if doubt and allowed.decision == "run" else allowed
        if self._rules.local_files and "/" in words[0] and _inside(where, cwd):
            return PolicyVerdict("run", ("policy.toml lets programs of the project run again",))
        fitting = (
            short
            for short in _short_forms(words)
            if any(self._repeats(f.fit(short), cwd) for f in self._rules.repeated)
        )
        short = next(fitting, None)
        if short is None:
            return PolicyVerdict("approve", (f"{shortened(words[0])} like this may have an effect each time",))
        doubts = (
            program_doubt(words[0], cwd, variables, project),
            f"a file of the folder is named {shadowed}" if (shadowed := _shadowing(short, cwd)) else "",
            variable_doubt(variables, variables if typed is None else typed, project),
            settings_doubt(short, cwd, project, self._rules.rerun),
        )
        if found := tuple(filter(None, doubts)):
            return PolicyVerdict("approve", found)
        return PolicyVerdict("run", (f"{shortened(words[0])} like this may be repeated",))

    def _allowed_here(self, words: tuple[str, ...], cwd: str) -> PolicyVerdict | None:
        """Answer for a command that the operator named in this project, while its file is what they saw."""
        for one in self._rules.rerun_here:
            if one.command != words or Path(cwd) != Path(one.folder):
                continue
            try:
                digest = hashlib.sha256(read_plain_file(Path(one.folder, one.file), MAX_RECIPE)).hexdigest()
            except OSError:
                digest = ""
            if digest == one.sha256:
                return PolicyVerdict("run", (f"policy.toml lets {shortened(' '.join(words))} run again here",))
            return PolicyVerdict("approve", (f"{one.file} is not what it was when policy.toml named it",))
        return None

    def _repeats(self, found: Found | None, cwd: str) -> bool:
        return found is not None and all(Path(cwd, name).is_file() for name in found.of("FILE"))

    def _judged(self, reading: Reading, author: Author) -> PolicyVerdict | None:
        """Return the ruling where the text alone decides: refused, disguised, a shell needed, or no usable policy."""
        if (refused := refusal(reading.commands, author)) is not None:
            return PolicyVerdict("refuse", (f"{refused.reason} ({refused.kind})",))
        if reading.disguises:
            return PolicyVerdict("refuse", (f"it holds {reading.disguises[0]}",))
        if reading.needs or not reading.argv:
            return PolicyVerdict(
                "approve", tuple(f"it needs a shell: {what}" for what in reading.needs) or ("it is empty",)
            )
        if self.problem:
            return PolicyVerdict("hint", (f"nothing runs unattended: {self.problem}",))
        return None

    def _typed(self, question: Question, contained: bool, by_hand: tuple[str, ...]) -> PolicyVerdict:
        """Judge each step by itself: all must be typed, and nothing may be missing for any."""
        steps: list[PlannedStep] = []
        kinds: dict[str, ActionType] = {}
        targets: list[Target] = []
        missing: list[str] = []
        for written in question.match.action.steps:
            argv = written_from(plain_spelling(written), question.cwd, question.project)
            fitting = self._rules.fitting(argv)
            if not fitting:  # an operator's own form may hold any spelling
                argv, fitting = written, self._rules.fitting(written)
            if not fitting:
                reasons = (f"{shortened(argv[0])} like this {_UNLISTED}", *by_hand)
                return PolicyVerdict("approve", reasons, "", plan_as_written(question), question.project_target)
            action, found = fitting[0]
            missing += _missing(self._rules, action, found, question, contained, argv)
            step, target = RENDERERS[action.render].render(action, found, question, argv)
            if step is None and not missing:
                missing.append(f"{shortened(argv[0])} is not installed in a trusted folder")
            if step is not None:
                steps.append(step)
                missing += RENDERERS[action.render].doubts(step, found, question)
            kinds[action.name] = action
            targets.append(target)
        if len(kinds) > 1 and any(action.network or action.declared for action in kinds.values()):
            # What one step brings in could be what the next one was judged without.
            missing.append("a step that uses the network or a service stands alone")
        if len(set(targets)) > 1:
            missing.append("its steps change different things")
        names, target = KIND_SEPARATOR.join(kinds), targets[0]
        if missing or by_hand:
            plan = tuple(steps) if len(steps) == len(question.match.action.steps) else plan_as_written(question)
            return PolicyVerdict("approve", (*dict.fromkeys(missing), *by_hand), names, plan, target)
        evidence = question.known.evidence
        proof = f", {_verified(evidence.verified)}" if evidence.verified else ", confirmed"
        if question.known.source == "pack":
            origin = "known in general" + (proof if evidence.verified else "")
        else:
            origin = f"taught by {'this' if question.known.own_operator else 'another'} operator{proof}"
        allowed = (f"{action.name}: {action.summary}" for action in kinds.values())
        return PolicyVerdict("run", (*allowed, origin), names, tuple(steps), target)


def brings_in(action: Action) -> bool:
    """Say whether an action may bring something in from the network; what is not on the list, and advice, may."""
    shipped = load(None)
    kinds = [shipped.fitting(step) for step in plain_steps(action)]
    return action.kind == "advice" or any(not found or any(kind.network for kind, _ in found) for found in kinds)


def _verified(times: int) -> str:
    return "verified once" if times == 1 else f"verified {times} times"


def _by_hand(question: Question) -> tuple[str, ...]:
    """Return why a person must look, whatever the action is."""
    known, incident, reasons = question.known, question.incident, []
    vouched = question.in_general and known.state == "unconfirmed" and is_meant(question)
    if question.match.tier != "exact" and not vouched:
        reasons.append("the match is likely, not exact")
    if known.state != "active" and not vouched:
        reasons.append(f"the skill is {known.state}")
    if not known.confirmed and known.evidence.verified < 1 and not vouched:
        derived = "it is derived from fixes of other errors and was never tried"
        reasons.append(derived if never_tried(known) else "nobody has verified or confirmed it yet")
    if incident.argv_redacted:
        reasons.append("the failed command held a secret or hidden characters, so it is not run again from the record")
    try:
        filled = known.skill.action.fill(Parts(incident.signature.slots))
    except IndexError:
        filled = None
    if filled != question.match.action:
        reasons.append("the command is not the skill's own, filled in")
    for index in sorted(known.skill.action.parameters()):
        value = question.part(index)
        if not re.fullmatch(r"[^-\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,255}", value):
            reasons.append("a part of the error that would be filled in begins with a dash or is not plain")
        reasons += _first_of_its_kind(question, index % FORM)
    return tuple(reasons)


def _first_of_its_kind(question: Question, index: int) -> list[str]:
    """Return why a port, pid or path that is filled in waits: the skill has worked for one other value at most."""
    example, slots = question.known.skill.example_slots, question.incident.signature.slots
    own = example[index].value if index < len(example) else ""
    value = slots[index].value if index < len(slots) else ""
    proven = question.known.evidence.values.get(index, frozenset())
    is_name = index >= len(slots) or slots[index].kind not in _OF_AN_INSTANCE  # names have a rule of their own
    if is_name or value == own or value in proven or len(proven | {own}) > 1 or _same_place(own, value, question):
        return []
    return [f"it has worked for {shortened(own)} only, and this is {shortened(value)}"]


def _same_place(own: str, value: str, question: Question) -> bool:
    """Say whether two absolute paths are the same file of two projects, as a path written from there would be."""
    root = f"{question.project.rstrip('/')}/"
    inside = bool(question.project) and value.startswith(root) and ".." not in value.split("/")
    return inside and own.startswith("/") and own.endswith(f"/{value.removeprefix(root)}")


def _missing(
    rules: Rules, action: ActionType, found: Found, question: Question, contained: bool, argv: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what a typed action still lacks to go unattended."""
    reasons = []
    if not action.unattended:
        reasons.append(f"{action.name} is switched off in policy.toml")
    if not action.bounded and not contained:
        reasons.append(f"{action.name} needs bubblewrap to be contained")
    if contained and (why := RENDERERS[action.render].shut_in):
        reasons.append(why)
    if action.needs == "venv" and question.environment_doubt:
        reasons.append(question.environment_doubt)
    if action.needs == "project" and not question.project:
        reasons.append("there is no project folder here")
    for kind in sorted(action.named):
        reasons += [f"the error does not name {shortened(v)}" for v in found.of(kind) if not _named(kind, v, question)]
    projects = rules.declared.get("projects", frozenset())
    if action.render == "install_locked" and not any(_same(question.project, folder) for folder in projects):
        reasons.append(
            f'a project chose these versions: write "{question.project}" under declared.projects in policy.toml'
        )
    reasons += unknown(found.of("PACKAGE"), question, of_python=action.render == "install", projects=projects)
    reasons += RENDERERS[action.render].missing(found, question)
    if action.declared and not _declared(rules.declared.get(action.declared, frozenset()), argv, found, question.cwd):
        where = f'; write "{shortened(" ".join(argv))} @ {question.cwd}" there' if _is_of_a_folder(argv) else ""
        reasons.append(f"it is not declared for this folder under {action.declared} in policy.toml{where}")
    root = question.project or question.cwd
    for kind in ("PATH", "FOLDER", "NEWFILE", "SOURCE", "EXAMPLE"):
        outside = [v for v in found.of(kind) if not _inside(str(Path(question.cwd, v)), root)]
        reasons += [f"{shortened(v)} is not inside the project" for v in outside]
    return tuple(reasons)


def written_from(argv: tuple[str, ...], folder: str, project: str) -> tuple[str, ...]:
    """Return a command with absolute paths below its folder, in its project, written from there."""
    here = f"{folder.rstrip('/')}/"
    if not any(word.startswith(here) for word in argv) or not _inside(folder, project):
        return argv
    # As it is written: where a link leads is judged, and followed by nothing, afterwards.
    return tuple(word.removeprefix(here) if word.startswith(here) and word != here else word for word in argv)


def _shadowing(words: tuple[str, ...], cwd: str) -> str:
    """Return the file of the folder that `python -m` would import before an installed module, or ""."""
    if words[1:2] != ("-m",):
        return ""
    taken = {words[2].partition(".")[0], *sys.stdlib_module_names}
    return next((one.name for one in sorted(Path(cwd).iterdir()) if one.stem in taken and one.suffix in _MODULE), "")


def _inside(path: str, folder: str) -> bool:
    """Say whether a path is in a folder once links are followed; an empty folder holds nothing."""
    if not folder:
        return False
    try:
        real, root = os.path.realpath(path), os.path.realpath(folder)
        with suppress(FileNotFoundError, NotADirectoryError):  # what is to be made
            os.stat(real)  # fails for links in a circle
    except (OSError, ValueError):
        return False
    return os.path.commonpath((real, root)) == root


def _named(kind: str, value: str, question: Question) -> bool:
    """Say whether the incident's own error, or its own command, names a value."""
    slots = question.named
    if value in slots or (kind == "UPSTREAM" and value == own_upstream(Path(question.cwd))):
        return True
    if kind == "PACKAGE" and any(
        normal(value) in (normal(s), normal(s.split(".")[0]), distribution_of(s.split(".")[0]))
        for s in slots
        if s.isascii()
    ):
        return True
    if value.endswith("/tcp"):
        return value[:-4] in slots
    here = Path(question.cwd)
    return any(Path(here, word) == Path(here, value) for word in (*slots, *question.argv) if word and "\0" not in word)


def _declared(names: frozenset[str], argv: tuple[str, ...], found: Found, cwd: str) -> bool:
    """Say whether policy.toml names a service of the host, or a command with the folder whose file defines it."""
    if not _is_of_a_folder(argv):
        return any(value in names for value in found.of("SERVICE"))
    here = {
        name.partition(" @ ")[0] for name in names if name.partition(" @ ")[2] and _same(name.partition(" @ ")[2], cwd)
    }
    return " ".join(argv) in here or any(value in here for value in found.of("SERVICE"))


def _is_of_a_folder(argv: tuple[str, ...]) -> bool:
    """Say whether what a command does is written in the folder in which it runs."""
    return argv[0] != "systemctl"


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _seen_from(words: tuple[str, ...], cwd: str) -> tuple[str, ...]:
    """Return a command with absolute paths below the folder written from there: it is judged as local."""
    # Where the program lies was the user's own choice a moment ago, so only its name is judged.
    named = (program(words[0]) if words[0].startswith("/") else words[0], *words[1:])
    return tuple(os.path.relpath(w, cwd) if w.startswith("/") and _inside(w, cwd) else w for w in named)


def _short_forms(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return a command as the rerun list may have it: the program without its folder and version, options set aside."""
    name = program(words[0])
    plain = re.sub(r"^(python|pypy|ruby|perl|php|lua)[\d.]+$", r"\1", name)
    return [(n, *words[1:]) for n in dict.fromkeys((words[0], name, plain))]
