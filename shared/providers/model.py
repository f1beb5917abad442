"""An OpenAI-compatible language model: one completion, its answer or our error.

`openai` costs most of a second and 50 MB to import, so a process imports it with its first client.
"""

from dataclasses import dataclass
from typing import Any, Final

from shared.domain.model_prompt import Prompt
from shared.errors import ModelError

_CONNECT_SECONDS: Final = 3.0
_RETRIES: Final = 1  # a busy or broken answer, inside the caller's deadline
_CHARACTERS_PER_TOKEN: Final = 3  # on the safe side for Portuguese


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote, as it is, and what it cost."""

    text: str
    tokens: int


class ModelClient:
    """Belongs to one event loop; it never logs, and never touches the database."""

    def __init__(self, *, base_url: str, api_key: str, max_output_tokens: int) -> None:
        import openai

        self._openai = openai
        self._max_output_tokens = max_output_tokens
        self._client = openai.AsyncOpenAI(
            base_url=base_url, api_key=api_key, max_retries=_RETRIES, timeout=_CONNECT_SECONDS
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def complete(self, model: str, prompt: Prompt, *, seconds: float) -> Completion:
        """One completion.

        Raises:
            ModelError: refused, unreachable, or the answer is not whole.
        """
        openai = self._openai
        spent = estimate_tokens(prompt.system + prompt.user)
        try:
            answer = await self._client.chat.completions.create(
                model=model,
                messages=[
                    {"role": "system", "content": prompt.system},
                    {"role": "user", "content": prompt.user},
                ],
                max_completion_tokens=self._max_output_tokens,
                timeout=openai.Timeout(seconds, connect=_CONNECT_SECONDS),
            )
        except openai.APITimeoutError as exc:
            raise ModelError("model_timeout", tokens=spent) from exc
        except openai.RateLimitError as exc:
            raise ModelError("model_busy") from exc
        except openai.InternalServerError as exc:
            raise ModelError("model_unavailable") from exc
        except (openai.AuthenticationError, openai.PermissionDeniedError) as exc:
            raise ModelError("model_unavailable") from exc
        except openai.APIStatusError as exc:
            raise ModelError("model_refused") from exc
        except openai.APIConnectionError as exc:
            raise ModelError("model_unavailable") from exc
        except (openai.OpenAIError, ValueError) as exc:  # a body that is not what it should be
            raise ModelError("model_unclear", tokens=spent) from exc
        return _read(answer, spent)


def estimate_tokens(text: str) -> int:
    """An upper guess, for answers that do not say what they cost."""
    return len(text) // _CHARACTERS_PER_TOKEN + 1


def _read(answer: Any, spent: int) -> Completion:
    """The one choice; compatible servers leave out or bend what OpenAI promises."""
    choices = getattr(answer, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(choice, "message", None)
    text = getattr(message, "content", None)
    usage = getattr(getattr(answer, "usage", None), "total_tokens", None)
    written = text if isinstance(text, str) else ""
    tokens = usage if isinstance(usage, int) and usage > 0 else spent + estimate_tokens(written)
    finish = getattr(choice, "finish_reason", None)
    if getattr(message, "refusal", None) or finish == "content_filter":
        raise ModelError("model_refused", tokens=tokens)
    if finish == "length":
        raise ModelError("model_cut", tokens=tokens)
    if not isinstance(text, str):
        raise ModelError("model_unclear", tokens=tokens)
    return Completion(text, tokens)
