"""What is known in general of an error that nothing learnt answers: known before anything failed here, not from here.

The project's own files come first, then the lists that are shipped, the host's own package index, and what the program
itself proposes. All of it is likely at most. It becomes a skill of this node, unconfirmed, so that what comes of it
counts; it is never told to others, who know as much.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshcore.config import Settings
from meshcore.errors import BadSkillError
from meshcore.healing import host_packages
from meshcore.healing.circumstances import failed_inside, project_root
from meshcore.healing.local_service import service_to_start
from meshcore.healing.places import Place
from meshcore.healing.project_names import holds_module, of_node, of_python
from meshcore.knowledge.commands import installs
from meshcore.knowledge.learning import learn
from meshcore.knowledge.missing import Missing, missing
from meshcore.knowledge.packs import pack
from meshcore.knowledge.parts import Parts
from meshcore.knowledge.program import program_name
from meshcore.knowledge.proposed import proposed
from meshcore.knowledge.text import word_set
from meshcore.knowledge.usual import Failed, usual, without_sudo
from meshcore.knowledge.well_known import distribution_of, normal
from meshcore.model import Action, Incident, KnownSkill, Match
from meshcore.policy.action_key import action_key
from meshcore.safety.managed import managed

SOURCE: Final = "pack"
SCORE = 0.3  # below whatever was learnt
GENERALLY = "known in general, not from here"
_BY_PROJECT: Final = "of this project names"
_ELSEWHERE = word_set(
    "ssh docker podman kubectl nerdctl lxc vagrant multipass nomad heroku fly gcloud aws az scp rsync"
)
"""Programs whose errors may come from another machine, with another index."""
_OF_A_PROJECT = word_set("npm yarn pnpm bun npx bunx bundle composer poetry pipenv pdm hatch")
"""Programs that run what a project brings with it: a name that is missing there is not one of the host's."""
_OF_PYTHON_ITSELF = word_set("pip ensurepip venv")


@dataclass(frozen=True, slots=True)
class General:
    """A fix that is known in general: its words, why, and the source of it, which settings may switch off."""

    argv: tuple[str, ...]
    why: str
    source: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What is looked at: what is missing, if the error says so, the command that failed, and its project."""

    missing: Missing | None
    place: Place
    project: str
    output: str
    typed: str


def may_use(settings: Settings, source: str) -> bool:
    """Tell whether the operator, and the host's administrator, let a source of general knowledge be used."""
    return settings.packs and not managed().why_not_pack(source)


def in_general(incident: Incident, settings: Settings, author: str) -> tuple[KnownSkill, Match] | None:
    """Return what is known in general of an incident, as a skill of `author` with its match; None for nothing."""
    if not settings.packs or incident.argv_redacted:
        return None
    environment: Mapping[str, str] = incident.environment
    place = failed_inside(incident.argv, incident.cwd, environment, incident.excerpt).one
    place = place or Place(incident.argv, incident.cwd, environment)
    gone, typed = missing(incident.signature), "".join(incident.argv[-1:])
    failure = Failure(gone, place, project_root(place.cwd), incident.excerpt, typed)
    found = next((one for rule in RULES if (one := rule(failure)) and may_use(settings, one.source)), None)
    if found is None:
        return None
    fix = Action("argv", (found.argv,))
    why = f"{GENERALLY}: {found.why}"
    command = shlex.join(place.argv)
    try:
        skill = learn(incident.signature, fix, context=why, circumstances=incident.circumstances, command=command)
        if skill.action.fill(Parts(incident.signature.slots)) != fix:
            return None
    except (BadSkillError, IndexError):
        return None
    known = KnownSkill(
        skill,
        action_key=action_key(skill.action),
        state="unconfirmed",
        source=SOURCE,
        author=author,
        own_operator=True,
    )
    return known, Match(skill.skill_id, "likely", SCORE, fix, why)


def is_no_news(incident: Incident, known: KnownSkill, match: Match) -> bool:
    """Tell whether an answer says no more than the error: a package called as the missing module, from the lists alone.

    Who writes code knows that much; a script of its own is more often given up or mended than given the package.
    """
    gone, steps = missing(incident.signature), match.action.steps
    if known.source != SOURCE or known.state != "unconfirmed" or gone is None or len(steps) != 1:
        return False
    same = gone.kind in ("module", "node module") and normal(steps[0][-1]) == normal(gone.names[0])
    return same and _BY_PROJECT not in match.why


# --- rules, the surest first ------------------------------------------------------------------------------------------

Rule = Callable[[Failure], General | None]


