"""Handle one call of an agent or of a shell's prompt in a process of its own, which a stub has started by its path.

Without `site` an interpreter starts in half the time, without collecting garbage and without an orderly end it is done
sooner: this process lives for some milliseconds and leaves nothing behind but what is committed. The stubs `hookstart`
and `shellstart` end it, and keep quiet about whatever is raised here.
"""

# mypy: allow-untyped-calls
import _signal  # type: ignore[import-not-found]
import gc
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from meshcore.hook.code_cache import Cache


def _cache() -> "Cache":
    """Put the cache in place: first of all, so that it also keeps what the first look and the stand-ins need."""
    gc.disable()
    from meshcore.hook.code_cache import Cache

    cache = Cache()
    cache.install()
    return cache


def _stand_in(cache: "Cache") -> None:
    from meshcore.hook.stdlib_shims import install

    install(kept=cache.pattern, watch=cache.watch)


def agent() -> None:
    """Handle one payload of an agent: `AGENT [NAME=VALUE…]` on the command line, the payload on standard input.

    What is named is taken for the environment's. Hooks of older versions were given `AGENT [HOME [BRIDGE]]`.
    """
    began = time.monotonic() - time.process_time()  # what this process has used so far is its start
    cache = _cache()
    from meshcore.agents.payload_bytes import read_parts
    from meshcore.hook.gate import is_idle

    name, *rest = sys.argv[1:]
    pins = [word for word in rest if word.startswith("MESHTUI_")]
    for word in pins:
        variable, _, value = word.partition("=")
        if os.environ.get(variable) != value:
            os.environ[variable] = value
            os.environ["MESHTUI_PINNED"] = f"{os.environ.get('MESHTUI_PINNED', '')} {variable}"
    home, bridge = (*(word for word in rest if word not in pins), None, None)[:2]
    parts = read_parts(0)
    if not parts[1] and is_idle(name, parts[0], home or "", os.environ, began):
        return
    _stand_in(cache)
    from meshcore.agents.payload import Payload
    from meshcore.hook.main import main

    main(name, Payload(*parts), home=home or None, bridge=bridge or None, to_the_end=True, began=began)
    # The answer is handed on where this ends well: what is only of use to the next call takes none of that away.
    _signal.signal(_signal.SIGALRM, lambda *_: os._exit(0))
    cache.save()


def shell() -> None:
    """Handle one call of a prompt hook; see `hook.shell.main` for the command line."""
    cache = _cache()
    _stand_in(cache)
    from meshcore.hook.shell import main

    main(sys.argv[1:])
    cache.save()
