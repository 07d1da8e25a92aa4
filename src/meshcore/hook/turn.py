"""One hook asks policy, and whoever has the same question at that moment waits for its verdict, or for the turn."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.store.store import Store

_PAUSE = 0.03  # seconds between two looks


class Turn:
    """The turn to ask one question of policy; see `light_judges.policy_key`.

    It is held by the process, also when that becomes another program, and is gone with it. `question` is "" where
    there is none. `own`: an answer for this failure alone is wanted, the verdict of another only where that comes late.
    """

    def __init__(self, state: Path, question: str = "", *, own: bool = False) -> None:
        self.question, self.own = question, own
        self._path = state / "asking"
        self._descriptor = -1

    def take(self) -> bool:
        """Take the turn; False where another process has it. Where no file can be made everybody has it."""
        if not self.question:
            return True
        import fcntl  # most failures ask nothing

        try:
            if self._descriptor < 0:
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
                self._descriptor = os.open(self._path, flags, 0o600)
                os.set_inheritable(self._descriptor, True)
            # A byte for each question, which need not be there.
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(self.question[:7], 16))
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def wait(self, store: Store, until: float) -> bool:
        """Wait for the verdict, or the turn, until a monotonic time; False where this process is to ask itself."""
        if not self.question:
            return False
        while self.own or not store.verdicts.get(self.question):
            if self.take():
                return not self.own and bool(store.verdicts.get(self.question))
            if time.monotonic() >= until:
                return bool(store.verdicts.get(self.question))
            time.sleep(_PAUSE)
        return True

    def give_back(self) -> None:
        """Let another process have the turn."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
