"""One contact's text: asked of the model, judged, or given up with the reason why."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.model_prompt import build_prompt
from shared.domain.model_text import clean_text, find_fault
from shared.errors import ModelError
from shared.providers.model import ModelClient, estimate_tokens
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class WrittenText:
    """`body` None: the template goes, for `reason`. `tokens` were spent either way."""

    body: str | None
    reason: str | None
    tokens: int = 0


def template_goes(reason: str, *, tokens: int = 0) -> WrittenText:
    """The model is not asked, or not believed."""
    return WrittenText(None, reason, tokens)


class TextWriter:
    """Asks with one deadline per contact. Made inside the event loop it works in."""

    def __init__(self, client: ModelClient, *, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    @classmethod
    def of(cls, settings: Settings) -> "TextWriter | None":
        """None: this server has no model. The first one in a process takes a second to make."""
        if settings.openai_api_key is None:
            return None
        client = ModelClient(
            base_url=settings.openai_base_url,
            api_key=settings.openai_api_key.get_secret_value(),
            max_output_tokens=settings.model.max_output_tokens,
        )
        return cls(client, seconds=settings.model.call_seconds)

    async def write(self, model: str, template: str, variables: Mapping[str, str]) -> WrittenText:
        """The text for the contact of `variables` (as `render` takes them); never raises for what
        the model does."""
        prompt = build_prompt(template, variables)
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._client.complete(model, prompt, seconds=self._seconds)
        except TimeoutError:
            spent = estimate_tokens(prompt.system + prompt.user)
            return template_goes("model_timeout", tokens=spent)
        except ModelError as error:
            return template_goes(error.code, tokens=error.tokens)
        text = clean_text(answer.text)
        fault = find_fault(text, template, variables)
        if fault is not None:
            return template_goes(fault, tokens=answer.tokens)
        return WrittenText(text, None, answer.tokens)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()
