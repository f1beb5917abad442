"""The first texts of a campaign that does not exist yet: judged, rendered, and written by the model
where the body names one. Nothing is stored."""

import asyncio
from collections.abc import Sequence

from api import campaign_draft as drafts
from api.auth import rate_limit_remaining
from api.campaign_actions import judge_list
from api.runtime import Runtime
from api.schemas.previews import PreviewAnswer, PreviewBody, PreviewedText
from shared.db import instances, tenants
from shared.db.pool import tenant_transaction
from shared.db.texts import BY_MODEL
from shared.db.users import User
from shared.domain.contacts import Contact
from shared.domain.reasons import words
from shared.errors import TemporarilyUnavailable
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.providers.text_writer import TextWriter, WrittenText, template_goes
from shared.settings import Settings

log = get_logger(__name__)


def preview(parts: Runtime, user: User, body: PreviewBody) -> PreviewAnswer:
    """The report on the contacts and the first texts.

    Raises:
        InvalidRequest: what a create with this list and config would be refused for.
        TemporarilyUnavailable: too many previews at once.
    """
    model = drafts.choose_model(body.config, parts.settings)
    with tenant_transaction(parts.pool, user.tenant_id) as conn:
        defaults = tenants.get_defaults(conn, user.tenant_id)
        checked = judge_list(conn, parts, user, body.contacts, defaults)
        names = body.config.instance_names
        drafts.resolve_instances(names, instances.find_named(conn, user.tenant_id, names or None))
    drafts.require_sendable(checked)
    template = drafts.choose_template(body.config, defaults, checked)
    rows = drafts.render_rows(checked, template, has_image=bool(body.config.image_url))
    rendered = {row.position: row.body or "" for row in rows}
    shown = list(checked.sendable())[: body.limit]
    if model is None:
        written = [WrittenText(None, None) for _ in shown]
    else:
        written = _written(parts, model, template, shown)
    log.info("campaign_previewed", texts=len(shown), **drafts.counts(checked))
    return {
        "success": True,
        "texts": [
            _answer(contact, rendered[contact.position], one)
            for contact, one in zip(shown, written, strict=True)
        ],
        "validation": drafts.report(checked),
        "rateLimitRemaining": rate_limit_remaining(),
    }


def _answer(contact: Contact, rendered: str, written: WrittenText) -> PreviewedText:
    return {
        "index": contact.position,
        "nome": contact.name,
        "telefone": contact.phone,
        "text": rendered if written.body is None else written.body,
        "source": "template" if written.body is None else "model",
        "reason": written.reason,
        "reason_text": words(written.reason) or None,
    }


def _written(
    parts: Runtime, model: str, template: str, contacts: Sequence[Contact]
) -> list[WrittenText]:
    """One text per contact; a connection is held by nobody meanwhile.

    Raises:
        TemporarilyUnavailable: this process is writing for others.
    """
    if not parts.previews.acquire(blocking=False):
        raise TemporarilyUnavailable(
            "Há prévias demais em andamento.", code="previews_busy", retry_after_seconds=10
        )
    try:
        written = asyncio.run(_write(parts.settings, model, template, contacts))
    finally:
        parts.previews.release()
    for one in written:
        metrics.record_texts(one.reason or BY_MODEL)
    metrics.record_text_tokens(sum(one.tokens for one in written))
    return written


async def _write(
    settings: Settings, model: str, template: str, contacts: Sequence[Contact]
) -> list[WrittenText]:
    writer = TextWriter.of(settings)
    if writer is None:
        return [template_goes("model_not_configured") for _ in contacts]
    try:
        tasks = [
            asyncio.create_task(writer.write(model, template, drafts.variables_of(contact)))
            for contact in contacts
        ]
        _, late = await asyncio.wait(tasks, timeout=settings.model.preview_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return [template_goes("model_timeout") if task in late else task.result() for task in tasks]
    finally:
        await writer.close()
