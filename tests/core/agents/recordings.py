"""Conversations of agent programs, recorded as their hooks were given them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def recorded(shared: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the payloads of an agent program; skips the test where there is no recording of it."""
    file = f"{name.replace('-', '_')}.jsonl"
    own = Path(__file__).parent / "recorded" / file  # of programs that are not among the shared recordings
    path = own if own.exists() else shared / "agent-payloads" / file
    if not path.exists():
        pytest.skip(f"{name} was never recorded")
    rollout = path.with_name(f"{path.stem}_rollout.jsonl")
    for line in path.read_text().splitlines():
        row = json.loads(line)
        payload = row.get("stdin", row)
        yield {**payload, "transcript_path": str(rollout)} if rollout.exists() else payload
