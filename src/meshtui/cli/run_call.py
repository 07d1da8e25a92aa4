"""What `meshtui run` was asked for, loaded before the command begins: nothing is imported here."""

from __future__ import annotations


class Call:
    """What was asked for: `options` are those of `meshtui` itself that were given, by name."""

    __slots__ = ("argv", "mode", "options", "rerun", "via")

    def __init__(
        self, argv: tuple[str, ...], mode: str, via: str, options: dict[str, str | None], rerun: str = "auto"
    ) -> None:
        self.argv = argv
        self.mode = mode
        self.via = via
        self.options = options
        self.rerun = rerun
