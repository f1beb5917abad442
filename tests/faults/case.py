"""One row of the suite: campaigns under a fault, and the account that is drawn afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx
import psycopg

from tests.faults.rig import Rig


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of a row; its text occurs in no other row."""

    public_id: str
    campaign_id: int
    text: str
    phones: frozenset[str]


@dataclass(slots=True)
class Outcome:
    """What is printed: counts of messages, and seconds from the end of the fault to rest."""

    fault: str
    section: str
    contacts: int = 0
    sent: int = 0
    duplicates: int = 0
    lost: int = 0
    doubts: int = 0  # ever opened
    in_doubt: int = 0  # still, at the end
    recovered_seconds: float | None = None
    within_seconds: float = 0
    took_seconds: float = 0  # the whole row
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Every promise was kept."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """For the results folder."""
        return {**asdict(self), "passed": self.passed}


class Case:
    """What a row works with."""

    def __init__(self, rig: Rig, outcome: Outcome) -> None:
        self.rig = rig
        self.outcome = outcome
        self.campaigns: list[Campaign] = []
        self.max_doubts: int | None = 0
        self.provable = True  # False: the provider keeps nothing, so doubts stay
        self._faulted_at: float | None = None

    def people(self, count: int) -> list[dict[str, str]]:
        """Contacts nobody else has."""
        return [
            {"nome": f"Pessoa {at}", "telefone": f"119{70000000 + next(self.rig.numbers)}"}
            for at in range(count)
        ]

    def body(self, contacts: Sequence[dict[str, str]], instances: Sequence[str]) -> dict[str, Any]:
        """Of POST /api/campaigns: as fast as the plan allows, with a text of its own."""
        text = f"{self.outcome.fault} {len(self.campaigns)} {time.monotonic_ns()}"
        config = {
            "systemPrompt": f"{{{{nome}}}}: {text}",
            "delayMin": 0,
            "delayMax": 0,
            "instances": list(instances),
        }
        return {"name": text[:200], "contacts": list(contacts), "config": config}

    def campaign(self, contacts: int, *, instances: int | Sequence[str] = 2) -> Campaign:
        """Create one over HTTP."""
        if isinstance(instances, int):
            instances = [self.rig.instance() for _ in range(instances)]
        body = self.body(self.people(contacts), instances)
        answer = self.rig.client.post("/api/campaigns", json=body)
        assert answer.status_code == 201, answer.text
        return self.adopt(body, answer.json())

    def adopt(self, body: dict[str, Any], answer: dict[str, Any]) -> Campaign:
        """A campaign created by the row itself belongs to its account too."""
        public_id = answer["campaign"]["campaign_id"]
        (found,) = self.rig.rows(
            "SELECT campaign_id FROM campaigns WHERE public_id = %s", public_id
        )
        phones = frozenset("55" + contact["telefone"] for contact in body["contacts"])
        text = body["config"]["systemPrompt"].partition(": ")[2]
        made = Campaign(public_id, int(str(found[0])), text, phones)
        self.campaigns.append(made)
        return made

    @property
    def ids(self) -> list[int]:
        """Of the row's campaigns."""
        return [campaign.campaign_id for campaign in self.campaigns]

    def count(self, column: str) -> int:
        """A counter, summed over the row's campaigns."""
        ((total,),) = self.rig.rows(
            f"SELECT coalesce(sum({column}), 0) FROM campaign_counters"  # noqa: S608  our own word
            " WHERE campaign_id = ANY(%s)",
            self.ids,
        )
        return int(str(total))

    def wait_sent(self, count: int, *, seconds: float = 60) -> None:
        """Wait until so many have been sent."""
        self.rig.wait(lambda: self.count("sent") >= count, f"not {count} sent", seconds=seconds)

    def healed(self) -> None:
        """The fault is over: from here on the clock of the promise runs."""
        self._faulted_at = time.monotonic()

    def note(self, text: str) -> None:
        """Something worth a line beside the numbers."""
        self.outcome.notes.append(text)

    def expect(self, holds: bool, otherwise: str) -> None:
        """A promise of this row alone."""
        if not holds:
            self.outcome.problems.append(otherwise)

    def settle(self, *, seconds: float | None = None) -> None:
        """Wait until everything is at rest and see whether that was in time."""
        within = self.outcome.within_seconds
        began = self._faulted_at or time.monotonic()
        patience = (seconds or within) * 2 + 30  # late is told apart from never
        until = time.monotonic() + patience
        while not self._at_rest():
            if time.monotonic() > until:
                self.outcome.problems.append("never came to rest")
                self.outcome.notes.append(self.rig.stack.tail())
                break
            time.sleep(0.2)
        took = time.monotonic() - began
        self.outcome.recovered_seconds = round(took, 1)
        self.expect(took <= within, f"took {took:.1f} s, promised {within:.0f} s")

    def _at_rest(self) -> bool:
        try:
            rows = self.rig.rows(
                "SELECT k.processed = k.total AND c.finished_at IS NOT NULL"
                "  FROM campaign_counters AS k JOIN campaigns AS c USING (campaign_id, tenant_id)"
                " WHERE k.campaign_id = ANY(%s)",
                self.ids,
            )
            if not all(row[0] for row in rows):
                return False
            return not self.provable or not self.proven_doubts()
        except (psycopg.OperationalError, httpx.HTTPError):
            return False

    def proven_doubts(self) -> list[str]:
        """Phones in doubt although the provider has sent."""
        sent = self.ledger()
        return [
            str(phone)
            for campaign_id, phone in self.rig.rows(
                "SELECT m.campaign_id, c.phone FROM messages AS m"
                "  JOIN contacts AS c USING (campaign_id, position, tenant_id)"
                " WHERE m.status = 'in_doubt' AND m.campaign_id = ANY(%s)",
                self.ids,
            )
            if sent[int(str(campaign_id)), str(phone)]
        ]

    def ledger(self) -> Counter[tuple[int, str]]:
        """How often each (campaign, contact) was handed to WhatsApp."""
        by_text = {campaign.text: campaign.campaign_id for campaign in self.campaigns}
        sent: Counter[tuple[int, str]] = Counter()
        for entry in self.rig.sandbox.ledger():
            campaign_id = by_text.get(entry["text"].partition(": ")[2])
            if campaign_id is not None:
                sent[campaign_id, entry["number"]] += 1
        return sent

    def account(self) -> None:
        """Draw the account: ledger, rows and counters must agree."""
        outcome, sent = self.outcome, self.ledger()
        rows = self.rig.rows(
            "SELECT m.campaign_id, c.phone, m.status FROM messages AS m"
            "  JOIN contacts AS c USING (campaign_id, position, tenant_id)"
            " WHERE m.campaign_id = ANY(%s)",
            self.ids,
        )
        states = {(int(str(row[0])), str(row[1])): str(row[2]) for row in rows}
        wanted = {(one.campaign_id, phone) for one in self.campaigns for phone in one.phones}
        outcome.contacts = len(wanted)
        outcome.sent = sum(state in {"sent", "delivered", "read"} for state in states.values())
        outcome.duplicates = sum(count - 1 for count in sent.values())
        ended = {"sent", "delivered", "read", "failed", "cancelled", "skipped", "in_doubt"}
        lost = [
            key
            for key in wanted
            if states.get(key) not in ended
            or (states[key] in {"sent", "delivered", "read"} and not sent[key])
        ]
        outcome.lost = len(lost)
        outcome.in_doubt = sum(state == "in_doubt" for state in states.values())
        ((opened,),) = self.rig.rows(
            "SELECT count(DISTINCT (campaign_id, position)) FROM attempts"
            " WHERE verdict = 'unknown' AND campaign_id = ANY(%s)",
            self.ids,
        )
        outcome.doubts = int(str(opened))
        self.expect(not outcome.duplicates, f"{outcome.duplicates} sent twice")
        self.expect(not lost, f"{len(lost)} lost")
        if self.max_doubts is not None:
            self.expect(
                outcome.doubts <= self.max_doubts,
                f"{outcome.doubts} doubts, at most {self.max_doubts} were in flight",
            )
        if self.provable:
            self.expect(not self.proven_doubts(), "a doubt the provider can settle is open")
        unbalanced = self.rig.rows(
            "SELECT b.public_id FROM unnest(%s::bigint[]) AS mine (id)"
            " CROSS JOIN LATERAL conservation(mine.id) AS b WHERE NOT b.balanced",
            self.ids,
        )
        self.expect(not unbalanced, "counters and rows differ")


def run(what: Any) -> Any:
    """A coroutine, to its end."""
    return asyncio.run(asyncio.wait_for(what, 120))
