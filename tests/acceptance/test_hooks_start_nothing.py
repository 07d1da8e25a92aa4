"""A hook starts no process, whatever the mode: no fix, no command of the agent's, no probe."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.world import TIMEOUT_S

from meshcore.agents.table import program

SCRIPT = """
import json, sys
from pathlib import Path
from tests.core.agents.desk import Desk
from meshcore.agents.table import NAMES
from meshcore.control import decisions

desk = Desk(Path(sys.argv[1]))
NAMED = "ModuleNotFoundError: No module named '{}'"
for agent in NAMES:
    desk.teach(NAMED.format(agent), f"pip install {agent}")
with desk.node() as node:
    decisions.set_mode(node, sys.argv[2])
started = []
STARTS = ("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system")
sys.addaudithook(lambda event, values: started.append(repr((event, values))) if event in STARTS else None)
said = {}
for agent in NAMES:
    said[agent] = desk.failed(agent, output=NAMED.format(agent))
    desk.failed(agent, output=f"Error: something that nobody knows {agent}")
desk.succeeded("pip install claude-code")
desk.succeeded()
print(json.dumps({"started": started, "said": said, "followed": desk.followed}))
"""


@pytest.mark.parametrize("mode", ["auto", "approve", "hint"])
def test_a_hook_and_its_follow_up_start_no_process(tmp_path: Path, mode: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), mode],
        capture_output=True,
        cwd=Path(__file__).parents[2],
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found["started"] == []
    heard = {agent: said for agent, said in found["said"].items() if getattr(program(agent), "READS_ANSWERS", True)}
    assert all(f"pip install {agent}" in said for agent, said in heard.items()), found["said"]
    assert {"failed", "succeeded"} == set(found["followed"]), "the follow-up was asked too"
