"""The demo on two machines: network namespaces with a cable each, and PostgreSQL between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from meshcore.demo.hosts import why_not


@pytest.mark.services
def test_a_failure_on_one_machine_heals_on_the_other(tmp_path: Path) -> None:
    if why := why_not():
        pytest.skip(why)
    command = [sys.executable, "-m", "meshtui", "demo", "--hosts", "--json", "--report", str(tmp_path / "report.html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["demo"]
    assert (told["hosts"], told["verified"]) == (True, True)


def test_where_there_can_be_no_machines_it_is_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert why_not()
