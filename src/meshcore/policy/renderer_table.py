"""The ways of executing a typed action, by the names under which policy.toml has them."""

from __future__ import annotations

from typing import Final

from meshcore.policy import frozen_installs, renderers, repairs

RENDERERS: Final[dict[str, renderers.Renderer]] = {
    "": renderers.Renderer(),
    "look": renderers.Look(),
    "paths": renderers.OnPaths(),
    "host": renderers.OnHost(),
    "install": renderers.InstallPackage(),
    "install_locked": renderers.InstallLocked(),
    "install_project": renderers.InstallProject(),
    "install_frozen": frozen_installs.InstallFrozen(),
    "git": renderers.GitCommand(),
    "free_port": renderers.FreePort(),
    "make_environment": repairs.MakeEnvironment(),
    "copy_example": repairs.CopyExample(),
    "mend_script": repairs.MendScript(),
    "remove_lock": repairs.RemoveLock(),
}
