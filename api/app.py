"""The whole app: every route, and `/ws` where it is wanted."""

from typing import Final

from flask import Flask

from api.assembly import assemble
from api.gateway import register_gateway
from api.routes import (
    auth,
    callbacks,
    campaign_changes,
    campaigns,
    console,
    doubts,
    erasures,
    health,
    instances,
    openapi,
    plan,
    previews,
    suppressions,
    users,
    webhooks,
)
from shared.settings import Settings

# fmt: off
_ROUTES: Final = (
    auth, campaigns, previews, campaign_changes, doubts, callbacks, instances, suppressions,
    users, plan, erasures, webhooks, health, openapi, console,
)
# fmt: on


def create_app(settings: Settings, *, sockets: bool = False) -> Flask:
    """REST, and `/ws` too where `sockets` says so.

    `app.extensions["rapidflow"]` is the `Runtime`: connections open on first use in each process,
    `open()` and `close()` do it by hand.
    """
    app = assemble(settings, _ROUTES)
    if settings.tracing.endpoint:
        from api.tracing import trace_requests  # only where it is on

        trace_requests(app, settings)
    if sockets:
        register_gateway(app)
    return app
