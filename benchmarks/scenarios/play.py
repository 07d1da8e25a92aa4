"""Play a scenario: the first agent fails and comes to the fix, the second one meets the same; both are watched."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.scenarios.scenario import Ending, Scenario, Wrapped, shell
from benchmarks.scenarios.stage import SYSTEM_PATH, Agent, Environments, picture, system_packages

_NOT_STARTED = (126, 127)  # a shell says why, each in its own words


@dataclass
class Story:
    """What became of a scenario: `wrong` is what must never be, `reasons` what was said; `skipped` why not played."""

    scenario: Scenario
    ending: Ending = "silent"
    wrong: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    learnt: str = ""
    asked: int = 0  # approvals
    accepted: int = 0  # … that did, as they stood, what the person wanted
    skipped: str = ""
    passes: bool = False  # fixed without a yes, and it passes once its user types it again

    @property
    def explained(self) -> bool:
        """Tell whether it ended as it must, for the reason that is stated."""
        if self.wrong or self.ending != self.scenario.must:
            return False
        stated = self.scenario.because.lower()
        return self.ending not in ("fixed", "offered") or any(
            stated in one.lower() for one in (*self.reasons, *self.said)
        )


class Stage:
    """Two agents in a folder of their own, for one scenario."""

    def __init__(self, root: Path, scenario: Scenario, environments: Environments, wheels: Path, registry: str) -> None:
        shared = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        shared |= {"npm_config_update_notifier": "false", "npm_config_fund": "false", "npm_config_audit": "false"}
        project = scenario.folder or "shop"
        self.scenario = scenario
        self.agents = (
            Agent(root, "ann", "src", project, {**shared, **scenario.variables}),
            Agent(root, "bob", "work", project, {**shared, **scenario.variables}),
        )
        (root / "operator").mkdir()
        (root / "bridge").mkdir(mode=0o700)
        if scenario.policy:
            places = scenario.policy.replace("{ann}", str(self.agents[0].project))
            (root / "operator" / "policy.toml").write_text(places.replace("{bob}", str(self.agents[1].project)))
        for second, agent in enumerate(self.agents):
            self._set_up(agent, environments, registry, second=bool(second))

    def _set_up(self, agent: Agent, environments: Environments, registry: str, *, second: bool) -> None:
        scenario = self.scenario
        for name in scenario.environments:
            environments.make(Path(agent.project, name).resolve())
        for name, text in {**scenario.files, **(scenario.second_files if second else {})}.items():
            path = Path(agent.project, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{registry}", registry).replace("{project}", str(agent.project)))
            if text.startswith("#!"):
                path.chmod(0o755)
        for path in [*agent.project.rglob("package.json")]:  # a fix sees nothing of the user's own settings
            path.with_name(".npmrc").write_text(f"registry={registry}\n")
        (agent.home / ".gitconfig").write_text("[init]\n\tdefaultBranch = main\n")
        for text in (scenario.setup, scenario.second_setup if second else ""):
            if text:
                done = agent.plain(("bash", "-euc", text), agent.project)
                if done.returncode:
                    raise RuntimeError(f"{scenario.name}: its setup failed: {done.stderr[-300:]}")
        if scenario.active:
            agent.activate(Path(agent.project, scenario.active).resolve())


def play(root: Path, scenario: Scenario, environments: Environments, wheels: Path, registry: str) -> Story:
    """Play one scenario in an empty folder."""
    story = Story(scenario)
    for program in scenario.needs:
        if shutil.which(program, path=SYSTEM_PATH) is None:
            story.skipped = f"{program} is not installed here"
            return story
    stage = Stage(root, scenario, environments, wheels, registry)
    ann, bob = stage.agents
    system = system_packages()
    bare = _first(story, ann)
    _second(story, bob, (bare.returncode, _neutral(bare.stdout, ann), _neutral(bare.stderr, ann)))
    if system_packages() != system:
        story.wrong.append("the packages of this machine's Python were changed")
    return story


def _first(story: Story, ann: Agent) -> Any:
    """Let the first agent fail, plainly and under the mesh, and come to the fix."""
    scenario = story.scenario
    argv = scenario.argv(str(ann.project), second=False)
    bare = ann.plain(argv, ann.project, scenario.stdin)
    # Only told: what is known in general is not to mend it before anything was taught.
    failed = ann.meshtui("run", "--mode", "hint", "--", *argv, stdin=scenario.stdin)
    if not scenario.once and failed.returncode != bare.returncode:
        story.wrong.append(f"exit code {failed.returncode} instead of {bare.returncode}")
    same = (failed.stdout, _own(failed.stderr)) == (bare.stdout, bare.stderr)
    if not (same or scenario.volatile or scenario.once) and bare.returncode not in _NOT_STARTED:
        story.wrong.append("the first agent's output was changed")
    if scenario.taught:
        story.learnt = _teach(ann, argv, failed, scenario.taught.replace("{project}", str(ann.project)))
    for fix in scenario.chain:
        ann.meshtui("heal", "last")
        story.learnt += "; " + _teach(ann, argv, ann.meshtui("run", "--mode", "hint", "--", *argv), fix)
    for text in (one.replace("{project}", str(ann.project)) for one in scenario.did):
        words: Wrapped = shell(text) if re.search(r"[;&|<>$`*~'\"]|^cd |^source ", text) else tuple(text.split())
        done = ann.meshtui("run", "--", *words)
        if done.returncode:
            story.learnt = f"{text}: {done.stderr.strip()[-200:]}"
    if scenario.did:
        done = ann.meshtui("run", "--", *argv, stdin=scenario.stdin)
        told = [line for line in done.stderr.splitlines() if "learnt #" in line]
        story.learnt = told[0] if told else story.learnt or f"nothing (exit {done.returncode})"
        if scenario.confirmed and told:
            ann.meshtui("skills", "confirm", "1")
    return bare


def _teach(ann: Agent, argv: Wrapped, failed: Any, fix: str) -> str:
    """Let a person paste what was printed and say what fixes it; return the answer."""
    typed = argv[-1] if argv[:1] == ("bash",) else shlex.join(argv)
    # A program that was not started says nothing itself: the person pastes what their shell says.
    missing = failed.returncode in _NOT_STARTED and not failed.stdout
    printed = failed.stderr.replace("meshtui: ", "bash: ") if missing else failed.stdout + _own(failed.stderr)
    done = ann.meshtui("learn", "--error-file", "-", "--fix", fix, "--command", typed, stdin=printed)
    return (done.stdout + done.stderr).strip()


def _second(story: Story, bob: Agent, bare: tuple[int, str, str]) -> None:
    """Let the second agent meet it, a person approve once, and the second agent go on; then look at what is there."""
    scenario = story.scenario
    argv = scenario.argv(str(bob.project), second=True)
    same = not scenario.second and not scenario.second_files and not scenario.second_setup
    before = picture(bob.home)
    if scenario.through == "hook":
        bob.meshtui("mode", "--via", "claude-code", "auto")
        code, out = _through_hook(story, bob, argv)
    else:
        done = bob.meshtui("run", "--", *argv, stdin=scenario.stdin)
        code, out = done.returncode, done.stdout
        story.said = [line for line in done.stderr.splitlines() if line.startswith("meshtui:")]
        if same and not scenario.volatile:
            if not _neutral(out, bob).startswith(bare[1]):
                story.wrong.append("the second agent's output was changed")
            if bare[0] not in _NOT_STARTED and bare[2] not in _neutral(_own(done.stderr), bob):
                story.wrong.append("the second agent's error output was changed")
    incidents = [one for one in bob.ask("incidents", "list")["incidents"] if one["agent"] == "bob"]
    shown = bob.ask("incidents", "show", incidents[0]["incident_id"])["incident"] if incidents else {}
    story.reasons = list(_reasons(shown))
    state = shown.get("state", "")
    effects_once = _effects(scenario, bob)
    if state == "verified":
        story.ending = "unattended"
        if code != 0:
            story.wrong.append(f"verified, and its exit code is {code}")
        runs = _effects(scenario, bob) - _lines_before(before, scenario)
        if scenario.effects and runs > 1:
            story.wrong.append(f"an effect was repeated: {runs} times")
    elif same and not scenario.volatile and code != bare[0]:
        story.wrong.append(f"exit code {code} instead of {bare[0]}")
    if state != "verified" and (why := _unasked(before, picture(bob.home), scenario)):
        story.wrong.append(f"changed: {', '.join(why[:4])}")
    waiting = bob.ask("approvals", "list")["approvals"]
    if waiting and state != "verified":
        state = _approve(story, bob, waiting, effects_once)
    if story.ending == "silent":
        if state == "applied_not_rerun":
            story.ending = "fixed"
        elif any(event["kind"] == "incident.matched" for event in shown.get("events", ())):
            story.ending = "offered"
    _look(story, bob, argv, before, claimed=state == "verified")


def _through_hook(story: Story, bob: Agent, argv: Wrapped) -> tuple[int, str]:
    """Let the second agent be a coding agent: its hook hears of the failure, and it runs what the answer names."""
    typed = argv[-1] if argv[:1] == ("bash",) else " ".join(argv)
    done = bob.plain(argv, bob.project)
    said = f"Exit code {done.returncode}\n{done.stdout}{done.stderr}"
    payload = {
        "session_id": "s1",
        "transcript_path": "/dev/null",
        "cwd": str(bob.project),
        "permission_mode": "default",
    }
    payload |= {"hook_event_name": "PostToolUseFailure", "tool_name": "Bash", "tool_use_id": "t1", "error": said}
    body = {**payload, "tool_input": {"command": typed}, "is_interrupt": False}
    answer = bob.meshtui("hook", "claude-code", stdin=json.dumps(body)).stdout
    story.said = answer.splitlines()
    named = re.search(r"meshtui heal ([0-9a-f]{8,})", answer)
    if named is None:
        return done.returncode, done.stdout
    healed = bob.meshtui("heal", named[1])
    story.said += healed.stdout.splitlines()
    return healed.returncode, done.stdout


def _approve(story: Story, bob: Agent, waiting: Sequence[dict[str, Any]], effects: int) -> str:
    """Say yes once to what waits, as it stands; return the state of the incident after that."""
    one = waiting[0]
    story.asked += 1
    story.reasons += [f"asked: {one['runs'] or one['command']}", f"then: {one['rerun']}", *one["reasons"]]
    if story.scenario.looks:
        story.ending, story.asked = "offered", 0
        return "needs_approval"
    done = bob.meshtui("approvals", "approve", one["approval_id"])
    story.said += (done.stdout + done.stderr).strip().splitlines()
    if not one["rerun"] and _effects(story.scenario, bob) > effects:
        story.wrong.append("it was run again though the approval did not say so")
    state = bob.ask("incidents", "show", one["incident_id"])["incident"]["state"]
    if state == "verified":
        story.ending = "approval"
    if state in ("verified", "applied_not_rerun"):
        story.accepted += 1
    return str(state)


def _look(story: Story, bob: Agent, argv: Wrapped, before: dict[str, tuple[int, str]], *, claimed: bool) -> None:
    """Hold what is on disk, and a plain run of the command, against what was claimed."""
    scenario = story.scenario
    if strange := _unasked(before, picture(bob.home), scenario):
        story.wrong.append(f"changed: {', '.join(strange[:4])}")
    if claimed and not scenario.effects and not scenario.once:
        again = bob.plain(argv, bob.project, scenario.stdin)
        if again.returncode:
            story.wrong.append(f"verified, and it fails: {again.stderr.strip()[-200:]}")
    if story.ending == "fixed" and not story.asked:
        story.passes = bob.plain(argv, bob.project, scenario.stdin).returncode == 0


def _unasked(before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]], scenario: Scenario) -> list[str]:
    """Return what changed in the second agent's home beside what the scenario lets change."""
    place = f"work/{scenario.folder or 'shop'}"
    patterns = [re.sub(r"[^/]+/\.\./", "", f"{place}/{one}") for one in (*scenario.changes, scenario.effects) if one]
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    return sorted(name for name in changed if not any(fnmatch.fnmatch(name, one) for one in patterns))


def _reasons(shown: dict[str, Any]) -> list[str]:
    said: list[str] = []
    for event in shown.get("events", ()):
        said += [*event.get("reasons", ()), *event.get("rerun_reasons", ())]
        said += [event["why"]] if "why" in event else []
    return list(dict.fromkeys(said))


def _effects(scenario: Scenario, agent: Agent) -> int:
    path = Path(agent.project, scenario.effects)
    return len(path.read_text().splitlines()) if scenario.effects and path.is_file() else 0


def _lines_before(before: dict[str, tuple[int, str]], scenario: Scenario) -> int:
    return 0 if f"work/{scenario.folder or 'shop'}/{scenario.effects}" not in before else 1


def _own(errors: str) -> str:
    """Return what the command itself said."""
    return "".join(line for line in errors.splitlines(keepends=True) if not line.startswith("meshtui: "))


def _neutral(text: str, agent: Agent) -> str:
    text = re.sub(r"(?m)^[ ~^]+\n", "", text)  # Python's marks under a line, which are as long as its paths
    return text.replace(str(agent.project), "PROJECT").replace(str(agent.home), "HOME")
