"""The operator's key where it has a passphrase: asked for once, kept in this process's memory, never written."""

from __future__ import annotations

import asyncio

from meshcore.errors import MeshError
from meshcore.safety.keys import SigningKey
from meshcore.safety.operator_key import unlock
from meshcore.trust.signed_decisions import protected
from meshtui.host import Host
from meshtui.screens.ask import Ask

TRIES = 3


class CancelledError(MeshError):
    """The person gave no passphrase; nothing was decided."""


class Signer:
    """Gives the key for decisions that widen what may happen; None where the operator's key has no passphrase."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._key: SigningKey | None = None

    async def key(self) -> SigningKey | None:
        """Return the key, asking for the passphrase where it is needed. Raises CancelledError, MeshError."""
        if self._key is not None or not await self._host.decide(protected):
            return self._key
        path = self._host.settings.operator / "operator.key"
        question = "The operator's passphrase:"
        for _ in range(TRIES):
            text = await self._host.push_screen_wait(Ask(question, secret=True))
            if text is None:
                raise CancelledError("no passphrase was given; nothing was decided")
            try:
                self._key = await asyncio.to_thread(unlock, path, text)
            except MeshError as error:
                question = f"{error} — again:"
                continue
            return self._key
        raise CancelledError(f"{TRIES} wrong passphrases; nothing was decided")
