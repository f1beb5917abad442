"""What is told of one campaign, put together from its rows."""

from psycopg import Connection

from api.schemas.callbacks import report_answer
from api.schemas.campaign_answers import CampaignDetail, CampaignMetrics
from api.schemas.campaigns import campaign_detail, metrics_answer
from shared.db import campaigns, external, texts
from shared.db.campaigns import Campaign
from shared.db.pool import Row


def detail_of(conn: Connection[Row], tenant_id: int, campaign: Campaign) -> CampaignDetail:
    """With its config, reasons and numbers."""
    number = campaign.campaign_id
    reasons = campaigns.list_reasons(conn, tenant_id, number)
    used = campaigns.list_instances(conn, tenant_id, number)
    return campaign_detail(campaign, reasons, used, texts.find_progress(conn, tenant_id, number))


def metrics_of(conn: Connection[Row], tenant_id: int, campaign: Campaign) -> CampaignMetrics:
    """With what an external workflow said of the whole, where one sends the campaign."""
    report = None
    if campaign.executor == "external":
        report = external.find_report(conn, tenant_id, campaign.campaign_id)
    return {**metrics_answer(campaign), "reported": report_answer(report)}
