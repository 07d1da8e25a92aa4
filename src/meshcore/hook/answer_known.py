"""What a project knows of a command in the words that an agent reads; 2 kB at most."""

from __future__ import annotations

from collections.abc import Mapping

from meshcore.agents.base import Answer

CONTEXT_LIMIT = 2_048  # bytes


def fitting(said: Mapping[str, str], room: int) -> dict[str, str]:
    """Return what is to be said by its kind, as far as it has room in so many characters, the first first."""
    kept = {kind: text for kind, text in said.items() if text}
    while kept and len(what_is_known("\n".join(kept.values())).context) > room:
        kept.popitem()
    return kept


def what_is_known(said: str) -> Answer:
    """Return what a project knows of a command, as facts that the agent may weigh."""
    head = "meshtui" if said.startswith("Another way") else "meshtui, from earlier sessions of this project"
    return Answer(cut(f"{head}:\n{said}", CONTEXT_LIMIT))


def for_a_person(said: str) -> Answer:
    """Return the same as one line for a person."""
    return Answer("", cut("meshtui: " + said.replace("\n", " "), CONTEXT_LIMIT))


def asked_too(answer: Answer, question: str) -> Answer:
    """Return an answer with a line for the person, where it has none yet."""
    return answer if answer.message or not question else Answer(answer.context, cut(question, CONTEXT_LIMIT))


def cut(text: str, limit: int) -> str:
    """Return a text of at most so many bytes."""
    data = text.encode(errors="replace")
    return text if len(data) <= limit else data[: limit - 3].decode(errors="ignore") + "…"
