"""Which loops a runtime has, by its settings."""

from __future__ import annotations

from meshcore.clock import Clock
from meshcore.config import Settings
from meshcore.loops.base import Loop
from meshcore.loops.monitor import MonitorLoop
from meshcore.loops.validator import ValidatorLoop


def loops_of(settings: Settings, clock: Clock) -> tuple[Loop, ...]:
    """Return the monitor and the validator as the settings want them; both answer what a person asks for."""
    return MonitorLoop(settings, clock), ValidatorLoop(settings, clock)
