"""A channel whose connection is gone fails as a connection, which Celery survives."""

import pytest
from kombu import Connection

from celery_config import make_celery
from shared.settings import Settings


def test_a_closed_channel_fails_as_a_connection_error(settings_for: object) -> None:
    assert callable(settings_for)
    settings: Settings = settings_for()
    connection: Connection = make_celery(settings).connection()
    channel = connection.default_channel
    connection.close()
    with pytest.raises(connection.connection_errors, match="was lost"):
        channel._create_client()
