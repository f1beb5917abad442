import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from deploy.api_client import ApiClient, ApiError, UnreachableError
from deploy.campaign_feed import FeedTiming
from deploy.commands.watch import follow, watch
from deploy.local.environment import remembered
from deploy.report import Outcome

from .conftest import CAMPAIGN, TOKEN, Rapid

FAST = FeedTiming(poll=0.05, refresh=0.3, first_retry=0.02, longest_retry=0.2, give_up=0.6)


def seen(rapid: Rapid, timing: FeedTiming = FAST) -> tuple[Outcome, str]:
    """What `follow` returned and printed."""
    console = Console(file=io.StringIO(), width=200)
    with ApiClient(rapid.url, TOKEN) as client:
        outcome = follow(client, CAMPAIGN, console, timing=timing)
    return outcome, console.file.getvalue()  # type: ignore[attr-defined]


def test_follows_the_socket_to_the_end(rapid: Rapid) -> None:
    rapid.pace = 0.06
    rapid.start()
    outcome, text = seen(rapid)
    assert (outcome.status, outcome.total, outcome.sent) == ("completed", 10, 10)
    assert outcome.exit_code == 0
    assert rapid.heard == [{"type": "subscribe_campaign", "campaignId": CAMPAIGN}]
    assert "100% 10/10 sent 10" in text.splitlines()[-1]


def test_a_slow_campaign_costs_few_requests(rapid: Rapid) -> None:
    rapid.pace = 0.1
    rapid.start()
    seen(rapid, FeedTiming())
    polls = [asked for asked in rapid.asked if asked.endswith("/metrics")]
    assert len(polls) <= 4  # first look, confirmed end, report


def test_resumes_after_the_last_event_when_cut(rapid: Rapid) -> None:
    rapid.total, rapid.cut_after, rapid.cuts, rapid.pace = 40, 3, 2, 0.03
    rapid.start()
    outcome, _ = seen(rapid)
    assert outcome.sent == 40
    resumed = [wish for wish in rapid.heard if wish["type"] == "resume"]
    assert len(resumed) == 2
    assert resumed[0]["afterSeq"] < resumed[1]["afterSeq"]


def test_polls_where_sockets_are_impossible(rapid: Rapid) -> None:
    rapid.sockets, rapid.pace = False, 0.03
    rapid.start()
    outcome, _ = seen(rapid)
    assert outcome.sent == 10
    assert rapid.heard == []


def test_a_socket_that_says_nothing_does_not_hide_the_end(rapid: Rapid) -> None:
    rapid.silent_sockets = True
    rapid.start()
    outcome, _ = seen(rapid)
    assert outcome.sent == 10


def test_waits_as_long_as_a_429_asks(rapid: Rapid) -> None:
    rapid.sockets, rapid.pace = False, 0.05
    rapid.start()
    with ApiClient(rapid.url, TOKEN) as client:
        rapid.busy = 1
        begun = time.monotonic()
        client.metrics(CAMPAIGN)
    assert time.monotonic() - begun >= 0.2
    rapid.busy = 2
    outcome, _ = seen(rapid)
    assert outcome.status == "completed"


def test_says_what_it_waits_for(rapid: Rapid) -> None:
    rapid.waiting_reason, rapid.pace = "no_instance", 0.05
    rapid.start()
    _, text = seen(rapid)
    assert "waiting: no WhatsApp number is connected" in text


def test_gives_up_on_a_server_that_stays_away(rapid: Rapid) -> None:
    rapid.sockets, rapid.pace = False, 60
    rapid.start()
    threading.Timer(0.2, setattr, (rapid, "busy", 10_000)).start()
    with pytest.raises(UnreachableError, match="Too many requests"):
        seen(rapid)


def test_says_where_nothing_answers() -> None:
    with (
        ApiClient("http://127.0.0.1:9", TOKEN, sleep=lambda _: None) as client,
        pytest.raises(UnreachableError, match=r"Nothing answers at http://127\.0\.0\.1:9"),
    ):
        client.metrics(CAMPAIGN)


def test_an_unknown_campaign_is_an_error(rapid: Rapid) -> None:
    with ApiClient(rapid.url, TOKEN) as client, pytest.raises(ApiError, match="No such campaign"):
        follow(client, "CAMP-other", Console(file=io.StringIO()), timing=FAST)


def test_counts_in_the_report_add_up(rapid: Rapid) -> None:
    rapid.total, rapid.failing, rapid.doubtful, rapid.skipped = 20, 3, 2, 4
    rapid.start()
    result = CliRunner().invoke(watch, [CAMPAIGN, "--url", rapid.url, "--token", TOKEN])
    assert result.exit_code == 3
    for part in (
        "sent 11", "failed 3", "in doubt 2", "skipped 4", "same person twice (4)", "total 20",
        "2m 30s", "success rate 78.6%", "not_on_whatsapp", CAMPAIGN,
    ):  # fmt: skip
        assert part in " ".join(result.stdout.replace("│", " ").split()), part


def test_json_is_one_object_on_stdout(rapid: Rapid) -> None:
    rapid.failing = 1
    rapid.start()
    args = ["7", "--url", rapid.url, "--token", TOKEN, "--json"]
    result = CliRunner().invoke(watch, args)
    answer = json.loads(result.stdout)
    campaign = answer["campaign"]
    assert (result.exit_code, answer["success"], campaign["failed"]) == (3, True, 1)
    assert campaign["campaign_id"] == CAMPAIGN
    assert "100% 10/10" in result.stderr


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["CAMP-x", "--token", TOKEN], "No such campaign."),
        ([CAMPAIGN, "--token", "wrong"], "No valid credentials."),
        ([CAMPAIGN, "--data-dir", "/nonexistent"], "`rapidflow token create`"),
    ],
)
def test_errors_are_one_sentence(rapid: Rapid, args: list[str], sentence: str) -> None:
    result = CliRunner(env={"RAPIDFLOW_TOKEN": ""}).invoke(watch, [*args, "--url", rapid.url])
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_the_key_file_of_up_is_found(rapid: Rapid, tmp_path: Path) -> None:
    (tmp_path / "api-key").write_text(f"{TOKEN}\n")
    rapid.start()
    env = {"RAPIDFLOW_TOKEN": "", "DATA_DIR": str(tmp_path)}
    result = CliRunner(env=env).invoke(watch, [CAMPAIGN, "--url", rapid.url])
    assert result.exit_code == 0, result.output


def test_the_stack_that_runs_here_is_asked_where_no_address_is_given(
    rapid: Rapid, tmp_path: Path
) -> None:
    (tmp_path / "api-key").write_text(f"{TOKEN}\n")
    rapid.start()
    (tmp_path / "run").mkdir()
    env = {"RAPIDFLOW_TOKEN": "", "RAPIDFLOW_URL": "", "DATA_DIR": str(tmp_path)}
    with remembered(tmp_path, {"HOST": "127.0.0.1", "PORT": str(rapid.port)}):
        result = CliRunner(env=env).invoke(watch, [CAMPAIGN])
    assert result.exit_code == 0, result.output


def test_ctrl_c_leaves_the_campaign_running(rapid: Rapid) -> None:
    rapid.pace = 60
    rapid.start()
    # Started in the background of a shell, this run would pass an ignored SIGINT on.
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from deploy.commands.watch import watch; watch()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, CAMPAIGN, "--url", rapid.url, "--token", TOKEN],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    deadline = time.monotonic() + 40
    while not rapid.heard and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    try:
        output, errors = process.communicate(timeout=40)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert f"rapidflow watch {CAMPAIGN}" in output
    assert "Traceback" not in errors
