"""Choosing ports, and noticing the taken one before anything starts."""

import socket
from collections.abc import Iterator

import pytest

from deploy.local.errors import LocalError, PortTakenError
from deploy.local.ports import (
    ATTEMPTS,
    check_port,
    free_port,
    is_free,
    reachable,
    retry_on_taken_port,
)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_the_remembered_port_is_kept_while_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port


def test_a_taken_port_is_replaced(taken: int) -> None:
    other = free_port(taken)
    assert other != taken
    assert is_free(other)


def test_a_taken_port_is_one_sentence_with_the_way_out(taken: int) -> None:
    with pytest.raises(LocalError) as refused:
        check_port("127.0.0.1", taken)
    assert f"Port {taken} on 127.0.0.1 is already in use" in refused.value.message
    assert f"PORT={taken + 1} rapidflow up" in refused.value.message


def test_an_address_that_is_not_ours_is_said_so() -> None:
    with pytest.raises(LocalError, match="cannot be used"):
        check_port("192.0.2.1", 5000)


def test_listening_everywhere_is_reached_on_loopback() -> None:
    assert [reachable(host) for host in ("0.0.0.0", "::", "10.0.0.1")] == [  # noqa: S104
        "127.0.0.1",
        "::1",
        "10.0.0.1",
    ]


def test_a_lost_race_is_run_again_but_not_for_ever() -> None:
    tries: list[int] = []

    def start(wins_at: int) -> int:
        tries.append(1)
        if len(tries) < wins_at:
            raise PortTakenError("taken")
        return len(tries)

    assert retry_on_taken_port(lambda: start(3)) == 3
    tries.clear()
    with pytest.raises(PortTakenError):
        retry_on_taken_port(lambda: start(ATTEMPTS + 1))
