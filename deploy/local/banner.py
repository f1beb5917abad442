"""What a person needs to know once everything runs."""

from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text


def show_banner(
    console: Console,
    *,
    address: str,
    email: str,
    password: str | None,
    sandbox: str | int | None,
    logs: Path,
) -> None:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("Address", Text(address, style="bold cyan"))
    rows.add_row("E-mail", Text(email))
    if password:
        rows.add_row("Password", Text(password, style="bold") + Text("  shown only now", "dim"))
    else:
        rows.add_row("Password", Text(f"unchanged (new one: rapidflow user password {email})"))
    if sandbox:
        rows.add_row("Sandbox", Text(f"{sandbox} (no real message leaves this machine)"))
    rows.add_row("Logs", Text(str(logs)))
    console.print(Panel(rows, title="RapidFlow is running", subtitle="Ctrl-C stops everything"))
