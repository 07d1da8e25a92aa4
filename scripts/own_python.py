"""Go on under the project's own Python where the one that was started lacks meshtui: importing this is enough."""

import importlib.util
import os
import sys
from pathlib import Path

OWN = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "python"

if importlib.util.find_spec("meshtui") is None:
    if not OWN.exists():
        sys.exit("meshtui is not installed for this Python; run `make help` in the repository, or `pipx install .`")
    os.execv(OWN, [str(OWN), *sys.orig_argv[1:]])
