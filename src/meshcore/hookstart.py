"""Start of a hook by its file, as agents are configured: `python -I -S …/meshcore/hookstart.py AGENT [HOME [BRIDGE]]`.

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
        # The folder of this file would come first, and the modules in it hide others of their names.
        sys.path[0:1] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]  # noqa: PTH100, PTH120
        from meshcore.hookcache import Cache

        cache = Cache()
        cache.install()
        from meshcore.standins import install

        install()
        cache.install_patterns()
        from meshcore.hook import main as handle

        name, *rest = sys.argv[1:]
        home, bridge = (*rest, None, None)[:2]
        handle(name, home=home or None, bridge=bridge or None, to_the_end=True)
        cache.save()
    except BaseException:  # noqa: S110  an agent has no use for what went wrong with us
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
