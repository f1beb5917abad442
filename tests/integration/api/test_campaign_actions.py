"""Lists, metrics, pause, resume, cancel, export."""

import csv
import io
from typing import Any

import psycopg
import pytest
from python_calamine import CalamineWorkbook

from tests.integration.api.conftest import Person, campaign_body

Conn = psycopg.Connection[tuple[Any, ...]]


def set_status(conn: Conn, campaign: int, status: str) -> None:
    conn.execute("UPDATE campaigns SET status = %s WHERE campaign_id = %s", (status, campaign))


def test_pages_of_campaigns(owner: Person) -> None:
    made = [owner.create(1, name=f"Zona-{number}")["campaign"]["id"] for number in range(5)]
    first = owner.get("/api/campaigns?limit=2").get_json()
    second = owner.get(f"/api/campaigns?limit=2&cursor={first['next_cursor']}").get_json()
    third = owner.get(f"/api/campaigns?limit=2&cursor={second['next_cursor']}").get_json()
    seen = [item["id"] for page in (first, second, third) for item in page["campaigns"]]
    assert seen == made[::-1]
    assert third["next_cursor"] is None
    found = owner.get("/api/campaigns?search=zona-3").get_json()["campaigns"]
    assert [item["name"] for item in found] == ["Zona-3"]
    assert owner.get("/api/campaigns?search=%25").get_json()["campaigns"] == []
    assert owner.get("/api/campaigns?status=running").get_json()["campaigns"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=abc", "status=x", "sort=1"]
)
def test_query_faults(owner: Person, query: str) -> None:
    assert owner.get(f"/api/campaigns?{query}").status_code == 422


def test_a_cursor_serves_only_its_list(owner: Person) -> None:
    campaign = owner.create(3)["campaign"]["id"]
    cursor = owner.get(f"/api/campaigns/{campaign}/messages?limit=1").get_json()["next_cursor"]
    assert owner.get(f"/api/campaigns?cursor={cursor}").status_code == 422
    rest = owner.get(f"/api/campaigns/{campaign}/messages?cursor={cursor}").get_json()["messages"]
    assert [line["position"] for line in rest] == [1, 2]


