"""What the tools do: a model may ask for fixes and say what it found; nothing runs because a model said so.

What it reports is stored unconfirmed, without an author, and shown to no other model before a person confirms it or the
mesh sees it work. Each call opens the node anew, so that a server that runs for days holds nothing.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from meshcore.agents.base import Answer
from meshcore.agents.table import tool_events
from meshcore.config import Settings
from meshcore.errors import BadSkillError, MeshError
from meshcore.exchange.receive import exchange
from meshcore.healing.capture import project_root
from meshcore.healing.importing import suggest
from meshcore.healing.light_judges import offered_here
from meshcore.healing.rerun_ruling import rule_rerun
from meshcore.healing.ruling import load_policy, put, rule
from meshcore.hook.answer import label_of, report, standing_of, suggestion
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.learning import learn
from meshcore.knowledge.matching import matches
from meshcore.knowledge.parts import shown_fix
from meshcore.knowledge.signature import read
from meshcore.knowledge.skill_md import describe
from meshcore.knowledge.text import word_set
from meshcore.mcp.protocol import ToolError
from meshcore.mcp.shapes import FIX_LIMIT, Fix, Fixes, Outcomes, Reported, Status
from meshcore.model import AgentInfo, Incident, KnownSkill, Match, Signature, Verdict
from meshcore.node import Node
from meshcore.safety.redaction import redact, redact_argv
from meshcore.safety.visible_text import fence, plain_name, strip_ansi, visible
from meshcore.trust.authors import Trust, trust_in
from meshcore.trust.ceilings import mode_here
from meshcore.trust.halting import halted

TEXT_LIMIT = 100_000  # characters of an error that are read: its end
LISTED = 200  # skills in the list of resources

_NO_WORDS_OF_ITS_OWN = word_set(
    "a an and are be been but by can cannot check command could did do does doing done error errors err exception exit "
    "exited exitcode fail failed failing fails failure failures fatal for from get gets getting got had happened has "
    "have i in is issue issues it just my not now occurred of on one or output please problem problems process program "
    "returned run running runs script shell something status still task test tests that the there this to try trying "
    "unknown unexpected unsuccessful was we went with without work worked working works wrong code line see above "
    "below log logs details more information t s d build job step execution"
)


class Tools:
    """What a model can call, on one home. The protocol has checked the arguments: texts of bounded length."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def find_fix(self, error: str, command: str, folder: str, hook_event: str) -> tuple[Fixes, str]:
        """Return which known fix answers an error, and for a hook the answer in its own format."""
        programs = tool_events() if hook_event else {}
        if hook_event and hook_event not in programs:
            raise ToolError(f"hook_event is one of {', '.join(programs)}, or left out")
        if folder and not folder.startswith("/"):
            raise ToolError("folder is an absolute path, or left out")
        signature = _signature(error, command)
        with self._node() as node:
            exchange(node)
            found, best = _found(node, signature, command, folder or str(Path.cwd()))
        return found, (programs[hook_event].answer(hook_event, best) or "{}") if hook_event else ""

    def report_fix(self, error: str, fix: str, command: str, context: str) -> tuple[Reported, str]:
        """Store what a model says fixed an error, unconfirmed."""
        if not fix.strip():
            raise ToolError("fix is empty; send the one command that helped, or short advice")
        if visible(fix) != fix:
            raise ToolError("fix holds control characters; send plain text")
        if redact(fix) != fix:
            raise ToolError("fix holds a secret; report it with a placeholder in prose, or leave it out")
        signature = _signature(error, command)
        action = parse_fix(fix)
        if _same(fix, command):
            raise ToolError("fix is the command that failed; report what was done before it passed, or nothing")
        if _says_nothing(signature.line):
            raise ToolError("error does not say what went wrong; send the whole output of the failed command")
        with self._node() as node:
            ruling = load_policy(node).check(fix, "peer")
            if action.kind == "argv" and ruling.decision == "refuse":
                raise ToolError(f"not stored: {'; '.join(ruling.reasons)}; report a narrower command")
            try:
                skill = learn(signature, action, context=_line(context or "a model said so"))
                known, new = suggest(node, skill, "reported")
            except BadSkillError as reason:
                raise ToolError(f"not stored: {reason}") from reason
            node.project()
        if known.confirmed:
            then = "it was known already, and confirmed"
        else:
            then = f"tell the person: `meshtui skills confirm {known.label}` makes it available to other agents"
        return Reported(label_of(known), new, known.confirmed, then), ""

    def report_outcome(self, skill_id: str, outcome: Literal["worked", "failed"]) -> tuple[Outcomes, str]:
        """Note how a fix went by a model's word."""
        with self._node() as node:
            known = self._known(node, skill_id)
            with node.store.transaction():
                node.store.skills.note_said(known.skill_id, outcome)
                counts = node.store.skills.said(known.skill_id)
                node.store.events.add(
                    "outcome.reported",
                    skill_id=known.skill_id,
                    agent=node.name,
                    data={"outcome": outcome, "via": "mcp"},
                )
            node.project()
        then = "noted as a model's word; what counts as verified is a rerun under meshtui or its hook"
        return Outcomes(label_of(known), counts["worked"], counts["failed"], then), ""

    def mesh_status(self) -> tuple[Status, str]:
        """Return how the mesh stands."""
        with self._node() as node:
            exchange(node)
            figures = node.store.snapshots.figures()
            incidents = {name: n for name, n in figures.items() if name.startswith("incidents.")}
            found = Status(
                node=node.name,
                host=node.settings.host,
                mode=mode_here(node),
                halted=_line(halted(node)),
                skills=node.store.skills.count(),
                incidents=sum(incidents.values()),
                verified=incidents.get("incidents.verified", 0),
                approvals_waiting=figures.get("approvals.waiting", 0),
                bridge=node.bridge_fault or "connected",
            )
        return found, ""

    def skills(self) -> str:
        """Return the skills that may be read, as JSON."""
        with self._node() as node:
            known = [one for one in node.store.skills.all(states=("active",)) if _is_shown(node, one)][:LISTED]
            rows = [
                {
                    "id": label_of(one),
                    "uri": f"meshtui://skills/{label_of(one).lstrip('#')}",
                    "report": _report_as_learnt(one, _author(node, one), node.store.skills.now()),
                }
                for one in known
            ]
        return json.dumps({"skills": rows}, ensure_ascii=False)

    def skill(self, skill_id: str) -> str | None:
        """Return one skill as Markdown, None where there is none that a model may read."""
        with self._node() as node:
            known = node.store.skills.find(skill_id.removeprefix("%23").removeprefix("#"))
            if known is None or not _is_shown(node, known):
                return None
            name = trust_in(node, known.author).name or node.name
        return "\n".join(describe(known, {known.author: name}))

    def _known(self, node: Node, skill_id: str) -> KnownSkill:
        known = node.store.skills.find(skill_id.strip().removeprefix("#"))
        if known is None or not (_is_shown(node, known) or known.source == "reported"):
            raise ToolError("no such skill; use the skill_id that find_fix gave")
        return known

    @contextmanager
    def _node(self) -> Iterator[Node]:
        try:
            with Node(self._settings) as node:
                yield node
        except MeshError as error:
            raise ToolError(f"meshtui: {_line(str(error))}") from error


