"""Numbers, opt-outs, people and keys, by hand."""

import re
from collections.abc import Callable
from typing import Final

import psycopg
from playwright.sync_api import expect

from shared.db import users
from shared.security.passwords import Passwords
from tests.browser.conftest import EMAIL
from tests.browser.console import Console
from tests.end_to_end.stack import Stack
from tests.sandbox_process import Sandbox

_ENGINE: Final = "-c role=rapidflow_engine"


def test_a_number_is_linked_by_qr_paused_and_removed(
    console: Console, stack: Stack, sandbox_process: Sandbox
) -> None:
    sandbox_process.tune(connect_after_ms=600_000)  # the phone scans when the test says so
    console.open("/numeros")
    page = console.page
    console.button("Adicionar número").click()
    page.get_by_label("Nome").fill("com espaço")
    console.button("Criar e conectar").click()
    expect(page.get_by_text(re.compile("sem espaços\\.$")).last).to_be_visible()
    page.get_by_label("Nome").fill("nova-loja")
    console.button("Criar e conectar").click()
    expect(page.get_by_role("img", name="QR code para o WhatsApp escanear")).to_be_visible()
    console.shoot("instances-qr")
    sandbox_process.set_state("nova-loja", state="open")
    expect(page.get_by_text("Conectado! O número já pode enviar.")).to_be_visible()
    console.button("Pronto").click()

    card = page.get_by_role("article", name="nova-loja")
    expect(card.get_by_text("Conectado", exact=True)).to_be_visible()
    card.get_by_role("button", name="Pausar").click()
    expect(card.get_by_text("Pausado", exact=True)).to_be_visible()
    card.get_by_role("button", name="Retomar").click()
    expect(card.get_by_text("Conectado", exact=True)).to_be_visible()
    card.get_by_role("button", name="Remover").click()
    dialog = page.get_by_role("dialog", name="Remover nova-loja?")
    dialog.get_by_role("button", name="Remover").click()
    expect(card).to_have_count(0)
    sandbox_process.tune(connect_after_ms=1500)


def test_opt_outs_are_entered_found_and_taken_out(console: Console) -> None:
    console.open("/descadastros")
    page = console.page
    console.button("Incluir pessoas").click()
    page.get_by_label("Telefones").fill("(11) 94444-0001\nbanana\n11 94444-0002")
    console.button("Incluir 3 pessoas").click()
    expect(page.get_by_text("Linha 2: “banana”")).to_be_visible()
    page.get_by_label("Telefones").fill("(11) 94444-0001\n11 94444-0002")
    console.button("Incluir 2 pessoas").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_label("Buscar por telefone").fill("44440002")
    table = page.get_by_role("table", name="Descadastros")
    expect(table.get_by_text("+55 (11) 94444-0002")).to_be_visible()
    expect(table.get_by_text("+55 (11) 94444-0001")).to_have_count(0)
    console.button("Tirar +55 (11) 94444-0002 da lista").click()
    page.get_by_role("dialog").get_by_role("button", name="Tirar da lista").click()
    expect(page.get_by_text("Nenhum telefone da lista tem estes algarismos.")).to_be_visible()


def test_a_key_is_shown_once_and_stops_working(console: Console, stack: Stack) -> None:
    console.open("/chaves")
    page = console.page
    console.button("Criar chave").click()
    page.get_by_label("Nome").fill("CRM do teste")
    console.button("Criar").click()
    secret = page.get_by_role("dialog").locator("pre").inner_text()
    console.shoot("keys-created")
    asked = {"headers": {"X-API-Key": secret}}
    assert console.page.request.get(console.base + "/api/me", **asked).status == 200
    console.button("Já guardei").click()
    assert secret not in page.content()
    console.button("Revogar a chave CRM do teste").click()
    page.get_by_role("dialog").get_by_role("button", name="Revogar").click()
    expect(console.button("Revogar a chave CRM do teste")).to_have_count(0)


def test_a_person_is_added_signs_in_and_is_locked_out(console: Console, stack: Stack) -> None:
    console.open("/equipe")
    page = console.page
    console.button("Incluir pessoa").click()
    page.get_by_label("E-mail").fill("leitora@example.com")
    page.get_by_role("radio", name="Leitor").check()
    console.shoot("users-add")
    console.button("Incluir").click()
    password = page.get_by_role("dialog").locator("pre").inner_text()
    console.button("Já guardei").click()
    login = {"email": "leitora@example.com", "password": password}
    assert stack.client.post("/api/auth/login", json=login).status_code == 200
    console.button("Mudar leitora@example.com").click()
    console.button("Tirar o acesso").click()
    expect(page.get_by_text("Sem acesso", exact=True)).to_be_visible()
    assert stack.client.post("/api/auth/login", json=login).status_code == 401


def test_ones_own_password_is_changed_and_the_session_goes_on(
    visit: Callable[..., Console], stack: Stack
) -> None:
    account = {"email": "troca@example.com", "password": "pluma-torre-vidro-4711"}
    with psycopg.connect(stack.environment["DATABASE_URL"], options=_ENGINE) as conn:
        row = conn.execute("SELECT tenant_id FROM users WHERE email = %s", [EMAIL]).fetchone()
        assert row is not None
        hashed = Passwords(1).hash(account["password"])
        users.create_user(
            conn,
            tenant_id=int(row[0]),
            email=account["email"],
            password_hash=hashed,
            role="viewer",
        )
    console = visit(**account)
    page = console.page
    page.get_by_role("button", name=re.compile("^Conta")).click()
    page.get_by_role("menuitem", name="Mudar a senha").click()
    dialog = page.get_by_role("dialog", name="Mudar a senha")
    save = dialog.get_by_role("button", name="Mudar a senha")
    new = "farol-duna-milho-8282"
    dialog.get_by_label("Senha atual").fill("esta-nao-e-a-senha")
    dialog.get_by_label("Senha nova", exact=True).fill(new)
    dialog.get_by_label("Senha nova, mais uma vez").fill(new + "x")
    save.click()
    expect(dialog.get_by_text("As duas não são iguais.")).to_be_visible()
    dialog.get_by_label("Senha nova, mais uma vez").fill(new)
    save.click()
    expect(dialog.get_by_text("A senha atual não confere.")).to_be_visible()
    console.shoot("password")
    assert console.violations() == []
    dialog.get_by_label("Senha atual").fill(account["password"])
    save.click()
    expect(page.get_by_text("Senha mudada.")).to_be_visible()
    page.get_by_role("link", name="Plano e uso").click()
    expect(page.get_by_text("Limites do plano")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Limites do plano")).to_be_visible()
    assert stack.client.post("/api/auth/login", json=account).status_code == 401
    assert (
        stack.client.post("/api/auth/login", json={**account, "password": new}).status_code == 200
    )
    assert console.complaints == []
