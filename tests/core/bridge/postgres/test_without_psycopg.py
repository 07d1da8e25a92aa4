"""The engine is an extra: nothing of it is loaded before such an address is opened, and its absence is said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from meshcore.bridge.open import files, is_there, open_bridge
from meshcore.bridge.postgres import engine
from meshcore.config import BridgeAddress
from meshcore.errors import ConfigurationError
from meshcore.testing import FakeClock

ADDRESS = BridgeAddress.parse("postgresql://team:secret@db.example/mesh")


def test_without_psycopg_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'meshtui\[postgres\]'") as caught:
        open_bridge(ADDRESS, clock=FakeClock())
    assert "secret" not in str(caught.value)


def test_asking_for_files_loads_nothing_of_it() -> None:
    program = (
        "import sys; from meshcore.bridge.open import files, is_there; from meshcore.config import BridgeAddress;"
        "a = BridgeAddress.parse('postgresql://db/mesh'); assert is_there(a) and files(a) == {};"
        "sys.exit('psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert is_there(ADDRESS)
    assert files(ADDRESS) == {}
