"""An app that stays where something that it shows cannot be read: it says so in one line."""

from __future__ import annotations

from textual.app import App
from textual.worker import WorkerFailed

from meshcore.errors import MeshError


class Steady(App[int]):
    """Takes an expected error of a worker for news; any other is a fault of ours, and ends the app."""

    def _handle_exception(self, error: Exception) -> None:
        if isinstance(error, WorkerFailed) and isinstance(error.error, MeshError):
            self.notify(str(error.error), severity="error", markup=False)
        else:
            super()._handle_exception(error)