def test_metrics_of_a_running_campaign(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(10)["campaign"]
    engine_conn.execute(
        "UPDATE campaign_counters SET sent = 4, failed = 1, in_doubt = 1, window_sent = 4,"
        " window_at = now() - interval '30 s'"
    )
    engine_conn.execute("UPDATE campaigns SET status = 'running', started_at = now()")
    engine_conn.execute("UPDATE campaign_pace SET waiting_reason = NULL")
    metrics = owner.get(f"/api/campaigns/{campaign['id']}/metrics").get_json()["metrics"]
    assert metrics["campaign_id"] == campaign["campaign_id"]
    assert metrics["total_contacts"] == 10
    assert metrics["processed_count"] == 6
    assert metrics["progress_percentage"] == 60
    assert (metrics["sent_count"], metrics["error_count"], metrics["in_doubt_count"]) == (4, 1, 1)
    assert metrics["success_rate"] == 80
    assert 7 < metrics["messages_per_minute"] < 9
    assert metrics["estimated_seconds_remaining"] == 180  # four left, 45 s apart
    assert metrics["health_score"] == 60  # 20 % errors: -30, success under 85 %: -10


def test_pause_and_resume(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create()["campaign"]["id"]
    set_status(engine_conn, campaign, "running")
    paused = owner.post(f"/api/campaigns/{campaign}/pause").get_json()["campaign"]
    assert (paused["status"], paused["waiting_reason"]) == ("paused", "paused")
    again = owner.post(f"/api/campaigns/{campaign}/pause")
    assert again.status_code == 409
    assert again.get_json()["error"]["code"] == "campaign_paused"
    resumed = owner.post(f"/api/campaigns/{campaign}/resume").get_json()["campaign"]
    assert resumed["status"] == "pending"
    assert owner.post(f"/api/campaigns/{campaign}/resume").status_code == 409
    events = engine_conn.execute(
        "SELECT e->>'event' FROM campaign_events, jsonb_array_elements(events) e ORDER BY last_seq"
    ).fetchall()
    assert [row[0] for row in events] == ["campaign_created", "campaign_paused", "campaign_resumed"]


def test_cancel_leaves_what_is_in_flight(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(5)["campaign"]["id"]
    set_status(engine_conn, campaign, "running")
    engine_conn.execute("UPDATE messages SET status = 'sending' WHERE position = 0")
    engine_conn.execute("UPDATE messages SET status = 'leased' WHERE position = 1")
    cancelled = owner.post(f"/api/campaigns/{campaign}/cancel").get_json()["campaign"]
    assert (cancelled["status"], cancelled["cancelled_count"]) == ("cancelled", 4)
    assert cancelled["finished_at"] is None
    states = engine_conn.execute("SELECT status FROM messages ORDER BY position").fetchall()
    assert [row[0] for row in states] == ["sending"] + ["cancelled"] * 4
    for action in ("pause", "resume", "cancel"):
        assert owner.post(f"/api/campaigns/{campaign}/{action}").status_code == 409


def test_cancel_with_nothing_in_flight_ends_it(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(5)["campaign"]["id"]
    cancelled = owner.post(f"/api/campaigns/{campaign}/cancel").get_json()["campaign"]
    assert cancelled["finished_at"] is not None
    assert cancelled["progress_percentage"] == 100
    assert engine_conn.execute("SELECT count(*) FROM campaign_pace").fetchone() == (0,)
    (told,) = engine_conn.execute(
        "SELECT events FROM campaign_events ORDER BY last_seq DESC LIMIT 1"
    ).fetchone()  # type: ignore[misc]
    assert [event["event"] for event in told] == [
        "campaign_cancelled", "progress", "campaign_complete",
    ]  # fmt: skip
    assert (told[0]["cancelled"], told[1]["progressPercentage"]) == (5, 100)
    assert (told[2]["status"], told[2]["totalCancelled"], told[2]["totalSent"]) == (
        "cancelled", 5, 0,
    )  # fmt: skip


def test_detail_names_reasons_and_config(owner: Person) -> None:
    contacts = [{"nome": "a", "telefone": "11987654321"}, {"nome": "", "telefone": "1"}]
    made = owner.create(contacts=contacts, config={"systemPrompt": "Oi", "delayMin": 1})
    detail = owner.get(f"/api/campaigns/{made['campaign']['id']}").get_json()["campaign"]
    assert detail["skipped_reasons"] == {"empty_name": 1}
    assert detail["config"]["systemPrompt"] == "Oi"
    assert (detail["config"]["delayMin"], detail["config"]["delayMax"]) == (1, 60)


def test_export_as_json(owner: Person) -> None:
    campaign = owner.create(2500)["campaign"]["id"]
    answer = owner.get(f"/api/campaigns/{campaign}/export")
    assert "attachment" in answer.headers["Content-Disposition"]
    report = answer.get_json()["report"]
    assert set(report) == {"campaign", "performance", "messages", "generated_at"}
    assert len(report["messages"]) == 2500
    assert set(report["performance"]) == {"hourly_analysis", "top_errors", "timing_stats"}


def test_export_as_csv_defuses_formulas(owner: Person, engine_conn: Conn) -> None:
    contacts = [{"nome": "=cmd|'/c calc'!A1", "telefone": "11987654321"}]
    campaign = owner.create(contacts=contacts)["campaign"]["id"]
    answer = owner.get(f"/api/campaigns/{campaign}/export?format=csv")
    assert answer.content_type.startswith("text/csv")
    text = answer.data.decode("utf-8-sig")
    assert "\r\n" in text
    row = next(csv.DictReader(io.StringIO(text)))
    assert row["nome"].startswith("'=")
    assert row["telefone"] == "5511987654321"
    audited = engine_conn.execute("SELECT detail FROM audit_log WHERE action = 'export'").fetchone()
    assert audited == ({"format": "csv"},)


def test_export_as_a_spreadsheet_keeps_texts_as_texts(owner: Person) -> None:
    contacts = [{"nome": "=1+1", "telefone": "11987654321"}, {"nome": "Zé", "telefone": "1"}]
    campaign = owner.create(contacts=contacts)["campaign"]
    answer = owner.get(f"/api/campaigns/{campaign['id']}/export?format=xlsx")
    assert answer.content_type.endswith("spreadsheetml.sheet")
    assert f'{campaign["campaign_id"]}.xlsx"' in answer.headers["Content-Disposition"]
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.data)).get_sheet_by_index(0)
    head, first, second = sheet.to_python()
    assert head[:4] == ["position", "nome", "telefone", "status"]
    assert first[:4] == [0.0, "=1+1", "5511987654321", "pending"]
    assert second[3:5] == ["skipped", "invalid_phone"]


def test_five_exports_an_hour(owner: Person) -> None:
    campaign = owner.create(1)["campaign"]["id"]
    codes = []
    for _ in range(6):
        with owner.get(f"/api/campaigns/{campaign}/export") as answer:
            codes.append(answer.status_code)
    assert codes == [200] * 5 + [429]


def test_dashboard_and_performance(owner: Person, engine_conn: Conn) -> None:
    campaign = owner.create(4)["campaign"]["id"]
    tenant = owner.tenant.tenant_id
    engine_conn.execute(
        "INSERT INTO campaign_hours (tenant_id, campaign_id, hour, sent, failed)"
        " VALUES (%s, %s, '2026-01-05T17:00Z', 48, 2)",
        (tenant, campaign),
    )
    engine_conn.execute(
        "INSERT INTO campaign_errors VALUES (%s, %s, 'failed', 'not_on_whatsapp', 2)",
        (tenant, campaign),
    )
    shown = owner.get(f"/api/campaigns/{campaign}/performance").get_json()["performance"]
    assert shown["hourly_analysis"] == [
        {"hour": 14, "total": 50, "sent": 48, "errors": 2, "success_rate": 96}
    ]
    assert shown["top_errors"][0]["percentage"] == 100
    dashboard = owner.get("/api/campaigns/dashboard").get_json()["dashboard"]
    assert dashboard["summary"]["total_campaigns"] == 1
    assert len(dashboard["recent_campaigns"]) == 1
    assert len(dashboard["daily_performance"]) == 30


def test_moves_replay_with_their_key(owner: Person) -> None:
    campaign = owner.create(1)["campaign"]["id"]
    headers = {"Idempotency-Key": "p-1"}
    first = owner.post(f"/api/campaigns/{campaign}/pause", headers=headers)
    again = owner.post(f"/api/campaigns/{campaign}/pause", headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_without_a_key_every_post_creates(owner: Person) -> None:
    assert owner.post("/api/campaigns", campaign_body(1)).status_code == 201
    assert owner.post("/api/campaigns", campaign_body(1)).status_code == 201
    assert len(owner.get("/api/campaigns").get_json()["campaigns"]) == 2
