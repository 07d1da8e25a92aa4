"""Commands that belong together."""

from __future__ import annotations

import click


class Group(click.Group):
    """A group whose help says of each command all of its sentence: click cuts what is longer than a line."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.commands[name].get_short_help_str(1000)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
