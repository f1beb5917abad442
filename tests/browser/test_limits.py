"""The plan's request rate used up: the page waits, says so and goes on by itself."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import psycopg
import pytest
from playwright.sync_api import expect

from shared.db import tenants, users
from shared.security.passwords import Passwords
from tests.browser.conftest import PASSWORD
from tests.browser.console import Console
from tests.end_to_end.stack import Stack

RATE = 30


@dataclass(frozen=True, slots=True)
class Account:
    """Of a tenant of its own, on a small plan."""

    email: str
    token: str


@pytest.fixture
def account(stack: Stack) -> Account:
    email = f"pequena-{secrets.token_hex(3)}@example.com"
    url, role = stack.environment["DATABASE_URL"], "-c role=rapidflow_engine"
    with psycopg.connect(url, options=role, autocommit=True) as conn:
        tenant_id = tenants.create_tenant(conn, email).tenant_id
        tenants.set_plan(conn, tenant_id, tenants.PlanChange(requests_per_minute=RATE))
        hashed = Passwords(1).hash(PASSWORD)
        users.create_user(
            conn, tenant_id=tenant_id, email=email, password_hash=hashed, role="owner"
        )
    login = {"email": email, "password": PASSWORD}
    answer = httpx.post(f"{stack.client.base_url}/api/auth/login", json=login)
    return Account(email, answer.json()["access_token"])


def test_a_used_up_rate_counts_down_and_the_page_goes_on(
    visit: Callable[..., Console], stack: Stack, account: Account
) -> None:
    console = visit("/plano", email=account.email)
    expect(console.page.get_by_text("Limites do plano")).to_be_visible()
    headers = {"Authorization": f"Bearer {account.token}"}
    with httpx.Client(base_url=stack.client.base_url, headers=headers) as program:
        while program.get("/api/me").status_code == 200:
            pass
    console.page.get_by_role("link", name="Descadastros").click()
    said = console.page.get_by_role("status").filter(has_text="O limite de pedidos por minuto")
    expect(said).to_contain_text(re.compile(r"em \d+ s"))
    console.shoot("rate-used-up")
    expect(console.page.get_by_role("table", name="Descadastros")).to_be_visible(timeout=90_000)
    expect(said).to_have_count(0)
    assert console.complaints == []
