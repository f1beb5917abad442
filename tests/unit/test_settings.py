"""docs/settings.md names every setting with its default; a name that is none is told."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from shared.errors import SettingsError
from shared.settings import Settings, load_settings, unknown_variables

ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| (?:`([^`]*)`|–) \|( \*file\*)?", re.MULTILINE)
GIVEN = {
    "database_url": "postgresql://h/d",
    "redis_url": "redis://h",
    "evolution_api_url": "http://evolution",
    "evolution_api_key": "k",
    "jwt_secret": "j" * 32,
    "encryption_key": "k" * 43 + "=",
}


def written(value: Any) -> str:
    """A default as the page writes it; empty where there is none."""
    if isinstance(value, tuple):
        return json.dumps([int(one) if isinstance(one, float) else one for one in value])
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value in (None, PydanticUndefined) else str(value)


def variable(name: str, field: FieldInfo) -> str:
    """The name the page uses: the plain one where there is one."""
    plain = field.validation_alias is not None
    return name.upper() if plain else f"RAPIDFLOW_{name.upper()}"


def settings_there_are() -> dict[str, str]:
    """Default by variable."""
    found = {}
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            for knob, inner in group.model_fields.items():
                found[f"RAPIDFLOW_{name}__{knob}".upper()] = written(inner.default)
        else:
            found[variable(name, field)] = written(field.default)
    return found


def test_every_setting_is_documented_with_its_default() -> None:
    page = ROW.findall(Path("docs/settings.md").read_text("utf-8"))
    assert {name: default for name, default, _ in page} == settings_there_are()


def test_what_the_page_says_may_be_a_file_may_be_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = ROW.findall(Path("docs/settings.md").read_text("utf-8"))
    for name, _, is_file in page:
        if is_file:
            setting = name.removeprefix("RAPIDFLOW_").lower()
            value = GIVEN.get(setting, "from=a-file")
            (tmp_path / setting).write_text(f"{value}\n")
            monkeypatch.setenv(f"{name}_FILE", str(tmp_path / setting))
    read = load_settings()
    assert read.evolution_api_url == GIVEN["evolution_api_url"]
    for secret in (read.database_url, read.encryption_key, read.metrics_token, read.openai_api_key):
        assert secret is not None
        assert secret.get_secret_value() in {*GIVEN.values(), "from=a-file"}


def test_a_misspelt_setting_is_told_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAPIDFLOW_PACING__DELAY_MIN_SECOND", "1")
    monkeypatch.setenv("RAPIDFLOW_NOTHING__OF_THE_KIND", "1")
    sentences = [
        "RAPIDFLOW_NOTHING__OF_THE_KIND is no setting",
        "RAPIDFLOW_PACING__DELAY_MIN_SECOND is no setting, RAPIDFLOW_PACING__DELAY_MIN_SECONDS is"
        " one",
    ]
    assert unknown_variables() == sentences
    load_settings(**GIVEN)
    with pytest.raises(SettingsError, match="is empty; RAPIDFLOW_NOTHING__OF_THE_KIND is no"):
        load_settings(**{**GIVEN, "redis_url": ""})


def test_names_a_platform_makes_are_let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPIDFLOW_API_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("RAPIDFLOW_PACING__DELAY_MIN_SECONDS", "31")
    assert load_settings(**GIVEN).pacing.delay_min_seconds == 31


@pytest.mark.parametrize(
    "name", ["database_url", "redis_url", "evolution_api_url", "evolution_api_key"]
)
def test_what_is_needed_and_empty_stops_the_start(name: str) -> None:
    with pytest.raises(SettingsError, match="is empty"):
        load_settings(**{**GIVEN, name: ""})
