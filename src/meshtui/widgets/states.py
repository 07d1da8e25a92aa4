"""How the state of an incident looks: a shape, a word, and a tone of `Rows`; the colour is never the only sign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshcore.model import IncidentState


STATES: Mapping[IncidentState, tuple[str, str]] = {
    "open": ("● open", "bad"),
    "matched": ("◆ known fix", "learned"),
    "needs_approval": ("! needs you", "warn"),
    "fixing": ("… fixing", "accent"),
    "verified": ("✓ verified", "good"),
    "fix_failed": ("✗ fix failed", "bad"),
    "applied_not_rerun": ("○ not rerun", "warn"),
    "progress": ("○ next error", "warn"),
    "not_applied": ("⊘ not applied", "warn"),
    "unknown": ("? unknown", "warn"),
    "refused": ("⊘ refused", "dim"),
}
