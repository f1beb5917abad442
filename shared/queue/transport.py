"""kombu's Redis transport, made to survive the loss of the broker.

In kombu 5.7 a task that is acknowledged or put back after its connection was lost meets a channel
without one and raises AttributeError, which ends the whole worker. As a connection error it is
what it is: logged, and the tasks come back by the lapse of their leases.
"""

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as RedisConnectionError


class SurvivingChannel(redis.Channel):
    """A channel that says so when its connection is gone."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, object]:
        if getattr(self.connection, "client", None) is None:
            raise RedisConnectionError("the connection of this channel was lost")
        parameters: dict[str, object] = super()._connparams(asynchronous)  # type: ignore[no-untyped-call]
        return parameters


class SurvivingTransport(redis.Transport):
    """`redis://` with surviving channels."""

    Channel = SurvivingChannel


def use_surviving_transport() -> None:
    """Have `redis://` and `rediss://` mean this transport in this process."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{SurvivingTransport.__name__}"
