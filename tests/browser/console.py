"""The console as a person meets it: pages by their addresses, parts by role and label."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import Locator, Page, expect

from tests.end_to_end.stack import Stack

AXE: Final = Path("frontend/node_modules/axe-core/axe.min.js")
SHOTS: Final = Path("tests/browser/screenshots")
Scheme = Literal["light", "dark"]

#: A campaign's tiles to the figures of `GET …/metrics` they must equal.
TILES: Final = {
    "Enviadas": "sent_count",
    "Entregues": "delivered_count",
    "Lidas": "read_count",
    "Responderam": "replied_count",
    "Falharam": "error_count",
    "Em dúvida": "in_doubt_count",
    "Puladas": "skipped_count",
}


@dataclass
class Console:
    """One browser tab at the console of `stack`."""

    page: Page
    base: str
    stack: Stack
    email: str
    password: str
    #: What the browser complained of: errors of scripts and of the content security policy.
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._heard(message.type, message.text))

    def open(self, path: str = "/") -> None:
        """A page, signed in."""
        self.page.goto(self.base + path)
        account = self.page.get_by_role("button", name=re.compile("^(Conta|Account)"))
        form = self.page.get_by_role("button", name="Entrar", exact=True)
        expect(account.or_(form)).to_be_visible()
        if form.is_visible():
            self.sign_in()
        expect(account).to_be_visible()

    def sign_in(self) -> None:
        """With the form in sight."""
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_label("Senha", exact=True).fill(self.password)
        self.page.get_by_role("button", name="Entrar", exact=True).click()

    def button(self, name: str) -> Locator:
        """By its whole name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def tile(self, label: str) -> Locator:
        """A figure of the campaign on the page, as a button that opens its people."""
        return self.page.get_by_role("button", name=re.compile(rf"^{label} [\d.]"))

    def settled(self) -> None:
        """Nothing is being loaded any more."""
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        expect(self.page.get_by_role("status", name="Carregando…")).to_have_count(0)

    def shows(self, label: str, figure: str, *, seconds: float = 30) -> None:
        """The tile's figure, a pattern, comes to be this one."""
        named = re.compile(rf"^{label} {figure}(?=\s|$)")
        expect(self.tile(label)).to_have_accessible_name(named, timeout=seconds * 1000)

    def shows_metrics(self, metrics: dict[str, Any], *, seconds: float = 30) -> None:
        """Every figure on the campaign's page is the API's."""
        for label, name in TILES.items():
            figure = re.escape(f"{metrics[name]:,}".replace(",", "."))
            self.shows(label, figure, seconds=seconds)

    def violations(self) -> list[str]:
        """What axe finds wrong: rule, impact and the first places."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("async () => (await axe.run()).violations")
        return [
            f"{rule['id']} ({rule['impact']}): "
            + "; ".join(node["html"][:160] for node in rule["nodes"][:3])
            for rule in found
        ]

    def shoot(self, name: str, *, whole: bool = True) -> Path:
        """A picture for people to look at, kept with the run."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=whole, animations="disabled")
        return path

    def kept(self) -> dict[str, str]:
        """All that the page stores in the browser where scripts can read it."""
        stored = "() => JSON.stringify({...localStorage, ...sessionStorage})"
        answer: dict[str, str] = json.loads(self.page.evaluate(stored))
        return answer

    def _heard(self, kind: str, text: str) -> None:
        """A refused request is said by the page itself; its line in the log is no complaint."""
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.complaints.append(text)
