"""Everything we hold of one person, erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from psycopg import Connection
from psycopg.rows import class_row

from shared.db import audit
from shared.db.events import StoredEvents
from shared.db.messages import OpenAttempt, record_verdicts
from shared.db.pool import Row
from shared.db.sql import load_sql
from shared.domain.delivery import Verdict, VerdictKind

_SQL = load_sql("people.sql")


@dataclass(frozen=True, slots=True)
class Erased:
    """What was found: rows of lists, messages that will not be sent, webhooks and stored answers.
    `under_way` messages are being sent this moment: ask again for those."""

    contacts: int
    stopped: int
    webhooks: int
    answers: int
    under_way: int
    events: list[StoredEvents]


def erase(
    conn: Connection[Row], tenant_id: int, phone: str, forms: Sequence[str], *, actor: str
) -> Erased:
    """As the engine: `phone` in canonical digits, `forms` all it may stand in. The number alone
    stays, among the suppressions. Publish the events after the commit."""
    key = {"tenant_id": tenant_id, "phones": list(forms)}
    conn.execute(_SQL["lock_campaigns"], key)
    conn.execute(_SQL["suppress"], {"tenant_id": tenant_id, "phone": phone})
    with conn.cursor(row_factory=class_row(OpenAttempt)) as cur:
        taken = cur.execute(_SQL["take"], {**key, "lease_id": uuid4()}).fetchall()
    suppressed = Verdict(VerdictKind.SUPPRESSED, code="suppressed")
    told = record_verdicts(conn, [(one, suppressed) for one in taken], quiet_seconds=0).events
    jids = [row[0] for row in conn.execute(_SQL["erase"], key).fetchall()]
    lids = [row[0] for row in conn.execute(_SQL["forget_lids"], key).fetchall()]
    names = {*forms, *lids, *(jid for jid in jids if jid)}
    params = {"tenant_id": tenant_id, "patterns": [f"%{name}%" for name in sorted(names)]}
    webhooks = conn.execute(_SQL["forget_webhooks"], params).rowcount
    answers = conn.execute(_SQL["forget_answers"], params).rowcount
    row = conn.execute(_SQL["under_way"], key).fetchone()
    erased = Erased(len(jids), len(taken), webhooks, answers, int(row[0]) if row else 0, told)
    audit.record(
        conn,
        tenant_id,
        actor=actor,
        action="person_erased",
        subject="person",
        detail={"contacts": erased.contacts, "stopped": erased.stopped, "webhooks": webhooks},
    )
    return erased
