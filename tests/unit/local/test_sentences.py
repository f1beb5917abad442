"""Logs and library errors, turned into what a person reads."""

import pytest

from deploy.local.errors import LocalError, PortTakenError, explain
from deploy.local.given import check_database, check_redis, database_reason
from deploy.local.narrator import Narrator


@pytest.mark.parametrize(
    ("log", "kind", "sentence"),
    [
        ("initdb: error: No space left on device", LocalError, "No disk space left"),
        ("bind: Address already in use", PortTakenError, "already in use"),
        ("data directory has wrong ownership", LocalError, "its rights or its owner changed"),
        ("a\nFATAL: the moon\n\n", LocalError, "PostgreSQL did not start: FATAL: the moon"),
        ("", LocalError, "no output"),
    ],
)
def test_a_server_log_becomes_one_sentence(log: str, kind: type, sentence: str) -> None:
    error = explain("PostgreSQL", log)
    assert type(error) is kind
    assert sentence in error.message
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('connection failed: FATAL:  database "x" does not exist', 'database "x" does not exist'),
        ('FATAL:  password authentication failed for user "a"', "the user or the password"),
        ("connection timeout expired", "does not answer"),
    ],
)
def test_libpq_in_a_few_words(text: str, reason: str) -> None:
    assert reason in database_reason(text)


@pytest.mark.parametrize(
    "url", ["postgresql://a:secret@127.0.0.1:1/x", "nonsense", "postgresql://h:notaport/x"]
)
def test_a_wrong_database_url_is_one_sentence_without_its_password(url: str) -> None:
    with pytest.raises(LocalError) as refused:
        check_database(url)
    assert refused.value.message.startswith("DATABASE_URL does not work: ")
    assert "\n" not in refused.value.message
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("url", ["redis://:secret@127.0.0.1:1/0", "http://x", "redis://h:p/0"])
def test_a_wrong_redis_url_is_one_sentence_without_its_password(url: str) -> None:
    with pytest.raises(LocalError) as refused:
        check_redis(url)
    assert refused.value.message.startswith("REDIS_URL does not work: ")
    assert "secret" not in refused.value.message


def told(*lines: str, stopping: bool = False) -> list[str]:
    narrator = Narrator(lambda _sentence: None, "/logs")
    narrator.stopping = stopping
    return [sentence for line in lines if (sentence := narrator.tell(f"2026-11-01 INFO {line}"))]


def test_a_restart_is_told_with_its_cause() -> None:
    assert told(
        "spawned: 'worker' with pid 1",
        "exited: worker (terminated by SIGKILL; not expected)",
        "spawned: 'worker' with pid 2",
        "success: worker entered RUNNING state",
    ) == ["worker died (SIGKILL), restarted as pid 2"]


def test_an_exit_code_is_told_as_one() -> None:
    assert told("exited: beat (exit status 3; not expected)", "spawned: 'beat' with pid 2") == [
        "beat died (exit code 3), restarted as pid 2"
    ]


def test_giving_up_names_the_log() -> None:
    assert told("gave up: beat entered FATAL state, too many start retries too quickly") == [
        "beat keeps dying and is not started again; see /logs/beat.log"
    ]


def test_stopping_is_quiet_but_for_those_who_would_not() -> None:
    lines = ("exited: beat (exit status 0; expected)", "killing 'worker' (12) with SIGKILL")
    assert told(*lines, stopping=True) == ["worker did not end in time and was killed"]
