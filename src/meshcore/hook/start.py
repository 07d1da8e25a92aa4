"""Handle one payload of an agent in a process of its own, which the stub `meshcore.hookstart` starts.

Without `site` an interpreter starts in half the time, without collecting garbage and without an orderly end it is done
sooner: this process lives for some milliseconds and leaves nothing behind but what is committed.
"""

# mypy: allow-untyped-calls
import gc
import os
import sys


def main() -> None:
    """Handle one payload; whatever happens, the agent goes on."""
    gc.disable()
    try:
        from meshcore.hook.code_cache import Cache

        cache = Cache()
        cache.install()
        from meshcore.hook.stdlib_shims import install

        install()
        cache.install_patterns()
        from meshcore.hook.main import main as handle

        name, *rest = sys.argv[1:]
        home, bridge = (*rest, None, None)[:2]
        handle(name, home=home or None, bridge=bridge or None, to_the_end=True)
        cache.save()
    except BaseException:  # noqa: S110  an agent has no use for what went wrong with us
        pass
    os._exit(0)
