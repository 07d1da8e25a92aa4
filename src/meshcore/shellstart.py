"""Start of a prompt hook by its file: `python -I -S …/meshcore/shellstart.py failed|worked|key SHELL SESSION …`.

As `hookstart` does it for agents: a process of some milliseconds, silent about whatever is wrong with us.
"""

# mypy: allow-untyped-calls
import gc
import os
import sys


def main() -> None:
    """Handle one call; whatever happens, the shell goes on."""
    gc.disable()
    try:
        sys.path[0:1] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]  # noqa: PTH100, PTH120
        from meshcore.hookcache import Cache

        cache = Cache()
        cache.install()
        from meshcore.standins import install

        install()
        from meshcore.shellhook import main as handle

        handle(sys.argv[1:])
        cache.save()
    except BaseException:  # noqa: S110  a prompt has no use for what went wrong with us
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
