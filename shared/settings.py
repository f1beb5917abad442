"""Every knob, typed, read once at start.

The names a hosting platform uses (`DATABASE_URL`, `REDIS_URL`, …) work plain and with the prefix
`RAPIDFLOW_`; the plain one wins. Everything else is `RAPIDFLOW_GROUP__NAME`. A secret may be given
as `NAME_FILE`, the path of a file that holds it. `.env` in the working directory is read too.
"""

import base64
import binascii
import difflib
import importlib.util
import os
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from dotenv import dotenv_values
from pydantic import (
    AliasChoices,
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.errors import SettingsError

_FILE_SUFFIX = "_FILE"
_IN_FILES = (
    "database_url",
    "redis_url",
    "evolution_api_url",
    "evolution_api_key",
    "jwt_secret",
    "encryption_key",
    "metrics_token",
    "openai_api_key",
    "tracing_headers",
)
_LEVELS = ("ERROR", "WARN", "WARNING", "INFO", "DEBUG")


def _plain(name: str) -> Any:
    """A setting under the plain name a platform gives it, or with our prefix."""
    return Field(validation_alias=AliasChoices(name, f"RAPIDFLOW_{name}"))


def _plain_default(name: str, default: Any) -> Any:
    return Field(default=default, validation_alias=AliasChoices(name, f"RAPIDFLOW_{name}"))


def _http_address(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("needs to start with http:// or https://")
    return value.rstrip("/")


def _pairs(text: str) -> list[tuple[str, str]]:
    """`a=1,b=2`; a part without `=` has no name."""
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    return [(name if sign else "", value) for name, sign, value in parts]


def _has_opentelemetry() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # a package above it
        return False


class DeliverySettings(BaseModel, frozen=True):
    """The send path. The call's deadline covers Baileys' own 60 s wait inside Evolution."""

    connect_seconds: float = 3.0
    call_deadline_seconds: float = 75.0
    keepalive_seconds: float = 2.0  # Node closes idle connections after 5 s
    first_byte_seconds: float = 5.0  # from the commit of the attempt to the first byte
    lease_seconds: float = 60.0
    lease_margin_seconds: float = 30.0  # beyond the deadline, while a call is open
    late_seconds: float = 10.0  # a slot missed by more goes back to dispatch
    batch_size: int = Field(default=50, ge=1, le=500)  # messages of one lane in one task
    task_size: int = Field(default=200, ge=1, le=2000)  # messages of all lanes in one task
    open_conflict_seconds: float = 5.0  # wait when the recipient has an unresolved send


class DispatchSettings(BaseModel, frozen=True):
    """How far ahead slots are given out."""

    lookahead_seconds: float = 5.0
    tick_seconds: float = 1.0
    lanes_per_run: int = 500


class PacingSettings(BaseModel, frozen=True):
    """A safe human pace unless the campaign says otherwise."""

    delay_min_seconds: float = 30.0
    delay_max_seconds: float = 60.0


class BackoffSettings(BaseModel, frozen=True):
    """Retry n waits base * 2^(n-1), at most a tenth more; after the last one the message fails."""

    base_seconds: float = 2.0
    ceiling_seconds: float = 300.0
    retries: int = 5


class BreakerSettings(BaseModel, frozen=True):
    """Per instance: opens on the sixth error in a row, for a time that doubles."""

    errors_allowed: int = 5
    open_seconds: float = 30.0
    ceiling_seconds: float = 600.0
    refusals_allowed: int = 5  # by WhatsApp itself, in a row, of people never reached before
    refused_seconds: float = 1800.0  # how long a number rests that seems restricted


class SweepSettings(BaseModel, frozen=True):
    """Repair of what a dead process left behind."""

    batch_size: int = 500
    publish_after_seconds: float = 3.0  # events a dead process could not publish
    inbox_hold_seconds: float = 600.0  # receipts that match nothing yet
    unconfirmed_seconds: float = 600.0  # a send without any receipt is worth a look
    lanes_seconds: float = 10.0  # between two looks at how instances stand
    deaf_seconds: float = 20.0  # with work in its queue and none begun, a process ends itself


RetentionKind = Literal[
    "campaign_events",
    "provider_inbox",
    "attempts",
    "campaign_hours",
    "refresh_tokens",
    "known_lids",
    "texts",
]


class RetentionSettings(BaseModel, frozen=True):
    """Days each kind is kept; 0: for ever. Windows of evidence and replay are always longer."""

    campaign_events_days: int = Field(default=30, ge=0)
    provider_inbox_days: int = Field(default=14, ge=0)  # whole webhooks, with phones and texts
    attempts_days: int = Field(default=180, ge=0)
    campaign_hours_days: int = Field(default=400, ge=0)
    refresh_tokens_days: int = Field(default=7, ge=0)  # after their end
    known_lids_days: int = Field(default=365, ge=0)
    texts_days: int = Field(default=180, ge=0)  # names, phones and texts, after the campaign's end
    logs_days: int = Field(default=30, ge=0)  # files in LOG_DIR of the machine of `control`
    every_seconds: float = Field(default=60.0, gt=0)
    batch_size: int = Field(default=1000, ge=1)  # rows of a kind in one transaction

    def days(self, kind: RetentionKind) -> int:
        """Of one kind."""
        return int(getattr(self, f"{kind}_days"))

    @model_validator(mode="after")
    def _outlives_the_promises(self) -> Self:
        for kind, least in (("provider_inbox", 2), ("attempts", 8), ("texts", 8)):
            if 0 < getattr(self, f"{kind}_days") < least:
                raise ValueError(f"{kind}_days: at least {least}, or 0 to keep for ever")
        return self


class EvidenceSettings(BaseModel, frozen=True):
    """When the provider is asked about a doubt, and how its clock may differ from ours."""

    quiet_margin_seconds: float = 30.0  # after start + deadline
    looks_after_seconds: tuple[float, ...] = (0.0, 60.0, 300.0, 900.0, 3600.0)
    window_hours: float = 24.0
    policy_again_seconds: float = Field(default=600.0, gt=0)  # a resend that could not be decided
    clock_tolerance_seconds: float = 300.0
    search_pages: int = Field(default=20, ge=1)  # of 50 messages to one person, newest first


class ModelSettings(BaseModel, frozen=True):
    """Texts written by a language model: who may write, how long, how much."""

    allowed: tuple[str, ...] = (
        "gpt-4o-mini",
        "gpt-4o",
        "gpt-4.1-nano",
        "gpt-4.1-mini",
        "gpt-4.1",
    )
    call_seconds: float = Field(default=10.0, gt=0)  # one contact, a repeat included
    concurrency: int = Field(default=16, ge=1, le=100)  # calls of one process at once
    ahead_seconds: float = Field(default=60.0, ge=0)  # of a campaign's own pace
    lease_seconds: float = Field(default=30.0, gt=0)  # well over call_seconds
    tries: int = Field(default=2, ge=1)  # of writers that die in the middle
    max_output_tokens: int = Field(default=800, ge=16)
    campaign_tokens: int = Field(default=5_000_000, ge=0)  # then the template goes
    preview_seconds: float = Field(default=12.0, gt=0)
    previews_at_once: int = Field(default=4, ge=1)  # requests of one process


class PoolSettings(BaseModel, frozen=True):
    """Connections of one process."""

    api_size: int = 8
    engine_size: int = 4
    checkout_seconds: float = 2.0
    max_waiting: int = 64
    statement_milliseconds: int = 5000
    lock_milliseconds: int = 2000
    idle_in_transaction_milliseconds: int = 10000


class AuthSettings(BaseModel, frozen=True):
    """Tokens and sign-in."""

    access_minutes: int = 15
    refresh_days: int = 30
    ticket_seconds: int = 30
    leeway_seconds: int = 30
    login_per_account: int = 5
    login_per_address: int = 20
    login_window_minutes: int = 15
    hashes_at_once: int = 2


class GatewaySettings(BaseModel, frozen=True):
    """Bounds of a WebSocket and of the process that serves it."""

    message_bytes: int = 16 * 1024
    messages_per_10_seconds: int = 20
    queue_events: int = 256
    sockets_per_user: int = 5
    sockets_per_tenant: int = 50
    sockets_per_process: int = 5000
    subscriptions_per_socket: int = 50
    auth_seconds: float = 10.0
    ping_seconds: int = 25
    stall_seconds: float = 5.0
    reorder_seconds: float = 1.0
    allowed_origins: tuple[str, ...] = ()  # besides PUBLIC_URL and loopback


class SlowSettings(BaseModel, frozen=True):
    """From when on an operation is logged as slow."""

    request_seconds: float = 1.0
    provider_seconds: float = 15.0  # Baileys types, and may wait, inside the call
    statement_seconds: float = 0.5
    job_seconds: float = 1.0  # dispatch and the other parts of a tick
    quiet_seconds: float = 10.0  # between two lines about the same operation


class HttpSettings(BaseModel, frozen=True):
    """Sizes of request bodies and the server's threads."""

    body_bytes: int = 64 * 1024
    campaign_bytes: int = 4 * 1024 * 1024
    webhook_bytes: int = 1024 * 1024
    threads: int = 24
    workers: int = 1
    trusted_proxies: int = 0


class MemorySettings(BaseModel, frozen=True):
    """Mebibytes over which a process ends after its current work and is started anew; 0: never."""

    web_mebibytes: float = Field(default=512.0, ge=0)
    gateway_mebibytes: float = Field(default=1024.0, ge=0)  # thousands of sockets
    engine_mebibytes: float = Field(default=512.0, ge=0)


class TracingSettings(BaseModel, frozen=True):
    """Spans for an OpenTelemetry collector (docs/tracing.md); without an endpoint: none."""

    endpoint: str = ""  # http://collector:4318; /v1/traces is added
    ratio: float = Field(default=1.0, ge=0, le=1)  # of traces that are kept; the same everywhere
    timeout_seconds: float = Field(default=5.0, gt=0, le=30)  # of one export, repeats included

    @field_validator("endpoint")
    @classmethod
    def _can_be_used(cls, value: str) -> str:
        if value and not _has_opentelemetry():
            raise ValueError("needs the extra: pip install 'rapidflow[tracing]'")
        return _http_address(value)


class Settings(BaseSettings):
    """Everything configurable."""

    model_config = SettingsConfigDict(
        env_prefix="RAPIDFLOW_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    database_url: SecretStr = _plain("DATABASE_URL")
    redis_url: SecretStr = _plain("REDIS_URL")
    evolution_api_url: str = _plain("EVOLUTION_API_URL")
    evolution_api_key: SecretStr = _plain("EVOLUTION_API_KEY")
    openai_api_key: SecretStr | None = _plain_default("OPENAI_API_KEY", None)
    openai_base_url: str = _plain_default("OPENAI_BASE_URL", "https://api.openai.com/v1")
    jwt_secret: SecretStr = _plain("JWT_SECRET")
    encryption_key: SecretStr = _plain("ENCRYPTION_KEY")
    host: str = _plain_default("HOST", "127.0.0.1")
    port: int = _plain_default("PORT", 5000)
    public_url: str = _plain_default("PUBLIC_URL", "")
    webhook_url: str = _plain_default("WEBHOOK_URL", "")
    log_dir: Path = _plain_default("LOG_DIR", Path("logs"))
    data_dir: Path = _plain_default("DATA_DIR", Path(".rapidflow"))

    environment: str = "rapidflow"  # prefixes Redis keys and channels
    failpoint: str = Field(default="", pattern=r"^([a-z_]+(:[1-9]\d*)?)?$")  # shared/failpoints.py
    log_level: str = _plain_default("LOG_LEVEL", "INFO")
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(
        default=0, ge=0, le=65535
    )  # 0: no listener, or any free port where `metrics_targets` tells it
    metrics_targets: Path | None = None  # a folder of files for Prometheus' file_sd
    metrics_token: SecretStr | None = None
    tracing_headers: SecretStr | None = None  # for the collector: `name=value,name=value`

    delivery: DeliverySettings = DeliverySettings()
    dispatch: DispatchSettings = DispatchSettings()
    pacing: PacingSettings = PacingSettings()
    backoff: BackoffSettings = BackoffSettings()
    breaker: BreakerSettings = BreakerSettings()
    sweep: SweepSettings = SweepSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    retention: RetentionSettings = RetentionSettings()
    model: ModelSettings = ModelSettings()
    pool: PoolSettings = PoolSettings()
    auth: AuthSettings = AuthSettings()
    gateway: GatewaySettings = GatewaySettings()
    http: HttpSettings = HttpSettings()
    memory: MemorySettings = MemorySettings()
    slow: SlowSettings = SlowSettings()
    tracing: TracingSettings = TracingSettings()

    @field_validator("log_level")
    @classmethod
    def _is_a_level(cls, value: str) -> str:
        if value.upper() not in _LEVELS:
            raise ValueError(f"is one of {', '.join(_LEVELS)}")
        return value.upper()

    @field_validator("database_url", "redis_url", "evolution_api_url", "evolution_api_key")
    @classmethod
    def _is_given(cls, value: SecretStr | str) -> SecretStr | str:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not text.strip():
            raise ValueError("is empty")
        return value

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value().encode()) < 32:
            raise ValueError("needs at least 32 random bytes")
        return value

    @field_validator("encryption_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        try:
            size = len(base64.b64decode(value.get_secret_value(), validate=True))
        except binascii.Error:
            size = 0
        if size != 32:
            raise ValueError("needs 32 random bytes in base64 (openssl rand -base64 32)")
        return value

    @field_validator("openai_api_key", "tracing_headers", mode="after")
    @classmethod
    def _blank_is_none(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value and value.get_secret_value().strip() else None

    @field_validator("evolution_api_url", "openai_base_url", "public_url", "webhook_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        return _http_address(value)

    @field_validator("tracing_headers", mode="after")
    @classmethod
    def _are_headers(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not all(name.strip() for name, _ in _pairs(value.get_secret_value())):
            raise ValueError("is name=value, several separated by commas")
        return value

    @model_validator(mode="after")
    def _dies_only_in_tests(self) -> Self:
        if self.failpoint and not self.environment.startswith(("test", "fault")):
            raise ValueError("RAPIDFLOW_FAILPOINT is for the fault suite, never for production")
        return self

    @property
    def tracing_header_pairs(self) -> dict[str, str]:
        """What the collector is sent with every export."""
        given = self.tracing_headers.get_secret_value() if self.tracing_headers else ""
        return {name.strip(): value.strip() for name, value in _pairs(given)}

    @property
    def base_url(self) -> str:
        """Where people reach us."""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def webhook_base_url(self) -> str:
        """Where Evolution reaches us: inside a private network it may be another address."""
        return self.webhook_url or self.base_url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, `NAME_FILE`, `.env`."""
        del file_secret_settings
        return init_settings, env_settings, _FileNamedByEnvironment(settings_cls), dotenv_settings


class _FileNamedByEnvironment(PydanticBaseSettingsSource):
    """`DATABASE_URL_FILE=/run/secrets/url`: the value is the content of that file."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        del field
        for name in (field_name.upper(), f"RAPIDFLOW_{field_name.upper()}"):
            path = os.environ.get(name + _FILE_SUFFIX)
            if path:
                try:
                    return Path(path).read_text("utf-8").strip(), field_name, False
                except OSError as exc:
                    raise SettingsError(f"{name}{_FILE_SUFFIX}: cannot read {path}: {exc}") from exc
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Only the plain, secret-bearing settings can be given as a file."""
        found = {name: self.get_field_value(None, name)[0] for name in _IN_FILES}
        return {name: value for name, value in found.items() if value is not None}


def _in_one_line(error: ValidationError) -> str:
    parts = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "missing":
            parts.append(f"{where} is not set")
        else:
            parts.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}")
    return "; ".join(parts)


def _grouped_names() -> set[str]:
    """`RAPIDFLOW_GROUP__NAME` of every setting in a group."""
    return {
        f"RAPIDFLOW_{group}__{name}".upper()
        for group, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        for name in field.annotation.model_fields
    }


def unknown_variables() -> list[str]:
    """A sentence for each variable of a group that names no setting: a pace or a limit somebody
    believes in force. It stops nothing: the versions of an upgrade read the same variables.

    Names without `__` are let pass: a platform makes some of its own (RAPIDFLOW_API_SERVICE_HOST).
    """
    known = _grouped_names()
    given = {name.upper() for name in (*os.environ, *dotenv_values(".env"))}
    sentences = []
    for name in sorted(given - known):
        if name.startswith("RAPIDFLOW_") and "__" in name:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            sentences.append(f"{name} is no setting" + (f", {near[0]} is one" if near else ""))
    return sentences


def load_settings(**overrides: Any) -> Settings:
    """Read the environment.

    Raises:
        SettingsError: one line that names each missing or wrong variable, and those there are not.
    """
    try:
        return Settings(**overrides)
    except ValidationError as exc:
        raise SettingsError("; ".join([_in_one_line(exc), *unknown_variables()])) from None


@cache
def settings() -> Settings:
    """The settings of this process, read on first use."""
    return load_settings()
