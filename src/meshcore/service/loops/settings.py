"""Which loops a runtime has, by its settings."""

from __future__ import annotations

from meshcore.clock import Clock
from meshcore.config import Settings
from meshcore.service.loops.base import Loop
from meshcore.service.loops.monitor import MonitorLoop
from meshcore.service.loops.validator import ValidatorLoop


def loops_of(settings: Settings, clock: Clock) -> tuple[Loop, ...]:
    """Return the monitor and the validator as the settings want them; both answer what a person asks for."""
    return MonitorLoop(settings, clock), ValidatorLoop(settings, clock)