def _module(failure: Failure) -> General | None:
    """A module of Python: by the project's own files, else by the list of well-known packages."""
    name = _name(failure, "module")
    if not name or name in _OF_PYTHON_ITSELF or holds_module(failure.place.cwd, failure.project, name):
        return None
    known = distribution_of(name)
    wanted = frozenset({known} - {""} or {normal(name)})
    package, version, file = of_python(failure.project, wanted)
    if package:
        words = ("pip", "install", f"{package}=={version}" if version else package)
        return General(words, f"{file} {_BY_PROJECT} {package}", "project")
    if known:
        return General(("pip", "install", known), f"{known} is the well-known package of the module {name}", "imports")
    return None


def _node_module(failure: Failure) -> General | None:
    """A module of Node.js: one that the project asks for is installed with all others, a well-known one by its name."""
    name = _name(failure, "node module")
    if not name:
        return None
    manager, asked = of_node(failure.place.cwd, failure.project, name)
    if asked:
        return General((manager, "install"), f"package.json asks for {name}", "project")
    if name not in pack("node"):
        return None
    verb = "install" if manager in ("", "npm") else "add"
    return General((manager or "npm", verb, name), f"{name} is a well-known package", "node")


def _tool_of_node(failure: Failure) -> General | None:
    """A program that a script of package.json runs comes with all that the file asks for."""
    name, place = _name(failure, "program"), failure.place
    manager, asked = of_node(place.cwd, failure.project, name)
    is_run_by_it = bool(place.argv) and program_name(place.argv[0]) in _OF_A_PROJECT
    if not name or not manager or not is_run_by_it or (Path(place.cwd, "node_modules").exists() and not asked):
        return None
    return General((manager, "install"), "what package.json asks for is not installed", "project")


def _plugin(failure: Failure) -> General | None:
    """An option or a fixture of pytest that a well-known plugin declares."""
    gone = failure.missing
    if gone is None or gone.kind not in ("pytest option", "fixture"):
        return None
    packages = {pack("pytest").get(name.partition("=")[0], "") for name in gone.names}
    package = packages.pop() if len(packages) == 1 else ""
    said = " ".join(gone.names)
    return General(("pip", "install", package), f"{package} declares {said}", "pytest") if package else None


def _of_the_host(failure: Failure) -> General | None:
    """What this host's own distribution has a package for."""
    gone, argv = failure.missing, failure.place.argv
    if gone is None or gone.kind not in ("program", "header", "library", "pkg-config"):
        return None
    if not argv or program_name(argv[0]) in _ELSEWHERE | _OF_A_PROJECT or _is_own(failure, gone):
        return None
    found = host_packages.HostIndex().package(gone.kind, gone.names[0])
    return General(found.install, found.why, "host") if found else None


def _command_of_a_package(failure: Failure) -> General | None:
    """A command that a well-known package brings, where the project's own files ask for that package."""
    name, argv, place = _name(failure, "program"), failure.place.argv, failure.place
    words = installs(name) if argv and program_name(argv[0]) not in _ELSEWHERE | _OF_A_PROJECT else ()
    if not words or _is_own(failure, Missing("program", (name,))):
        return None
    if words[0] == "npm":
        manager, asked = of_node(place.cwd, failure.project, words[-1])
        return General((manager, "install"), f"package.json asks for {words[-1]}", "project") if asked else None
    package, version, file = of_python(failure.project, frozenset({words[-1]}))
    argv = ("pip", "install", f"{package}=={version}" if version else package)
    return General(argv, f"{file} {_BY_PROJECT} {package}", "project") if package else None


def _service(failure: Failure) -> General | None:
    """A service of this host that its client could not reach."""
    found = service_to_start(failure.place.argv, failure.output)
    return General(found.argv, f"this host has the service {found.service}", "host") if found else None


def _is_own(failure: Failure, gone: Missing) -> bool:
    """Tell whether what is missing may be the project's own: a header in quotes, or a file of that name in it."""
    name = gone.names[0]
    if gone.kind == "header" and f'"{name}"' in failure.output:
        return True
    roots = dict.fromkeys((failure.place.cwd, failure.project or failure.place.cwd))
    return any((Path(root) / inner / name).exists() for root in roots for inner in ("", "bin", "scripts", "include"))


def _proposed(failure: Failure) -> General | None:
    """What the failed program itself proposes to type."""
    front, argv = without_sudo(failure.place.argv)
    words = proposed(argv, failure.output)
    return General((*front, *words), f"{program_name(argv[0])} proposes it itself", "words") if words else None


def _usual(failure: Failure) -> General | None:
    """What is usually done, by the error's own words."""
    place = failure.place
    front, argv = without_sudo(place.argv)
    found = usual(Failed(argv, failure.typed, failure.output, place.cwd))
    return General((*front, *found.argv), found.why, "words") if found else None


def _name(failure: Failure, kind: str) -> str:
    gone = failure.missing
    return gone.names[0] if gone is not None and gone.kind == kind else ""


RULES: tuple[Rule, ...] = (
    _usual,
    _module,
    _node_module,
    _tool_of_node,
    _plugin,
    _command_of_a_package,
    _of_the_host,
    _service,
    _proposed,
)
