"""What a client may say and what it is answered (spec/decisions.md, reliability.md section 11)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from redis import Redis
from redis.exceptions import RedisError

from api.sockets import store
from api.sockets.client import POLICY, TRY_LATER, UNAUTHENTICATED, Client
from api.sockets.frames import CampaignKey, Update
from api.sockets.hub import Hub, LoadEvents
from api.sockets.places import Places
from api.sockets.store import FoundCampaign
from api.sockets.turns import Database
from shared.coordination.tickets import TicketIdentity, redeem_ticket
from shared.errors import NotFound, TemporarilyUnavailable
from shared.observability.logging import get_logger

log = get_logger(__name__)

_ERRORS_ALLOWED: Final = 5
_LONGEST_ID: Final = 80


class ProtocolError(Exception):
    """The message is answered with an error; too many of them close the socket."""

    def __init__(self, code: str, message: str, *, blame: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.blame = blame  # False: our trouble, not counted


class Protocol:
    """Answers the messages of all sockets; the state of each is in its client."""

    def __init__(
        self,
        hub: Hub,
        database: Database,
        redis: Redis,
        places: Places,
        load_events: LoadEvents,
        *,
        environment: str,
    ) -> None:
        self._hub = hub
        self._database = database
        self._redis = redis
        self._places = places
        self._load_events = load_events
        self._environment = environment
        self._handlers: Mapping[str, Callable[[Client, TicketIdentity, dict[str, Any]], None]] = {
            "subscribe_user": self._subscribe_user,
            "unsubscribe_user": self._unsubscribe_user,
            "subscribe_campaign": self._subscribe_campaign,
            "unsubscribe_campaign": self._unsubscribe_campaign,
            "resume": self._resume,
        }

    def answer(self, client: Client, message: str | bytes) -> None:
        """Handle one message of the client."""
        try:
            self._check_rate(client)
            self._dispatch(client, _parse(message))
        except ProtocolError as error:
            self._refuse(client, error)
        except NotFound:
            self._refuse(client, ProtocolError("not_found", "There is no such campaign."))
        except TemporarilyUnavailable as error:
            self._refuse(client, ProtocolError(error.code, error.message, blame=False))

    def authenticate(self, client: Client, ticket: object) -> None:
        """Make the socket its owner's, if the ticket is good; close it otherwise."""
        if client.identity is not None:
            raise ProtocolError("already_authenticated", "This socket is authenticated.")
        try:
            identity = self._identity_of(ticket)
        except RedisError:
            client.end(TRY_LATER, "redis")
            raise ProtocolError("unavailable", "Try again in a moment.", blame=False) from None
        if identity is None:
            client.end(UNAUTHENTICATED, "auth")
            raise ProtocolError("invalid_ticket", "The ticket is unknown, used or too old.")
        if not self._places.take(client, identity):
            client.end(TRY_LATER, "too_many")
            raise ProtocolError("too_many_sockets", "This account has too many open sockets.")
        client.identity = identity
        client.send({"type": "authenticated", "userId": identity.user_id})

    def open(self, client: Client, ticket: str) -> None:
        """The same for `/ws?ticket=…`, before the first message."""
        try:
            self.authenticate(client, ticket)
        except ProtocolError as error:
            self._refuse(client, error)
        except TemporarilyUnavailable as error:
            client.end(TRY_LATER, "database")
            self._refuse(client, ProtocolError(error.code, error.message, blame=False))

    def resync(self, client: Client, key: CampaignKey) -> None:
        """Send where a campaign stands, because events of it are lost."""
        try:
            found = store.find_campaign(self._database, key[0], key[1])
            if found is not None:
                self._send_snapshot(client, key, found)
        except NotFound:
            return
        except TemporarilyUnavailable:
            client.end(TRY_LATER, "database")  # it comes back and reads a snapshot then

    def _check_rate(self, client: Client) -> None:
        if not client.may_speak():
            raise ProtocolError("rate_limited", "Too many messages; wait a few seconds.")

    def _dispatch(self, client: Client, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "ping":
            client.send({"type": "pong"})
            return
        if kind == "auth":
            self.authenticate(client, message.get("ticket"))
            return
        handler = self._handlers.get(kind)
        if handler is None:
            raise ProtocolError("unknown_type", "This type of message is not known.")
        if client.identity is None:
            raise ProtocolError("unauthenticated", 'Send {"type":"auth","ticket":…} first.')
        handler(client, client.identity, message)

    def _refuse(self, client: Client, error: ProtocolError) -> None:
        client.send({"type": "error", "code": error.code, "message": error.message})
        client.errors += error.blame
        if client.errors >= _ERRORS_ALLOWED:
            client.end(POLICY, "errors")

    def _identity_of(self, ticket: object) -> TicketIdentity | None:
        if not isinstance(ticket, str):
            return None
        identity = redeem_ticket(self._redis, ticket, environment=self._environment)
        if identity is None:
            return None
        sessions = store.find_sessions(self._database, identity.tenant_id, [identity.user_id])
        session = sessions.get(identity.user_id)
        if session is None or session.session_epoch != identity.session_epoch:
            return None
        return identity

    def _subscribe_user(self, client: Client, who: TicketIdentity, message: dict[str, Any]) -> None:
        self._check_user(who, message.get("userId"))
        user = (who.tenant_id, who.user_id)
        client.follows = True
        self._hub.follow(client, user)
        live = store.list_live_campaigns(self._database, *user)
        self._hub.baselines(user, live)
        for campaign in live:
            key = (who.tenant_id, campaign.campaign_id)
            client.sent.setdefault(key, campaign.seq)
        client.send(
            {
                "type": "subscribed",
                "userId": who.user_id,
                "campaigns": [
                    {
                        "campaignId": campaign.public_id,
                        "id": campaign.campaign_id,
                        "status": campaign.status,
                        "seq": campaign.seq,
                    }
                    for campaign in live
                ],
            }
        )

    def _unsubscribe_user(
        self, client: Client, who: TicketIdentity, message: dict[str, Any]
    ) -> None:
        self._check_user(who, message.get("userId"))
        client.follows = False
        self._hub.unfollow(client, (who.tenant_id, who.user_id))
        for key in set(client.sent) - client.campaigns:
            del client.sent[key]
        client.send({"type": "unsubscribed", "userId": who.user_id})

    def _check_user(self, who: TicketIdentity, given: object) -> None:
        if type(given) not in (int, str):
            raise ProtocolError("invalid_user", "userId must be a number.")
        if str(given) == str(who.user_id):
            return
        log.warning("socket_foreign_user_refused", tenant_id=who.tenant_id, user_id=who.user_id)
        asked_for = str(given) if str(given).isascii() and str(given).isdigit() else "?"
        store.record_refusal(self._database, who.tenant_id, who.user_id, asked_for)
        raise ProtocolError("forbidden_user", "Only your own events can be subscribed to.")

    def _subscribe_campaign(
        self, client: Client, who: TicketIdentity, message: dict[str, Any]
    ) -> None:
        key, found = self._watch(client, who, message)
        now = store.take_snapshot(self._database, *key)  # after the watch began: nothing is lost
        self._start_at(client, key, now.seq)
        client.send(
            {
                "type": "subscribed",
                "campaignId": found.public_id,
                "seq": now.seq,
                "metrics": now.metrics,
            }
        )

    def _unsubscribe_campaign(
        self, client: Client, who: TicketIdentity, message: dict[str, Any]
    ) -> None:
        found = self._find(who, message)
        key = (who.tenant_id, found.campaign_id)
        self._hub.unwatch(client, key)
        client.campaigns.discard(key)
        if not client.follows:
            client.sent.pop(key, None)
        client.send({"type": "unsubscribed", "campaignId": found.public_id})

    def _resume(self, client: Client, who: TicketIdentity, message: dict[str, Any]) -> None:
        """Subscribe as of an event number: what came after it, then what comes."""
        after = message.get("afterSeq")
        if type(after) is not int or after < 0:
            raise ProtocolError("invalid_seq", "afterSeq must be the number of an event.")
        key, found = self._watch(client, who, message)
        now = store.take_snapshot(self._database, *key)
        events = self._load_events(*key, after) if after < now.seq else []
        whole = events is not None and (not events or events[0]["seq"] == after + 1)
        if not whole or after > now.seq or (not events and after < now.seq):
            self._send_snapshot(client, key, found)
            return
        last = events[-1]["seq"] if events else after
        client.sent[key] = after
        client.send(
            {"type": "resumed", "campaignId": found.public_id, "afterSeq": after, "seq": last}
        )
        client.send_updates(
            [
                Update(key, found.public_id, found.user_id, event, found.request_id)
                for event in events or []
            ]
        )
        self._hub.baseline(key, last)

    def _watch(
        self, client: Client, who: TicketIdentity, message: dict[str, Any]
    ) -> tuple[CampaignKey, FoundCampaign]:
        found = self._find(who, message)
        key = (who.tenant_id, found.campaign_id)
        if not self._hub.watch(client, key, found.public_id, found.user_id, found.request_id):
            raise ProtocolError("too_many_campaigns", "This socket watches too many campaigns.")
        client.campaigns.add(key)
        return key, found

    def _find(self, who: TicketIdentity, message: dict[str, Any]) -> FoundCampaign:
        given = message.get("campaignId")
        if (
            isinstance(given, bool)
            or not isinstance(given, int | str)
            or len(str(given)) > _LONGEST_ID
            or "\0" in str(given)
        ):
            raise ProtocolError("invalid_campaign", "campaignId must be CAMP-… or a number.")
        found = store.find_campaign(self._database, who.tenant_id, given)
        if found is None:
            raise ProtocolError("not_found", "There is no such campaign.")
        return found

    def _start_at(self, client: Client, key: CampaignKey, seq: int) -> None:
        client.sent[key] = seq
        self._hub.baseline(key, seq)

    def _send_snapshot(self, client: Client, key: CampaignKey, found: FoundCampaign) -> None:
        now = store.take_snapshot(self._database, *key)
        self._start_at(client, key, now.seq)
        client.send(
            {
                "type": "snapshot",
                "campaignId": found.public_id,
                "seq": now.seq,
                "reason": "replay_unavailable",
                "metrics": now.metrics,
            }
        )


def _parse(message: str | bytes) -> dict[str, Any]:
    if isinstance(message, bytes):
        raise ProtocolError("invalid_message", "Messages are JSON text.")
    try:
        parsed = orjson.loads(message)
    except orjson.JSONDecodeError:
        raise ProtocolError("invalid_message", "The message is not JSON.") from None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("type"), str):
        raise ProtocolError("invalid_message", 'The message needs a "type".')
    return parsed
