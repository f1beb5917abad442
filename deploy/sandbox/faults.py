"""Faults: which call misbehaves, and how.

A rule is `{"match": {...}, "times": n | "probability": p, "skip": n, "do": {...}}`. Match keys, all
optional: instance, number (either Brazilian variant), route (`message/sendText`, `sendText`,
`message/*`), text_contains. The first rule that matches and is not used up decides.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from deploy.sandbox.answers import JsonObject
from deploy.sandbox.catalogue import ERRORS
from deploy.sandbox.numbers import same_line
from deploy.sandbox.schemas import EVENTS

ACKS = ("lost", "duplicated", "inverted", "late", "error", "server_only", "before_201")


class RuleError(ValueError):
    """The rule cannot be understood; says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a chosen rule does to one call; see PARSERS for the wire names."""

    latency_ms: float = 0  # before anything is done
    answer_after_ms: float = 0  # after the work, before the answer
    hang: bool = False  # never answer
    reset: bool = False  # cut the connection instead of answering
    error: str | None = None  # a row of the catalogue
    send: bool | None = None  # do the work before hang, reset or error?
    store: bool | None = None  # False: the insert failed or saving is off
    acks: str | None = None
    late_ms: float = 60_000
    lose_events: tuple[str, ...] = ()
    rewrite_jid: str | None = None  # "lid" or a JID
    connecting_flood: tuple[float, float] | None = None  # per second, for milliseconds
    window_ms: float = 500  # create_failed_400: how long the name stays busy
    retry_after: float = 1  # proxy_429
    body: Any = None  # replaces the answer, with status
    status: int = 500

    @property
    def ends_call(self) -> bool:
        """True when the caller does not get the honest answer."""
        return self.hang or self.reset or self.error is not None or self.body is not None

    @property
    def does_work(self) -> bool:
        """True when the work is done all the same."""
        if self.send is not None:
            return self.send
        return not self.ends_call or (self.error is not None and ERRORS[self.error].sends)

    @property
    def stores(self) -> bool:
        """False when the row never reaches the database (no webhook, acks dropped)."""
        if self.store is not None:
            return self.store
        return self.error is None or ERRORS[self.error].stores


NO_FAULT = Fault()


@dataclass(slots=True)
class Rule:
    """One parsed rule and how often it struck."""

    wire: JsonObject
    fault: Fault
    instance: str | None
    line: str | None
    route: str | None
    text: str | None
    times: int | None
    probability: float
    skip: int
    hits: int = 0

    def fits(self, route: str, instance: str | None, body: Any) -> bool:
        """Whether the call is one of those meant."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.instance is not None and self.instance != instance:
            return False
        if self.route is not None and not _route_fits(self.route, route):
            return False
        return self._content_fits(body if isinstance(body, dict) else {})

    def _content_fits(self, body: JsonObject) -> bool:
        if self.line is not None and same_line(str(body.get("number", ""))) != self.line:
            return False
        if self.text is None:
            return True
        return self.text in str(body.get("text") or body.get("caption") or "")

    def as_json(self) -> JsonObject:
        """The rule as given, with `hits`."""
        return {**self.wire, "hits": self.hits}


def _route_fits(wanted: str, route: str) -> bool:
    return fnmatchcase(route, wanted) or fnmatchcase(route.rpartition("/")[2], wanted)


@dataclass(slots=True)
class Faults:
    """The rules in force."""

    dice: random.Random
    rules: list[Rule] = field(default_factory=list)

    def pick(self, route: str, instance: str | None, body: Any) -> Fault:
        """The fault for this call, usually none."""
        for rule in self.rules:
            if not rule.fits(route, instance, body):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            if rule.probability < 1 and self.dice.random() >= rule.probability:
                continue
            rule.hits += 1
            return rule.fault
        return NO_FAULT


def parse_rules(wire: object) -> list[Rule]:
    """A list of rules, or `{"rules": [...]}`, or one rule; raises RuleError."""
    if isinstance(wire, dict):
        wire = wire.get("rules", [wire])
    if not isinstance(wire, list):
        raise RuleError("expected a list of rules")
    return [_parse_rule(rule) for rule in wire]


def _only(what: str, wire: object, known: set[str]) -> JsonObject:
    if not isinstance(wire, dict):
        raise RuleError(f"{what} must be an object")
    if unknown := sorted(set(wire) - known):
        raise RuleError(f"unknown {what} key {unknown[0]!r}: one of {', '.join(sorted(known))}")
    return wire


def _parse_rule(wire: object) -> Rule:
    rule = _only("rule", wire, {"match", "times", "probability", "skip", "do", "hits"})
    match = _only("match", rule.get("match", {}), {"instance", "number", "route", "text_contains"})
    if "do" not in rule:
        raise RuleError("a rule needs do")
    number = match.get("number")
    times = rule.get("times")
    return Rule(
        wire={key: value for key, value in rule.items() if key != "hits"},
        fault=_parse_fault(rule["do"]),
        instance=match.get("instance"),
        line=None if number is None else same_line(str(number)),
        route=match.get("route"),
        text=match.get("text_contains"),
        times=None if times is None else int(_number("times", times)),
        probability=_number("probability", rule.get("probability", 1)),
        skip=int(_number("skip", rule.get("skip", 0))),
    )


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise RuleError(f"{name} must be a number, not {value!r}")
    return float(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise RuleError(f"{name} must be true or false, not {value!r}")
    return value


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise RuleError(f"unknown {name} {value!r}: one of {', '.join(known)}")
    return str(value)


def _events(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise RuleError(f"{name} must be a list of event names")
    return tuple(_one_of(name, event, EVENTS) for event in value)


def _flood(name: str, value: Any) -> tuple[float, float]:
    flood = _only(name, value, {"per_second", "for_ms"})
    return (
        _number("per_second", flood.get("per_second", 40)),
        _number("for_ms", flood.get("for_ms", 1000)),
    )


PARSERS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(
        ("latency_ms", "answer_after_ms", "late_ms", "window_ms", "retry_after"), _number
    ),
    **dict.fromkeys(("hang", "reset", "send", "store"), _flag),
    "error": lambda name, value: _one_of(name, value, tuple(ERRORS)),
    "acks": lambda name, value: _one_of(name, value, ACKS),
    "lose_events": _events,
    "rewrite_jid": lambda _name, value: str(value),
    "connecting_flood": _flood,
    "body": lambda _name, value: value,
    "status": lambda name, value: int(_number(name, value)),
}


def _parse_fault(wire: object) -> Fault:
    do = _only("do", wire, set(PARSERS))
    return Fault(**{name: PARSERS[name](name, value) for name, value in do.items()})
