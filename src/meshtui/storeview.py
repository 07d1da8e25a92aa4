"""The store as the terminal reads it: what its figures are, quick to load and to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshcore.store import queries, views
from meshtui.snapshot import AgentView, EffectView, RunsView, Snapshot, ToldView

if TYPE_CHECKING:
    from meshcore.store.async_store import AsyncStore


class StoreReader:
    """Reads of one store; it is asked where its files are others than when it was asked last."""

    def __init__(self) -> None:
        self._files: tuple[object, ...] = ()
        self._read = Snapshot()

    async def read(self, store: AsyncStore, files: tuple[object, ...], *, anew: bool = False) -> Snapshot:
        """Return what the store says now, in a snapshot of nothing else. Raises MeshError.

        `files` are marks of its files, looked at before; `anew`: ask, whatever they say.
        """
        if anew or files != self._files or not any(files):
            self._read, self._files = await _ask(store), files
        return self._read


async def _ask(store: AsyncStore) -> Snapshot:
    newest = await store.one(views.newest_event())
    figures = dict(await store.ask(queries.figures()))
    valid, total = await store.one(views.validated_runs()) or (0, 0)
    return Snapshot(
        seq=newest.seq if newest else 0,
        at=newest.at if newest else "",
        figures=figures,
        skills=sum(n for name, n in figures.items() if name.startswith("skills.") and name != "skills.forgotten"),
        agents=tuple(AgentView(a["name"], a["via"], a["host"]) for a in await store.ask(queries.agents())),
        runs=RunsView(valid, total) if total else None,
    )


async def effect_of(store: AsyncStore) -> tuple[tuple[EffectView, ...], ToldView]:
    """Return what became of the failures of each kind of agent, and of what was told. Asks about every incident."""
    from meshcore.evidence.digest import all_told, fixes_of, said_of
    from meshcore.evidence.effect import counted, per_kind

    kinds = sorted(per_kind(await store.ask(counted())), key=lambda kind: -kind.seen)
    told = all_told(await store.ask(said_of(0)), await store.ask(fixes_of("")))
    views_of = tuple(EffectView(k.via, k.seen, k.answered, k.verified) for k in kinds)
    return views_of, ToldView(told.told, told.right, told.ignored, told.wrong)
