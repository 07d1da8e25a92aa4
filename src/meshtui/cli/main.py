"""The command line: each command is a module that is imported only when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from meshcore import __version__
from meshtui.cli.context import Session, loop_options
from meshtui.state import Opening

TASKS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Start": {
        "demo": ("meshtui.cli.demo", "The whole story on this machine, for real: one fixes, the other heals."),
        "connect": ("meshtui.cli.connect", "Let an agent program ask the mesh at each failed command."),
        "disconnect": ("meshtui.cli.connect", "Take meshtui's plugin or hooks out of an agent program."),
        "shell-init": ("meshtui.cli.shell", "A prompt hook for bash, zsh and fish: the known fix after a failure."),
        "import": ("meshtui.cli.importing", "What agents learnt before they were on the mesh: import history."),
        "completion": ("meshtui.cli.shell", "What completes the words of meshtui in bash, zsh or fish."),
        "doctor": ("meshtui.cli.doctor", "Is everything in order? Each line with its remedy."),
    },
    "Run and heal": {
        "run": ("meshtui.cli.run", "Run any command; where it fails, the mesh may heal it."),
        "heal": ("meshtui.cli.heal", "Try what is known on an incident, and run its command again."),
        "match": ("meshtui.cli.match", "Ask which known fix answers an error text."),
    },
    "See": {
        "status": ("meshtui.cli.mesh", "The mesh at a glance."),
        "incidents": ("meshtui.cli.incidents", "Failures, what was done about them, and how that went."),
        "unsolved": (
            "meshtui.cli.unsolved",
            "What fails again and again and nobody has solved, the costliest first.",
        ),
        "agents": (
            "meshtui.cli.mesh",
            "This node's agents; of one: what it fails at, what it was told, and since when it is silent.",
        ),
        "nodes": ("meshtui.cli.nodes", "The fleet, by host: how each node fares and what is wrong; list, forget."),
        "deliveries": ("meshtui.cli.mesh", "Who has not received what, and since when."),
    },
    "Decide": {
        "approvals": ("meshtui.cli.approvals", "What waits for a person: list, approve, reject, wait."),
        "mode": ("meshtui.cli.brakes", "Show or set the ceiling for what may happen unattended."),
        "halt": ("meshtui.cli.halt", "Stop every unattended fix of this operator, at once."),
        "resume": ("meshtui.cli.brakes", "Allow fixes again after a halt."),
        "trust": ("meshtui.cli.trust", "Whose fixes may run here: list, enroll, revoke, rotate, protect, sign."),
        "policy": ("meshtui.cli.policy", "Ask what the policy says about a command; sign it."),
    },
    "Teach": {
        "learn": ("meshtui.cli.learn", "Teach the mesh which command fixes an error."),
        "skills": ("meshtui.cli.skills", "What is known: list, show, confirm, quarantine, export, import."),
    },
    "Prove": {
        "report": ("meshtui.cli.report", "What was healed, how fast, who taught it; html, md, json or csv."),
        "digest": ("meshtui.cli.digest", "What agents were told, what came of it, and what it cost them."),
        "evidence": ("meshtui.cli.evidence", "Proof that leaves: export it, verify it."),
        "monitor": ("meshtui.cli.monitor", "Record how the mesh fares, once or at an interval."),
        "validate": ("meshtui.cli.validate", "Are the artifacts of the runs what they must be?"),
    },
    "Keep it running": {
        "serve": ("meshtui.cli.serve", "The runtime in the foreground, without a screen."),
        "service": ("meshtui.cli.service", "The runtime as a systemd unit: print, install."),
        "bridge": (
            "meshtui.cli.bridge",
            "Between this machine and the others: what leaves it, exchange; bridges over ssh and in PostgreSQL.",
        ),
        "maintenance": (
            "meshtui.cli.maintenance",
            "Apply retention, fold in logs, check every file; each step a line.",
        ),
        "purge": ("meshtui.cli.purge", "Erase what a record said, here and everywhere, for good."),
        "redact": ("meshtui.cli.policy", "Filter secrets out of text."),
    },
    "For agents": {
        "hook": ("meshtui.cli.hook", "What an agent program calls at each finished command."),
        "mcp": ("meshtui.cli.mcp", "An MCP server over stdio: models ask for fixes and report theirs."),
    },
}
"""Every command by the task that it is for: its module, and what it does."""

COMMANDS = {name: found for commands in TASKS.values() for name, found in commands.items()}
_FUNCTIONS = {
    "digest": "digest_command",
    "import": "import_from",
    "shell-init": "shell_init",
}  # of commands whose name is no name in Python


class _Commands(click.Group):
    """Commands by name, imported when called; the help is here so that listing them imports nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, _FUNCTIONS.get(cmd_name, cmd_name))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that a word names. Raises NoSuchCommand with those of a similar name."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for task, commands in TASKS.items():
            with formatter.section(task):
                formatter.write_dl([(f"{name:{width}}", summary) for name, (_, summary) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin like this, of which none is imported for it, and the options."""
        found = [CompletionItem(name, help=COMMANDS[name][1]) for name in COMMANDS if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--home", metavar="DIR", help="This node's folder (MESHTUI_HOME).")
@click.option("--bridge", metavar="FILE", help="The bridge database (MESHTUI_BRIDGE).")
@click.option("--agent", metavar="NAME", help="Who is acting (MESHTUI_AGENT; default user@host).")
@click.option("--config", metavar="FILE", help="Settings file (default config.toml in the operator's folder).")
@click.option("--log", "log_path", metavar="FILE", help="Show one log, of JSON lines or any text, read only.")
@click.option("--readonly", is_flag=True, help="Only look: nothing can be decided, and no runtime is started.")
@click.option("--pane", metavar="NAME", help="The pane to begin with: overview, skills, deliveries, approvals …")
@click.option("--no-ui", is_flag=True, help="The runtime in the foreground, without a screen: same as `serve`.")
@click.option("--json", "as_json", is_flag=True, help="With --no-ui: one JSON object per event.")
@loop_options
@click.version_option(__version__, prog_name="meshtui")
@click.pass_context
def meshtui(
    ctx: click.Context,
    home: str | None,
    bridge: str | None,
    agent: str | None,
    config: str | None,
    log_path: str | None,
    readonly: bool,
    pane: str | None,
    no_ui: bool,
    as_json: bool,
    monitor_interval: float | None,
    runs_root: str | None,
    validate_interval: float | None,
) -> int | None:
    """A terminal for a mesh of agents that heal each other's errors.

    Alone it shows the mesh in the terminal. Put `meshtui run --` before any command: where it fails and the fix is
    known, the fix is applied as far as policy allows, and the command is run again.

    Exit codes: 0 ok, 1 failure, 2 usage, 69 bridge unavailable, 78 configuration, 130 interrupted.
    """
    ctx.obj = Session(home=home, bridge=bridge, agent=agent, config=config)
    if ctx.invoked_subcommand is not None:
        if no_ui or log_path or readonly or pane:
            alone = "--no-ui" if no_ui else "--log" if log_path else "--readonly" if readonly else "--pane"
            raise click.UsageError(f"{alone} stands alone: leave the command out")
        return None
    settings = ctx.obj.settings
    if log_path is not None:
        if no_ui:
            raise click.UsageError("--log is a screen; leave --no-ui out, or use `tail -F`")
        from meshtui.terminal import run_log

        return run_log(settings, Path(log_path).expanduser().absolute())
    if (monitor_interval, runs_root, validate_interval) != (None, None, None):
        from meshtui.cli.serve import with_loops

        settings = with_loops(settings, monitor_interval, runs_root, validate_interval)
    if no_ui:
        from meshtui.cli.serve import run_in_foreground

        return run_in_foreground(settings, as_json=as_json)
    from meshtui.terminal import check_terminal, run_app

    check_terminal()
    from meshtui.cli.start import is_first_start

    if not readonly and is_first_start(ctx.obj):
        from meshtui.cli.first_start import ask

        ask(ctx)
    return run_app(settings, Opening(pane=_pane(pane), readonly=readonly))


def _pane(name: str | None) -> str:
    from meshtui.screens.table import PANES

    if name is not None and name not in (names := [entry.name for entry in PANES]):
        raise click.UsageError(f"no pane {name!r}; there are {', '.join(names)}")
    return name or ""
