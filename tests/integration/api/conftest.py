"""The app on real servers, and people who ask it things."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.app import create_app
from api.runtime import Runtime, runtime
from shared.db import api_keys, tenants, users
from shared.db.users import Role
from shared.security.tokens import new_api_key, token_hash
from shared.settings import Settings
from tests.factories import Factory, Tenant

PASSWORD = "correta-cavalo-pilha-42"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an API key."""

    client: FlaskClient
    tenant: Tenant
    email: str
    key: str

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"X-API-Key": self.key, **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        if body is not None:
            options["json"] = body
        return self.ask("POST", path, **options)

    def create(self, count: int = 3, **body: Any) -> dict[str, Any]:
        """A campaign of `count` contacts; its whole answer."""
        answer = self.post("/api/campaigns", campaign_body(count, **body))
        assert answer.status_code == 201, answer.text
        return dict(answer.get_json())


def campaign_body(count: int = 3, **over: Any) -> dict[str, Any]:
    contacts = [
        {"nome": f"Pessoa {number}", "telefone": f"1198{number:07d}"} for number in range(count)
    ]
    return {"name": "Teste", "contacts": contacts, "config": {}, **over}


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    return settings_for(http={"trusted_proxies": 0})


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    yield made
    runtime(made).close()


@pytest.fixture
def parts(app: Flask) -> Runtime:
    return runtime(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def factory(settings: Settings) -> Factory:
    return Factory(settings)


@pytest.fixture
def person(app: Flask, factory: Factory, parts: Runtime) -> Callable[..., Person]:
    """`person(role, tenant=…)`: a user of a new or given tenant, with a password and a key."""

    def make(role: Role = "owner", *, tenant: Tenant | None = None, rate: int = 10_000) -> Person:
        with factory.connect() as conn:
            if tenant is None:
                name = f"Cliente {token_hash(new_api_key()).hex()[:8]}"
                tenant_id = tenants.create_tenant(conn, name).tenant_id
                tenant = Tenant(tenant_id, 0)
            change = tenants.PlanChange(requests_per_minute=rate)
            tenants.set_plan(conn, tenant.tenant_id, change)
            secret = new_api_key()
            email = f"{role}-{secret[3:11].lower()}@example.com"
            user_id = users.create_user(
                conn,
                tenant_id=tenant.tenant_id,
                email=email,
                password_hash=parts.passwords.hash(PASSWORD),
                role=role,
            )
            api_keys.create_key(
                conn,
                tenant_id=tenant.tenant_id,
                user_id=user_id,
                name="test",
                prefix=secret[:10],
                key_hash=token_hash(secret),
            )
        return Person(app.test_client(), Tenant(tenant.tenant_id, user_id), email, secret)

    return make


@pytest.fixture
def owner(person: Callable[..., Person]) -> Person:
    return person("owner")


@pytest.fixture
def engine_conn(factory: Factory) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    """Sees every tenant."""
    with factory.connect() as conn:
        yield conn  # type: ignore[misc]
