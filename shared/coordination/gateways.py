"""What the processes that serve sockets tell each other: how many they hold, and whose.

Each announces itself every couple of seconds; what a silent one said is no longer counted. Redis
may forget all of it at any time: it is told again.
"""

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Final

import orjson
from redis import Redis

ANNOUNCE_SECONDS: Final = 2.0
_ALIVE_MILLISECONDS: Final = 7000  # three announcements may be late or lost
_COUNTS_MILLISECONDS: Final = 180_000  # told again at least every minute

SocketStats = dict[str, int]
"""`totalConnections`, `subscribedUsers`, `subscribedCampaigns`."""

NO_SOCKETS: Final = {"totalConnections": 0, "subscribedUsers": 0, "subscribedCampaigns": 0}

_names: dict[int, str] = {}


@dataclass(frozen=True, slots=True)
class Holding:
    """Sockets one process holds of a user, and of the user's tenant in all."""

    tenant_id: int
    user_id: int
    of_user: int
    of_tenant: int


def this_process() -> str:
    """A name no other process has; a forked child gets one of its own."""
    return _names.setdefault(os.getpid(), secrets.token_hex(8))


class Gateways:
    """All methods raise RedisError where Redis is away."""

    def __init__(self, redis: Redis, environment: str, process: str = "") -> None:
        self._redis = redis
        self._process = process or this_process()
        self._processes = f"{environment}:gateways"
        self._counts = f"{environment}:sockets"
        self._announce = redis.register_script(_script("announce"))
        self._list = redis.register_script(_script("list"))
        self._claim = redis.register_script(_script("claim"))

    def announce(self, stats: SocketStats) -> bool:
        """Say that this process is alive; True where Redis knew nothing of it."""
        arguments: list[str | int | bytes] = [
            self._process,
            _ALIVE_MILLISECONDS,
            orjson.dumps(stats),
        ]
        return bool(self._announce(keys=[self._processes], args=arguments))

    def withdraw(self) -> None:
        """This process serves no more sockets."""
        self._redis.hdel(self._processes, self._process)

    def stats_of_others(self) -> SocketStats:
        """What all others said last, added up."""
        total = dict(NO_SOCKETS)
        for said in self._list(keys=[self._processes], args=[self._process]):
            for name, value in orjson.loads(said).items():
                total[name] = total.get(name, 0) + int(value)
        return total

    def claim(self, holding: Holding, *, user_limit: int, tenant_limit: int) -> bool:
        """Write down what this process holds, unless with the others it would be too many."""
        keys = [self._processes, self._user(holding), self._tenant(holding)]
        arguments: list[str | int] = [
            self._process,
            holding.of_user,
            user_limit,
            holding.of_tenant,
            tenant_limit,
            _COUNTS_MILLISECONDS,
        ]
        return bool(self._claim(keys=keys, args=arguments))

    def tell(self, holdings: Iterable[Holding]) -> None:
        """Write down what this process holds, whatever the others do."""
        pipe = self._redis.pipeline(transaction=False)
        for holding in holdings:
            for key, count in (
                (self._user(holding), holding.of_user),
                (self._tenant(holding), holding.of_tenant),
            ):
                if count:
                    pipe.hset(key, self._process, str(count))
                    pipe.pexpire(key, _COUNTS_MILLISECONDS)
                else:
                    pipe.hdel(key, self._process)
        pipe.execute()

    def _user(self, holding: Holding) -> str:
        return f"{self._counts}:{holding.tenant_id}:user:{holding.user_id}"

    def _tenant(self, holding: Holding) -> str:
        return f"{self._counts}:{holding.tenant_id}:all"


def _script(name: str) -> str:
    return resources.files("shared.coordination").joinpath(f"gateway_{name}.lua").read_text("utf-8")
