"""Reports of a campaign, streamed: each page in a short transaction, whoever reads slowly."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from api.json import dump
from api.runtime import Runtime
from api.schemas.campaign_answers import ReportHead
from api.schemas.campaigns import message_answer
from api.spreadsheets import csv_cell, xlsx_file
from shared.db import message_pages
from shared.db.campaigns import Campaign
from shared.db.message_pages import MessageLine
from shared.db.pool import tenant_transaction

_PAGE: Final = 1000
_COLUMNS: Final = (
    "position",
    "nome",
    "telefone",
    "status",
    "reason",
    "attempts",
    "instance",
    "sent_at",
    "delivered_at",
    "read_at",
    "replied_at",
    "message_text",
)


def stream_json(
    parts: Runtime, tenant_id: int, campaign: Campaign, head: ReportHead
) -> Iterator[bytes]:
    """`{success, report:{campaign, performance, generated_at, messages}}`."""
    opening = dump({"success": True, "report": head})
    yield opening[:-2] + b',"messages":['
    first = True
    for page in _pages(parts, tenant_id, campaign):
        chunk = b",".join(dump(message_answer(line, masked=False)) for line in page)
        yield chunk if first else b"," + chunk
        first = False
    yield b"]}}\n"


def stream_csv(parts: Runtime, tenant_id: int, campaign: Campaign) -> Iterator[bytes]:
    """RFC 4180 with a byte order mark, so that spreadsheets read UTF-8."""
    yield b"\xef\xbb\xbf" + _csv([_COLUMNS])
    for page in _pages(parts, tenant_id, campaign):
        yield _csv([[csv_cell(value) for value in _row(line)] for line in page])


def write_xlsx(parts: Runtime, tenant_id: int, campaign: Campaign) -> Iterator[bytes]:
    """The CSV's columns as a spreadsheet; whole on disk before the first byte leaves."""
    return xlsx_file(_table(parts, tenant_id, campaign))


def file_name(campaign: Campaign, extension: str) -> str:
    """Safe everywhere."""
    return f"{re.sub(r'[^A-Za-z0-9-]', '', campaign.public_id)}.{extension}"


def _pages(parts: Runtime, tenant_id: int, campaign: Campaign) -> Iterator[list[MessageLine]]:
    after = -1
    while True:
        with tenant_transaction(parts.pool, tenant_id) as conn:
            page = message_pages.list_page(
                conn, tenant_id, campaign.campaign_id, after=after, limit=_PAGE
            )
        if page:
            yield page
        if len(page) < _PAGE:
            return
        after = page[-1].position


def _table(parts: Runtime, tenant_id: int, campaign: Campaign) -> Iterator[Sequence[Any]]:
    yield _COLUMNS
    for page in _pages(parts, tenant_id, campaign):
        yield from map(_row, page)


def _row(line: MessageLine) -> list[Any]:
    shown = message_answer(line, masked=False)
    return [shown[name] for name in _COLUMNS]


def _csv(rows: Any) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()
