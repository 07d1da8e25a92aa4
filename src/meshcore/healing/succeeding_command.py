"""What has succeeded inside a command that has: what is certain of a shell text and of wrappers, nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from meshcore.healing.failing_command import LEVELS, SHELLS, inside, text_of
from meshcore.healing.places import Place
from meshcore.healing.shell_list import NEVER_FAIL, prepared, split, words_of_shell
from meshcore.knowledge.program import program_name


def succeeded(argv: Sequence[str], cwd: str, environment: Mapping[str, str]) -> tuple[Place, ...]:
    """Return the commands that have succeeded where a command has, in their order, as far as its text tells."""
    return tuple(_succeeded(Place(tuple(argv), cwd, environment), LEVELS))


def _succeeded(place: Place, levels: int) -> Iterator[Place]:
    name = program_name(place.argv[0]) if place.argv else ""
    if name in SHELLS and (text := text_of(place.argv)[0]):
        inner = _certain(text, place)
    elif name in SHELLS or name == "xargs" or (found := inside(place)) is None or found.one in (None, place):
        inner = ()
    else:
        inner = found.places
    if not inner or not levels:
        yield place
        return
    for one in inner:
        yield from _succeeded(one, levels - 1)


def _certain(text: str, place: Place) -> tuple[Place, ...]:
    """Return what has succeeded in a list that has: what `&&` joins to its end, and no pipe hides."""
    commands, _ = split(text)
    at = max((i for i, one in enumerate(commands) if one.join in (";", "\n")), default=0)
    joins = [*(one.join for one in commands), ""]
    state, found = Place((), place.cwd, place.environment), list[Place]()
    for i, raw in enumerate(commands):
        join, words = raw.join, words_of_shell(raw.words, state)
        changed = prepared(words, state) if words is not None else None
        if changed is None or join == "||":
            return ()
        state, rest = changed
        if rest and i >= at and "|" not in (join, joins[i + 1]) and rest[0] not in NEVER_FAIL:
            found.append(Place(rest, state.cwd, state.environment))
    return tuple(found)