def _same(fix: str, command: str) -> bool:
    """Tell whether a fix is the failed command once more, however it is spelled."""
    if fix.split() == command.split():
        return True
    one, other = parse_fix(fix), parse_fix(command)
    return bool(one.steps) and one.steps == other.steps


def _says_nothing(line: str) -> bool:
    """Tell whether a line only says that something failed: no word and no name in it says what."""
    return set(re.findall(r"[^\W\d_]+", line.lower())) <= _NO_WORDS_OF_ITS_OWN


def _signature(error: str, command: str) -> Signature:
    whole = error[-TEXT_LIMIT:]
    if len(error) > TEXT_LIMIT:  # half a secret has no form to know it by
        whole = whole.partition("\n")[2] or whole
    text = strip_ansi(whole)
    if text.startswith("Exit code "):  # how Claude Code begins what it hands to a hook
        text = text.partition("\n")[2]
    if not text.strip():
        raise ToolError("error is empty; send the whole output of the failed command")
    return read(visible(redact(text)), command=visible(redact(command))[:FIX_LIMIT])


def _found(node: Node, signature: Signature, command: str, folder: str) -> tuple[Fixes, Answer]:
    """Return what is known, and what a hook would say of the best of it."""
    policy, incident = load_policy(node), _incident(node, signature, command, folder)
    fixes: list[Fix] = []
    best, withheld = Answer(), 0
    for match in offered_here(node.store, matches(signature, node.store.skills), project_root(folder) or folder):
        known = node.store.skills.find(match.skill_id)
        if known is None:
            continue
        trust = trust_in(node, known.author)
        if not _is_shown(node, known):
            withheld += known.state != "forgotten"
            continue
        asked = put(node, policy, incident, known, match, mode="auto", environment=os.environ)
        ruling = rule(asked).decision
        if ruling == "refuse":
            continue
        again = rule_rerun(policy, incident, os.environ) if ruling != "hint" else None
        fix = _fix(node, ruling, known, match, trust, again)
        fixes.append(fix)
        if len(fixes) == 1:
            best = suggestion(known, match, _author(node, known), now=node.store.skills.now())
    if fixes:
        then = "judge it; if you use it, run the failed command again and call report_outcome"
    elif withheld:
        then = "nothing that you may see; a person can look with `meshtui skills list` and confirm or enrol"
    else:
        then = "unknown; if you find a fix, call report_fix"
    line = _line(signature.line)
    found = Fixes(error=line, error_type=_line(signature.error_type), fixes=fixes, withheld=withheld, next=then)
    return found, best


