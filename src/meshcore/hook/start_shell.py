"""Handle one call of a shell's prompt hook in a process of its own, which the stub `meshcore.shellstart` starts.

As `start` does it for agents: a process of some milliseconds, silent about whatever is wrong with us.
"""

# mypy: allow-untyped-calls
import gc
import os
import sys


def main() -> None:
    """Handle one call; whatever happens, the shell goes on."""
    gc.disable()
    try:
        from meshcore.hook.code_cache import Cache

        cache = Cache()
        cache.install()
        from meshcore.hook.stdlib_shims import install

        install()
        from meshcore.hook.shell import main as handle

        handle(sys.argv[1:])
        cache.save()
    except BaseException:  # noqa: S110  a prompt has no use for what went wrong with us
        pass
    os._exit(0)
