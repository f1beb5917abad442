"""A load sent by the naive design, measured as ours is."""

from collections.abc import Mapping, Sequence

import psutil

from bench.load import Load, make_campaigns, new_ground
from bench.processes import running, stub_provider
from bench.rig import Rig
from bench.watching import Figure, follow, since_now
from tests.factories import CampaignRow, Factory
from tests.variables import environment_of

_CONNECTIONS = {"RAPIDFLOW_POOL__ENGINE_SIZE": "52"}  # one a thread, and the outlet's
_WORKER = ["celery", "--app", "bench.naive", "--quiet", "worker"]
_QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
_WARM_UP = (5, 20)


def send(rig: Rig, load: Load) -> Figure:
    """The campaigns of a load, one task a message."""
    with stub_provider(load.latency_seconds) as url:
        settings = rig.settings(provider_url=url)
        factory = Factory(settings)
        ground = new_ground(factory, load)
        environment = {**environment_of(settings), **_CONNECTIONS}
        with running([*_WORKER, *_QUIET], environment) as worker:
            first = make_campaigns(factory, ground, *_WARM_UP)
            _measure(rig, factory, first, _WARM_UP[0] * _WARM_UP[1], worker, environment)
            campaigns = make_campaigns(factory, ground, load.campaigns, load.contacts)
            figure = _measure(rig, factory, campaigns, load.messages, worker, environment)
    rig.drop_database(settings.database_url.get_secret_value())
    return figure


def _measure(
    rig: Rig,
    factory: Factory,
    campaigns: Sequence[CampaignRow],
    messages: int,
    worker: psutil.Process,
    environment: Mapping[str, str],
) -> Figure:
    since = since_now([worker], rig.stores)
    ids = [str(campaign.campaign_id) for campaign in campaigns]
    with running(["bench.naive", *ids], environment):  # only asks for it
        watched = {"engine": [worker], "stores": rig.stores}
        return follow(factory, campaigns, messages, **watched, since=since)
