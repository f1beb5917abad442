"""One campaign watched while the connection breaks, people steer it and doubts are decided."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.console import Console, all_read
from tests.browser.relay import Relay
from tests.end_to_end.stack import Stack
from tests.sandbox_process import Sandbox

Contacts = Callable[..., list[dict[str, str]]]


def begin(stack: Stack, contacts: list[dict[str, str]], **config: Any) -> str:
    return str(stack.campaign(contacts, **config)["campaign"]["campaign_id"])


def test_a_socket_cut_for_ten_seconds_is_said_and_caught_up_without_reload(
    console: Console, stack: Stack, relay: Relay, contacts: Contacts
) -> None:
    reference = begin(stack, contacts(40), delayMin=0.6, delayMax=0.7)
    console.open(f"/campanhas/{reference}")
    page = console.page
    expect(page.get_by_text("Ao vivo")).to_be_visible()
    console.shows("Enviadas", r"[1-9]\d*")
    expect(page.get_by_text("Enviada para Pessoa 0")).to_be_visible()  # told by the socket alone
    page.evaluate("() => { window.sameLoad = true }")
    with relay.without_sockets():
        expect(page.get_by_text(re.compile("^Conexão perdida"))).to_be_visible()
        console.shoot("live-connection-lost")
        page.wait_for_timeout(10_000)  # the length of the outage
    expect(
        page.get_by_text(re.compile(r"Conexão de volta: \d+ eventos? recuperados?"))
    ).to_be_visible(timeout=60_000)
    console.shows_metrics(all_read(stack, reference), seconds=60)
    assert page.evaluate("() => window.sameLoad") is True
    console.complaints = [text for text in console.complaints if "WebSocket connection" not in text]


def test_pause_and_resume(console: Console, stack: Stack, contacts: Contacts) -> None:
    reference = begin(stack, contacts(30, 100), delayMin=0.5, delayMax=0.6)
    console.open(f"/campanhas/{reference}")
    page = console.page
    console.shows("Enviadas", r"[1-9]\d*")
    console.button("Pausar").click()
    expect(page.get_by_text("Pausada", exact=True).first).to_be_visible()
    expect(console.button("Retomar")).to_be_visible()
    assert stack.metrics(reference)["status"] == "paused"
    console.button("Retomar").click()
    expect(page.get_by_text("Concluída", exact=True).first).to_be_visible(timeout=90_000)
    console.shows_metrics(all_read(stack, reference))


def test_a_doubt_is_decided_with_what_is_known_of_it(
    console: Console, stack: Stack, sandbox_process: Sandbox, contacts: Contacts
) -> None:
    sandbox_process.tune(save_messages=False)
    people = contacts(3, 200)
    sandbox_process.faults(
        {
            "match": {"route": "message/*", "number": f"55{people[1]['telefone']}"},
            "do": {"hang": True},
        }
    )
    try:
        reference = begin(stack, people, delayMin=0, delayMax=0)
        console.open(f"/campanhas/{reference}")
        console.shows("Em dúvida", "1", seconds=60)
    finally:
        sandbox_process.faults()
        sandbox_process.tune(save_messages=True)
    console.tile("Em dúvida").click()
    page = console.page
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("Pessoa 201")).to_be_visible()
    console.shoot("live-doubts")
    drawer.get_by_role("checkbox", name="Escolher Pessoa 201").check()
    drawer.get_by_role("button", name="Não foi enviada").click()
    page.get_by_role("dialog", name="Marcar como não enviada?").get_by_role(
        "button", name="Não foi enviada"
    ).click()
    expect(drawer.get_by_text("Nenhuma mensagem em dúvida.")).to_be_visible()
    page.keyboard.press("Escape")
    metrics = stack.wait_over(reference)
    assert (metrics["sent_count"], metrics["error_count"], metrics["in_doubt_count"]) == (2, 1, 0)
    console.shows_metrics(all_read(stack, reference))


def test_every_figure_opens_its_people(console: Console, stack: Stack, contacts: Contacts) -> None:
    reference = begin(stack, contacts(2, 300), delayMin=0, delayMax=0)
    stack.wait_over(reference)
    console.open(f"/campanhas/{reference}")
    console.tile("Enviadas").click()
    drawer = console.page.get_by_role("dialog")
    expect(drawer.get_by_text("Pessoa 300")).to_be_visible()
    expect(drawer.get_by_text("+55 (11) 97000-0301")).to_be_visible()
    console.page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
