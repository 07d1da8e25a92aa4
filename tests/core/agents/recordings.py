"""Conversations of agent programs, recorded as their hooks were given them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def recorded(shared: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the payloads of an agent program; skips the test where there is no recording of it."""
    path = shared / "agent-payloads" / f"{name.replace('-', '_')}.jsonl"
    if not path.exists():
        pytest.skip(f"{name} was never recorded")
    rollout = path.with_name(f"{path.stem}_rollout.jsonl")
    for line in path.read_text().splitlines():
        row = json.loads(line)
        payload = row.get("stdin", row)
        yield {**payload, "transcript_path": str(rollout)} if rollout.exists() else payload
