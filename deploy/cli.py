"""The `rapidflow` command: the one place that knows both api and worker.

Each command is imported when it is asked for, so `rapidflow worker` does not load the web server
and `rapidflow send` none of the engine.
"""

import importlib
from typing import Any

import click

# command -> module of deploy.commands that defines it, in the order of the help text
_COMMANDS = {
    "up": "up",
    "send": "send",
    "watch": "watch",
    "doubts": "doubts",
    "migrate": "migrate",
    "api": "api",
    "gateway": "gateway",
    "server": "server",
    "worker": "engine",
    "control": "engine",
    "beat": "engine",
    "user": "user",
    "token": "token",
    "tenant": "tenant",
    "plan": "plan",
    "instance": "instance",
    "audit": "audit",
    "backup": "backup",
    "restore": "restore",
    "retention": "retention",
    "person": "person",
    "doctor": "doctor",
    "clean": "clean",
}


class _Lazy(click.Group):
    """Commands by name, loaded on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, most used first."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None where there is no such name."""
        del ctx
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(
            importlib.import_module(f"deploy.commands.{module}"), cmd_name
        )
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what nobody caught goes to the log, and one sentence to the terminal."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as exc:
            from deploy.crash import report  # nothing is configured unless something fails

            raise click.ClickException(report(exc, command=ctx.invoked_subcommand or "")) from exc


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rapidflow")
def main() -> None:
    """WhatsApp campaigns through the Evolution API, safe to kill at any instant.

    \b
    On a laptop:    rapidflow up            everything, with its own servers and a sandbox
                    rapidflow send FILE --message "Olá {{nome}}!"
    In production:  rapidflow migrate, then api, gateway, worker, control and beat,
                    each as often and on as many machines as you like
    """


if __name__ == "__main__":
    main()
