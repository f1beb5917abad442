"""`rapidflow watch`: follow a campaign that is already there."""

import sys
from contextlib import closing

import click
from rich.console import Console

from deploy.api_client import ApiClient
from deploy.campaign_feed import CampaignFeed, FeedTiming
from deploy.commands.session import Session, api_options, explained
from deploy.progress import LiveState, progress_view
from deploy.report import EXIT_INTERRUPTED, Outcome, load_outcome, print_outcome


def follow(
    client: ApiClient, campaign_id: str, console: Console, *, timing: FeedTiming | None = None
) -> Outcome:
    """Show the campaign's progress on `console` until it is over; returns how it ended.

    Raises ApiError when the server refuses and UnreachableError when it stays away for
    `timing.give_up` seconds. Leaving (Ctrl-C) changes nothing for the campaign.
    """
    feed = CampaignFeed(client, campaign_id, timing or FeedTiming())
    state = LiveState()
    with closing(feed.updates()) as updates, progress_view(console) as view:
        for update in updates:
            state.apply(update)
            view.show(state)
            if state.over:
                break
    return load_outcome(client, feed.campaign_id)


@click.command()
@click.argument("campaign_id")
@api_options
def watch(
    campaign_id: str, url: str | None, token: str | None, data_dir: str, as_json: bool
) -> None:
    """Follow the campaign CAMPAIGN_ID (CAMP-… or its number) to its end.

    Leaving with Ctrl-C changes nothing for the campaign.

    \b
    Exit codes: 0 everything sent, 3 ended with failures or doubts, 1 error, 130 Ctrl-C.
    """
    session = Session.of(url, token, data_dir, as_json=as_json)
    with explained(session), session.client() as client:
        try:
            outcome = follow(client, campaign_id, session.console)
        except KeyboardInterrupt:
            leave_running(campaign_id, session.console)
            sys.exit(EXIT_INTERRUPTED)
        print_outcome(outcome, session.console, url=client.url)
        session.answer({"campaign": outcome.as_json()})
        sys.exit(outcome.exit_code)


def leave_running(campaign_id: str, console: Console) -> None:
    """Say that the campaign goes on and how to see it again."""
    console.print(
        f"\nThe campaign goes on. See it again with: rapidflow watch {campaign_id}",
        highlight=False,
        soft_wrap=True,
    )
