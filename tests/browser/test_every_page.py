"""Each page in both colours and both sizes: looked at by axe here, by people in the pictures."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.console import Console
from tests.end_to_end.stack import Stack

PAGES = {
    "dashboard": "/",
    "campaigns": "/campanhas",
    "campaign": "/campanhas/{campaign}",
    "report": "/campanhas/{campaign}/relatorio",
    "new-campaign": "/campanhas/nova",
    "instances": "/numeros",
    "opt-outs": "/descadastros",
    "users": "/equipe",
    "keys": "/chaves",
    "limits": "/plano",
    "not-found": "/nada-aqui",
}


@pytest.fixture(scope="module")
def campaign(stack: Stack) -> str:
    """A finished one, with somebody skipped; and somebody who opted out."""
    people = [{"nome": f"Ana {at}", "telefone": f"1196{at:07d}"} for at in range(12)]
    people.append({"nome": "Sem número", "telefone": "123"})
    made = stack.campaign(people, systemPrompt="Olá {{nome}}!", delayMin=0, delayMax=0)
    stack.client.post("/api/suppressions", json={"telefones": ["11980000001", "21980000002"]})
    reference = str(made["campaign"]["campaign_id"])
    stack.wait_over(reference)
    return reference


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_clean(
    visit: Callable[..., Console], campaign: str, scheme: str, phone: bool
) -> None:
    console = visit(scheme=scheme, phone=phone)
    wrong: dict[str, list[str]] = {}
    for name, path in PAGES.items():
        console.open(path.format(campaign=campaign))
        console.settled()
        console.page.wait_for_load_state("networkidle")
        console.shoot(f"{name}-{scheme}-{'phone' if phone else 'desktop'}")
        faults = console.violations()
        if _overflows(console):
            faults.append("scrolls sideways")
        if faults:
            wrong[name] = faults
    assert wrong == {}
    assert console.complaints == []


def test_the_sign_in_is_clean(visit: Callable[..., Console]) -> None:
    console = visit(None, phone=True)
    console.page.goto(console.base)
    expect(console.button("Entrar")).to_be_visible()
    assert console.violations() == []


def test_nothing_secret_stays_in_the_browser_or_in_an_address(console: Console) -> None:
    asked: list[str] = []
    console.page.on("request", lambda request: asked.append(request.url))
    console.page.on("websocket", lambda socket: asked.append(socket.url))
    console.open("/campanhas")
    console.settled()
    kept = console.kept()
    assert all(name.startswith(("rapidflow.", "mantine-")) for name in kept)
    assert not any(re.search(r"eyJ|rf_", value) for value in kept.values())
    assert asked
    assert not any(re.search(r"eyJ|rf_|token=|ticket=", url) for url in asked)
    assert console.page.evaluate("() => document.cookie") == ""
    answer = console.page.goto(console.base + "/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    scripts = next(part for part in policy.split(";") if "script-src" in part)
    assert "unsafe" not in scripts
    assert "<script>" not in answer.text()


def test_the_language_is_switched_and_remembered(console: Console) -> None:
    page = console.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Painel")
    page.get_by_role("button", name=re.compile("^Conta")).click()
    page.get_by_role("menuitem", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    assert page.evaluate("() => document.documentElement.lang") == "en"
    for name, path in PAGES.items():
        if "{" not in path:
            console.open(path)
            console.page.wait_for_load_state("networkidle")
            console.shoot(f"{name}-english")
            left = page.locator("main").get_by_text(re.compile("ção|ções|ário")).count()
            assert left == 0, name


def test_the_first_page_loads_little_javascript(visit: Callable[..., Console]) -> None:
    console = visit(None)
    console.page.goto(console.base)
    expect(console.button("Entrar")).to_be_visible()
    sizes = console.page.evaluate(
        "() => performance.getEntriesByType('resource')"
        ".filter(entry => entry.name.endsWith('.js')).map(entry => entry.encodedBodySize)"
    )
    assert 0 < sum(sizes) <= 250_000


def _overflows(console: Console) -> bool:
    wide = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    return bool(console.page.evaluate(wide))