def _incident(node: Node, signature: Signature, command: str, folder: str) -> Incident:
    """Return what a model tells of as an incident, to be ruled on and never stored."""
    try:
        argv = tuple(shlex.split(command))
    except ValueError:
        argv = (command,)
    stored, redacted = redact_argv(argv)
    return Incident(
        incident_id="",
        opened=node.store.now(),
        agent=AgentInfo(node.name, "mcp", node.settings.host),
        argv=stored,
        cwd=folder,
        exit_code=1,
        signature=signature,
        excerpt="",
        argv_redacted=redacted,
    )


def _fix(
    node: Node,
    ruling: Literal["run", "approve", "hint"],
    known: KnownSkill,
    match: Match,
    trust: Trust,
    again: Verdict | None,
) -> Fix:
    """Return a match as a model sees it; `again` is the ruling on running the failed command again."""
    counts = node.store.skills.said(known.skill_id)
    return Fix(
        skill_id=label_of(known),
        kind="command" if match.action.kind == "argv" else "advice",
        fix=redact(report(known, match, _author(node, known), now=node.store.skills.now())),
        match=match.tier,
        author=plain_name(_author(node, known)),
        standing=standing_of(known, node.store.skills.now()),
        confirmed=known.confirmed,
        policy=ruling,
        rerun=_line(f"{again.decision}: {'; '.join(again.reasons)}") if again else "",
        models_said_worked=counts["worked"],
        models_said_failed=counts["failed"],
    )


def _author(node: Node, known: KnownSkill) -> str:
    return trust_in(node, known.author).name or node.name


def _report_as_learnt(known: KnownSkill, author: str, now: str) -> str:
    """Return a fix as it was learnt, for no error in particular."""
    text = f"fix: {_line(shown_fix(known.skill))}\nfor: {_line(known.skill.example_line)}"
    return fence(text, author, standing_of(known, now))


def _is_shown(node: Node, known: KnownSkill) -> bool:
    """Tell whether a model may read a skill: its author is known here, and nobody has put it away."""
    if known.state in ("quarantined", "forgotten"):
        return False
    return known.own_operator or trust_in(node, known.author).state == "enrolled"


def _line(text: str) -> str:
    return visible(redact(text), limit=FIX_LIMIT, keep_newlines=False)
