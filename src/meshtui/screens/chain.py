"""One incident from error to proof: what failed, why this skill, who decided what and why, what ran, who was told."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from meshcore.errors import MeshError
from meshcore.knowledge.filling import fix_of
from meshcore.knowledge.parts import UNKNOWN
from meshcore.model import StepResult, TryResult
from meshcore.safety.visible_text import visible
from meshcore.store.views import IncidentBrief
from meshtui.actions import Action
from meshtui.chain import Chain, gather_chain
from meshtui.screens.base import Page
from meshtui.screens.deciding import Deciding, deciding
from meshtui.widgets.bars import Hints
from meshtui.widgets.cells import fit, plain, wrapped
from meshtui.widgets.header import duration
from meshtui.widgets.page_title import PageTitle
from meshtui.widgets.states import STATES

LABEL_WIDTH = 10
FEW_LINES, MANY_LINES = 6, 400

OUTPUTS = Action("chain.outputs", "o", "whole output", "Show the whole output of each command, or its end.", "output")
RERUN = Action("chain.rerun", "R", "run again", "Run the failed command again, whose fix was applied; asks first.")
ACTIONS: tuple[Action, ...] = (OUTPUTS, *deciding("chain", hints="t"), RERUN)

RESULTS: dict[TryResult, tuple[str, str]] = {
    "verified": ("✓ verified: it ran again with exit code 0", "$success"),
    "fix_failed": ("✗ the fix failed", "$error"),
    "applied_not_rerun": ("○ applied; verified once the command succeeds again (R runs it)", "$warning"),
    "progress": ("○ fixed; then the command met another error", "$warning"),
    "not_applied": ("⊘ could not be applied", "$warning"),
    "unknown": ("? unknown: the process that was at it ended", "$warning"),
    "refused": ("⊘ refused", "$dim"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the chain before it is wrapped: `label` only on the first line of a part; `quoted`: output."""

    text: str
    style: str = ""
    label: str = ""
    quoted: bool = False


class ChainScreen(Deciding, Page):
    """The chain of one incident; it grows while the incident does."""

    ACTIONS = ACTIONS
    DEFAULT_CSS = """
    ChainScreen {
        #chain { height: 1fr; padding: 1 0 0 0; }
        #chain-text { height: auto; }
    }
    """

    def __init__(self, incident_id: str) -> None:
        super().__init__()
        self._incident_id = incident_id
        self._chain: Chain | None = None
        self._whole = False

    def compose(self) -> ComposeResult:
        yield PageTitle()
        with VerticalScroll(id="chain"):
            yield Static(id="chain-text")
        yield Hints(back="the list")

    def on_mount(self) -> None:
        self.query_one(Hints).show(ACTIONS)
        self.query_one("#chain").focus()
        self._load()

    def incidents_changed(self, incidents: Sequence[IncidentBrief]) -> None:
        """Load again what has moved on."""
        if any(brief.incident_id == self._incident_id for brief in incidents):
            self._load()

    @work(group="chain", exclusive=True)
    async def _load(self) -> None:
        feed = self.mesh.feed
        try:
            self._chain = await gather_chain(feed, self._incident_id) if feed else None
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def action_outputs(self) -> None:
        self._whole = not self._whole
        self._draw()

    def action_rerun(self) -> None:
        from meshtui.screens.settling import run_again

        self._decide("rerun", run_again)

    def incident_here(self) -> str:
        return self._incident_id

    def copied(self) -> str:
        """Return the chain as text."""
        chain = self._chain
        return "" if chain is None else "\n".join(_as_text(line) for line in lines(chain, whole=True))

    def _draw(self) -> None:
        width = self.size.width - 2
        if self._chain is None or width < LABEL_WIDTH + 10:
            return
        self.query_one(PageTitle).draw(*_title(self._chain))
        self.query_one(Hints).show(hinted(self._chain))
        drawn = [part for line in lines(self._chain, whole=self._whole) for part in _drawn(line, width)]
        self.query_one("#chain-text", Static).update(Content("\n").join(drawn))


def hinted(chain: Chain) -> Sequence[Action]:
    """Return the page's actions, those named at the bottom that this incident calls for."""
    is_rerun = chain.incident.state == "applied_not_rerun"
    keys = "ar" if chain.waits else "u" if chain.rejected else "" if chain.incident.state == "verified" else "t"
    return (*deciding("chain", hints=keys), replace(RERUN, hint=RERUN.label if is_rerun else ""), OUTPUTS)


def _title(chain: Chain) -> list[tuple[str, str]]:
    word, tone = STATES[chain.incident.state]
    parts = [(f" {word} ", f"bold {_TONES[tone]}"), (f"  incident {chain.incident.incident_id[:8]}", "$dim")]
    if chain.seconds is not None:
        parts.append((f"   {duration(chain.seconds)} to green", "$success"))
        if chain.own_seconds is not None:
            parts.append((f", the mesh {chain.own_seconds * 1000:.0f} ms of it", "$dim"))
    return parts


_TONES = {
    "good": "$success",
    "bad": "$error",
    "warn": "$warning",
    "dim": "$dim",
    "accent": "$accent",
    "learned": "$learned",
}


def content(chain: Chain, width: int) -> Content:
    """Return a chain in lines of a width, without what only its own screen can do."""
    title = Content.assemble(*_title(chain)).truncate(width, ellipsis=True)
    found = [title, Content("")]
    left_out = False
    for line in lines(chain, whole=False):
        left_out = line.label in _ASKS or (left_out and not line.label)
        if not left_out:
            found += _drawn(line, width - 1)  # a space stands before each
    return Content("\n").join(found)


