"""A close look at one campaign: what a page that watches it begins with."""

from psycopg import Connection

from api.campaign_reports import detail_of, metrics_of
from api.schemas.live import LiveAnswer, curve_answer, lane_answer, stages_answer
from shared.db import campaigns, live
from shared.db.campaigns import Campaign
from shared.db.pool import Row
from shared.domain.curve import bucket_seconds


def look(conn: Connection[Row], tenant_id: int, reference: str) -> LiveAnswer:
    """In one transaction.

    Raises:
        NotFound: no such campaign.
    """
    campaign = campaigns.get_campaign(conn, tenant_id, reference)
    number = campaign.campaign_id
    step = bucket_seconds(_span(campaign))
    return {
        "campaign": detail_of(conn, tenant_id, campaign),
        "metrics": metrics_of(conn, tenant_id, campaign),
        "stages": stages_answer(live.get_stages(conn, tenant_id, number)),
        "lanes": [lane_answer(lane, campaign) for lane in live.list_lanes(conn, tenant_id, number)],
        "curve": curve_answer(live.list_curve(conn, tenant_id, number, bucket_seconds=step), step),
        "read_at": campaign.read_at,
    }


def _span(campaign: Campaign) -> float:
    """Seconds from the start to the last send, or to now while it may go on."""
    if campaign.started_at is None:
        return 0.0
    end = campaign.finished_at or campaign.read_at
    return (end - campaign.started_at).total_seconds()
