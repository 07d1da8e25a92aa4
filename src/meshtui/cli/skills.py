"""`meshtui skills`: what is known, and what an operator decides about it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from meshcore.control import decisions
from meshcore.errors import BadSkillError, UsageError
from meshcore.exchange.receive import exchange
from meshcore.knowledge.ageing import weight
from meshcore.knowledge.interchange import import_skills_file, read_skills_file, skill_to_old, write_skills_file
from meshcore.knowledge.migration import other_reading, was_no_fix
from meshcore.knowledge.parts import example_fix, never_tried, shown_fix
from meshcore.knowledge.standing import standing
from meshcore.model import Json, KnownSkill, SkillState
from meshcore.node import Node
from meshcore.safety.model_json import skill_to_json
from meshtui.cli.context import Session, facts, json_option, note, print_json, say, table
from meshtui.cli.group import Group
from meshtui.cli.moments import ago
from meshtui.cli.passphrase import passphrase_option, signing_key


@click.group(cls=Group)
def skills() -> None:
    """What is known: list, show, confirm, quarantine, forget, export, import."""


def _find(node: Node, reference: str) -> KnownSkill:
    known = node.store.skills.find(reference.removeprefix("#"))
    if known is None:
        raise UsageError(f"no skill {reference!r}; `meshtui skills list` shows labels and ids")
    return known


def _as_json(node: Node, known: KnownSkill) -> dict[str, Json]:
    evidence = known.evidence
    return {
        **skill_to_json(known.skill),
        "skill_id": known.skill.skill_id,
        "label": known.label,
        "state": known.state,
        "source": known.source,
        "author": known.author,
        "own_operator": known.own_operator,
        "confirmed": known.confirmed,
        "verified": evidence.verified,
        "failed": evidence.failed,
        "standing": round(_standing(node, known), 3),
        "created": known.created,
        "last_good": known.last_good,
    }


@skills.command("list")
@click.option("--all", "everything", is_flag=True, help="Forgotten ones too.")
@json_option
@click.pass_obj
def list_skills(session: Session, everything: bool, as_json: bool) -> None:
    """List skills: one line each."""
    with session.node(fresh=True) as node:
        known_here = node.store.skills.all()
        found = [known for known in known_here if everything or known.state != "forgotten"]
        aside = sum(known.state == "forgotten" and was_no_fix(known) for known in known_here)
        if as_json:
            print_json("skills", [_as_json(node, known) for known in found])
            return
        good = {known.skill_id: ago(node, known.last_good) for known in found}
    rows = [
        (
            f"#{known.label}",
            known.skill.skill_id[:12],
            known.state,
            known.source,
            f"{known.evidence.verified}/{known.evidence.verified + known.evidence.failed}",
            known.skill.example_line,
            _fix(known) if known.skill.action.kind == "argv" else f"advice: {known.skill.action.text}",
            good[known.skill_id],
        )
        for known in found
    ]
    empty = "no skills yet; teach one with `meshtui learn`, or put `meshtui run --` before a command"
    table(
        ("label", "skill", "state", "source", "verified", "error", "fix", "last good"),
        rows,
        empty=empty,
        spare=("last good", "skill", "source"),
    )
    if aside and not everything:
        are, they = ("is", "It") if aside == 1 else ("are", "They")
        print(
            f"{aside} more {are} set aside. {they} only looked, wrote files, built or tested: see `skills list --all`"
        )


@skills.command()
@click.argument("skill")
@json_option
@click.pass_obj
def show(session: Session, skill: str, as_json: bool) -> None:
    """Show one skill, by label, id, or the beginning of its id."""
    with session.node(fresh=True) as node:
        known = _find(node, skill)
        if as_json:
            print_json("skill", _as_json(node, known))
            return
        other = other_reading(node.store, known.skill_id)
        both = filter(None, (other, known.skill_id))
        outcomes = [outcome for one in both for outcome in node.store.outcomes.of(skill_id=one)]
        also = node.store.skills.find(other) if other else None
        stands, good = _standing(node, known), ago(node, known.last_good)
    one = known.skill
    facts(
        {
            "skill": f"#{known.label} {one.skill_id}",
            "error": f"{one.error_type}: {one.template}",
            "must match": ", ".join(f"{k.kind} {k.value!r}" for k in one.key_slots) or "nothing but the wording",
            "fix": _fix(known) + ("  (advice)" if one.action.kind == "advice" else ""),
            "seen as": one.example_line,
            "context": one.context or "-",
            **({"also": f"#{also.label} {also.skill_id}, {_of_which_rules(known, also)}"} if also else {}),
            "state": known.state + ("" if known.confirmed else ", not confirmed"),
            "from": f"{known.source}, {'own operator' if known.own_operator else 'another operator or unknown'}",
            "author": known.author[:12] or _unsigned(known),
            "verified": "never tried"
            if never_tried(known)
            else f"{known.evidence.verified} of {known.evidence.verified + known.evidence.failed} tries",
            "standing": f"{stands:.2f}",
            "last good": good,
        }
    )
    for outcome in outcomes[-10:]:
        say(f"  {outcome.at}  {outcome.result}  {outcome.agent} on {outcome.host}")


def _of_which_rules(known: KnownSkill, other: KnownSkill) -> str:
    older = other.skill.signature_version < known.skill.signature_version
    return f"as it was read by {'older rules' if older else 'the rules of today: that one answers'}"


def _standing(node: Node, known: KnownSkill) -> float:
    return standing(known.evidence, weight(known.last_good, node.store.skills.now()))


def _fix(known: KnownSkill) -> str:
    """Return a fix for people; one that was derived for no error in particular, since it never was for one."""
    return shown_fix(known.skill) + ("  (derived, never tried)" if never_tried(known) else "")


def _decided(node: Node, known: KnownSkill) -> None:
    exchange(node)
    node.project()
    now = node.store.skills.find(known.skill_id) or known
    say(f"#{known.label} {known.skill.skill_id[:12]} is {now.state} now")


def _unsigned(known: KnownSkill) -> str:
    return {"imported": "nobody: it came from a file", "reported": "nobody: an agent's model said so"}.get(
        known.source, "an old program (unsigned)"
    )


@skills.command()
@click.argument("skill")
@passphrase_option
@click.pass_obj
def confirm(session: Session, skill: str, passphrase_file: str | None) -> None:
    """Stand behind a skill: it may then be used as policy allows; a quarantine is lifted."""
    with session.node(fresh=True) as node:
        known = _find(node, skill)
        decisions.confirm_skill(node, known.skill_id, signer=signing_key(node, passphrase_file))
        _decided(node, known)


@skills.command()
@click.argument("skill")
@click.option("--reason", default="set by a person", help="Why.")
@click.pass_obj
def quarantine(session: Session, skill: str, reason: str) -> None:
    """Keep a skill from being used until it is confirmed again."""
    with session.node(fresh=True) as node:
        known = _find(node, skill)
        decisions.quarantine_skill(node, known.skill_id, reason=reason)
        _decided(node, known)


@skills.command()
@click.argument("skill")
@click.pass_obj
def forget(session: Session, skill: str) -> None:
    """Never answer with a skill again; `confirm` undoes it."""
    with session.node(fresh=True) as node:
        known = _find(node, skill)
        decisions.forget_skill(node, known.skill_id)
        _decided(node, known)


@skills.command("not-here")
@click.argument("skill")
@click.option("--undo", is_flag=True, help="Offer it here again.")
@click.pass_obj
def not_here(session: Session, skill: str, undo: bool) -> None:
    """Do not offer a skill in the project of this folder again, to nobody; for agents as for people."""
    with session.node() as node:
        known = _find(node, skill)
        project = decisions.offer_here(node, known.skill_id, str(Path.cwd()), wanted=undo)
        node.project()
    say(f"#{known.label} {known.skill.skill_id[:12]} is {'' if undo else 'not '}offered in {project}")


@skills.command("export")
@click.argument("file", required=False)
@click.option(
    "--format", "form", type=click.Choice(["old", "skill-md"]), default="old", help="skills_database.json or SKILL.md."
)
@click.option("--all", "everything", is_flag=True, help="With skill-md: also what nobody of yours stands behind.")
@click.pass_obj
def export_skills(session: Session, file: str | None, form: str, everything: bool) -> None:
    """Write the skills to FILE (or standard output), or as Agent Skills folders into the folder FILE."""
    if form == "skill-md":
        _export_folders(session, file, everything)
        return
    if everything:
        raise UsageError("--all belongs to --format skill-md; the old format holds all skills anyway")
    with session.node(fresh=True) as node:
        if file is not None and file != "-":
            path = Path(file)
            try:
                write_skills_file(node.store, path)
            except OSError as error:
                raise UsageError(f"{path}: cannot be written ({error.strerror}); name another file") from error
            say(f"{node.store.skills.count()} skills written to {path}")
            return
        import json

        entries = [skill_to_old(known) for known in node.store.skills.all(states=("unconfirmed", "active"))]
        json.dump({"skills": entries, "stats": {"total_errors_handled": 0, "auto_resolved": 0}}, sys.stdout, indent=2)
        print()


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _export_folders(session: Session, folder: str | None, everything: bool) -> None:
    from meshcore.knowledge.skill_md import export_folders

    if folder is None or folder == "-":
        raise UsageError("name the folder, for example .claude/skills or .agents/skills")
    path = Path(folder).expanduser()
    with session.node(fresh=True) as node:
        states: tuple[SkillState, ...] = ("unconfirmed", "active") if everything else ("active",)
        known = [one for one in node.store.skills.all(states=states) if everything or one.own_operator]
        names = {author.node: author.name for author in node.store.authors.all()}
        names[node.identity.node.public] = node.name
    try:
        done = export_folders(known, path, names)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); name another folder") from error
    fixes, files = _counted(done.fixes, "fix", "fixes"), _counted(len(done.written), "file", "files")
    say(f"{fixes} in {path}: {files} written" + (f", {len(done.removed)} removed" if done.removed else ""))
    for line in done.kept:
        note(line)
    if not known:
        say("nothing to export: teach and confirm skills first, or say --all for unconfirmed and other people's")


@skills.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.pass_obj
def import_skills(session: Session, path: Path) -> None:
    """Take in a skills_database.json, a SKILL.md, or a folder of them.

    What comes in stays unconfirmed until a person confirms it.
    """
    if path.is_dir() or path.suffix.lower() == ".md":
        _import_folders(session, path)
        return
    with session.node() as node:
        try:
            read_skills_file(path)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror}); name another file") from error
        done = import_skills_file(node.store, path)
        node.project()
    say(f"{done.entries} entries, {done.skills} different skills, {done.added} new")
    for reason in done.refused:
        say(f"not usable: {reason}")


def _import_folders(session: Session, path: Path) -> None:
    from meshcore.healing.importing import suggest
    from meshcore.knowledge.skill_md_reading import read_skill_files

    try:
        found = read_skill_files(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name another file") from error
    left_out, added, taken = list(found.left_out), 0, 0
    with session.node() as node:
        for skill in found.skills:
            try:
                known, new = suggest(node, skill, "imported")
            except BadSkillError as error:
                left_out.append(f"{skill.context}: {error}")
                continue
            taken, added = taken + 1, added + new
            if new:
                say(f"#{known.label} {skill.skill_id[:12]}  {skill.example_line} → {example_fix(skill)}")
        node.project()
    files, fixes = _counted(found.files, "file", "files"), _counted(taken, "clear fix", "clear fixes")
    say(f"{files}, {fixes}, {added} new and unconfirmed")
    for reason in left_out:
        say(f"left out: {reason}")
    if added:
        say("look at them with `meshtui skills list`, and stand behind one with `meshtui skills confirm LABEL`")
