"""Backoff, pacing, breaker, verdicts and opt-outs: the rules a send is judged by."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.backoff import BackoffPolicy, retry_delay
from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState
from shared.domain.delivery import VerdictKind, verdict_for
from shared.domain.opt_out import is_opt_out
from shared.domain.pacing import Pace, plan_slots
from shared.errors import (
    InstanceOffline,
    NotBegun,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Unavailable,
)

POLICY = BreakerPolicy()


@pytest.mark.parametrize(("retry", "seconds"), [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32)])
def test_retry_delay_doubles(retry: int, seconds: int) -> None:
    assert retry_delay(retry, BackoffPolicy()) == timedelta(seconds=seconds)
    stretched = retry_delay(retry, BackoffPolicy(), jitter=0.999)
    assert timedelta(seconds=seconds) < stretched <= timedelta(seconds=seconds * 1.1)


@pytest.mark.parametrize(
    ("error", "failures", "kind", "code"),
    [
        (Rejected("not_on_whatsapp"), 1, VerdictKind.FAILED, "not_on_whatsapp"),
        (InstanceOffline("instance_offline"), 9, VerdictKind.REST, "instance_offline"),
        (NotBegun("not_begun_in_time"), 9, VerdictKind.REST, "not_begun_in_time"),
        (Unavailable("connect_failed"), 5, VerdictKind.RETRY, "connect_failed"),
        (Unavailable("connect_failed"), 6, VerdictKind.FAILED, "unreachable"),
        (OutcomeUnknown("timeout"), 1, VerdictKind.UNKNOWN, "timeout"),
    ],
)
def test_what_an_error_means_for_its_message(
    error: ProviderError, failures: int, kind: VerdictKind, code: str
) -> None:
    verdict = verdict_for(error, failures=failures, policy=BackoffPolicy(), jitter=0)
    assert (verdict.kind, verdict.code) == (kind, code)


@pytest.mark.parametrize(
    ("error", "troubles"),
    [
        (Rejected("not_on_whatsapp"), False),
        (Unavailable("media_download_failed"), False),
        (NotBegun("not_begun_in_time"), False),
        (Unavailable("connect_failed"), True),
        (OutcomeUnknown("timeout"), True),
        (InstanceOffline("unauthorized"), True),
    ],
)
def test_only_the_instance_s_own_trouble_counts(error: ProviderError, troubles: bool) -> None:
    for failures in (1, 6):
        verdict = verdict_for(error, failures=failures, policy=BackoffPolicy(), jitter=0)
        assert verdict.troubles_instance is troubles


def test_the_sixth_error_in_a_row_opens_the_breaker() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker = breaker.after_error(POLICY, jitter=0)
        assert breaker.allows
    breaker = breaker.after_error(POLICY, jitter=0)
    assert (breaker.state, breaker.rest_seconds) == (BreakerState.OPEN, 30)


def test_a_success_starts_the_count_anew() -> None:
    breaker = Breaker(errors_in_a_row=5).after_success().after_error(POLICY, jitter=0)
    assert (breaker.state, breaker.errors_in_a_row) == (BreakerState.CLOSED, 1)


def test_a_failed_probe_rests_twice_as_long_up_to_the_ceiling() -> None:
    rests = []
    for opened in range(7):
        probe = Breaker(BreakerState.HALF_OPEN, times_opened=opened)
        rests.append(probe.after_error(POLICY, jitter=0).rest_seconds)
    assert rests == [30, 60, 120, 240, 480, 600, 600]


def test_answers_of_calls_that_were_under_way_neither_close_nor_double() -> None:
    breaker = Breaker().after_error(POLICY, jitter=0, at_once=True, at_least=3600)
    assert breaker.after_success() is breaker
    again = breaker.after_error(POLICY, jitter=0, at_once=True)
    assert (again.times_opened, again.rest_seconds) == (1, 3600)


@given(
    delays=st.tuples(st.floats(0, 60), st.floats(0, 60)).map(sorted),
    rate=st.floats(0.1, 1000),
    first=st.floats(0, 10),
    dice=st.floats(0, 0.999),
)
def test_slots_keep_their_distance(
    delays: list[float], rate: float, first: float, dice: float
) -> None:
    pace = Pace(delays[0], delays[1], rate)
    slots = plan_slots(pace, first=first, horizon=5, limit=50, dice=lambda: dice)
    times = [*slots.waits, slots.then]
    assert all(wait <= 5 for wait in slots.waits)
    assert len(slots.waits) <= 50
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(gap >= max(delays[0], 1 / rate) - 1e-9 for gap in gaps)
    assert all(gap <= max(delays[1], pace.min_gap) + 1e-9 for gap in gaps)


def test_two_a_second_is_never_121_in_a_minute() -> None:
    assert 60 / Pace(0, 0, 2).min_gap < 120
    assert 2 / (1 / Pace(0, 0, 2).min_gap) == pytest.approx(1, abs=0.02)


def test_the_burst_bounds_any_second() -> None:
    assert 10 * Pace(0, 0, 10, 10).min_gap > 1


@pytest.mark.parametrize("text", ["SAIR", " sair ", "Sáir!", "PARE", "s t o p", "Cancelar."])
def test_opt_outs(text: str) -> None:
    assert is_opt_out(text)


@pytest.mark.parametrize("text", ["", "não quero sair", "obrigado", "cancelar o pedido"])
def test_other_answers_are_none(text: str) -> None:
    assert not is_opt_out(text)