_ASKS = ("waits", "rejected")


def lines(chain: Chain, *, whole: bool) -> Iterator[Line]:
    """Yield the chain's lines, unwrapped; without `whole` an output is its end only."""
    incident = chain.incident
    yield Line(incident.signature.line or incident.signature.error_type, "bold", "error")
    yield Line(f"{incident.agent.name} on {incident.agent.host or '?'} via {incident.agent.via}", "$dim")
    yield Line(f"{_moment(incident.opened)}{f' in {incident.cwd}' if incident.cwd else ''}", "$dim")
    yield Line(f"$ {shlex.join(incident.argv)}{_exit(incident.exit_code)}")
    yield from _output(incident.excerpt, whole)
    yield Line("")
    yield from _series(chain)
    yield from _why(chain)
    for event in chain.events:
        if event.kind == "try.decided":
            yield Line(str(event.data.get("decision", "")), "bold", "decision")
            for reason in event.data.get("reasons", ()):
                yield Line(str(reason), "$dim")
            yield Line("")
    if chain.rejected:
        yield Line(f"rejected by {chain.rejected}: u takes that back, and it waits again", "$dim", "rejected")
        yield Line("")
    if chain.waits:
        yield Line("it waits for you: a approves it once, with all of it in view; r rejects it", "$warning", "waits")
        yield Line("")
    for outcome in chain.outcomes:
        for step in outcome.steps:
            yield from _step("ran", step, whole)
        if outcome.rerun is not None:
            yield from _step("rerun", outcome.rerun, whole)
        text, style = RESULTS[outcome.result]
        yield Line(text, style, "outcome")
        who = f"by {outcome.actor}, " if outcome.actor else ""
        yield Line(f"{who}{outcome.agent} on {outcome.host}, {_moment(outcome.at)}", "$dim")
        yield Line("")
    yield from _told(chain)


def _series(chain: Chain) -> Iterator[Line]:
    """Yield the errors of the run, where it met several: they are one story."""
    for at, (one, known) in enumerate(chain.series, 1):
        word, tone = STATES[one.state]
        fix = fix_of(known.skill, one.signature) if known else ""
        here = "▸" if one.incident_id == chain.incident.incident_id else " "
        text = f"{here} {at}  {word}  {one.signature.line}{f' → {fix}' if fix else ''}"
        yield Line(text, "bold" if here == "▸" else _TONES[tone], "its run" if at == 1 else "")
    if chain.series:
        yield Line("")


def _why(chain: Chain) -> Iterator[Line]:
    if chain.skill is None:
        yield Line("no known skill answers this", "", "why")
        yield Line(f't teaches it, or: meshtui learn --incident {chain.incident.incident_id[:8]} --fix "…"', "$dim")
        yield Line("")
        return
    skill = chain.skill.skill
    fix = fix_of(skill, chain.incident.signature)
    yield Line(f"#{chain.skill.label} {fix}", "$accent", "why")
    if UNKNOWN in fix and not chain.incident.signature.slots:
        yield Line(f"{UNKNOWN} stands for what that node alone knows", "$dim")
    for event in chain.events:
        if event.kind == "incident.matched":
            yield Line(f"{event.data.get('why', '')} ({event.data.get('tier', '')} match)", "$dim")
    yield Line("")


def _step(label: str, step: StepResult, whole: bool) -> Iterator[Line]:
    style = "" if step.exit_code == 0 else "$error"
    yield Line(f"$ {shlex.join(step.argv)}{_exit(step.exit_code)}  {step.seconds:.2f} s", style, label)
    yield from _output(step.output, whole)
    yield Line("")


def _moment(text: str) -> str:
    return f"{text[:19].replace('T', ' ')} UTC"


def _exit(code: int | None) -> str:
    return "" if code is None else f"  → {code}"


def _output(text: str, whole: bool) -> Iterator[Line]:
    found = visible(text).rstrip("\n").split("\n") if text.strip() else []
    most = MANY_LINES if whole else FEW_LINES
    if len(found) > most:
        yield Line(f"… {len(found) - most} lines before", "$dim", quoted=True)
    for line in found[-most:]:
        yield Line(line.expandtabs(4), "$dim", quoted=True)


def _told(chain: Chain) -> Iterator[Line]:
    label = "told"
    for told in chain.told:
        if not told.published:
            yield Line(f"{told.kind}: not published yet", "$warning", label)
        elif not told.receipts:
            yield Line(f"{told.kind}: published, nobody has it yet", "$warning", label)
        else:
            who = [f"{name} {_latency(seconds)}{_unless_stored(status)}" for name, status, seconds in told.receipts]
            yield Line(f"{told.kind} → {' · '.join(who)}", "", label)
        label = ""


def _latency(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else duration(seconds)


def _unless_stored(status: str) -> str:
    return "" if status == "stored" else f" ({status})"


def _drawn(line: Line, width: int) -> Iterator[Content]:
    room = width - LABEL_WIDTH - (2 if line.quoted else 0)
    for number, part in enumerate(wrapped(plain(line.text), room)):
        label = line.label if number == 0 else ""
        yield Content.assemble(
            (f" {fit(label, LABEL_WIDTH)}", "$dim"), ("│ " if line.quoted else "", "$faint"), (part, line.style)
        )


def _as_text(line: Line) -> str:
    return f"{line.label:<{LABEL_WIDTH}}{'| ' if line.quoted else ''}{plain(line.text)}".rstrip()
