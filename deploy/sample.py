"""The sample campaign of `make run`: the contact list of `examples/`, sent through the sandbox."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from rich.console import Console

from deploy.api_client import ApiClient, ApiError, UnreachableError, find_token
from deploy.commands.send import CampaignDraft, create_and_follow
from deploy.contact_file import read_contact_file
from deploy.local.errors import LocalError

_MESSAGE = (
    "Olá {{nome}}! Seu pedido {{pedido}} já saiu para {{cidade}}. Responda SAIR para não receber."
)


def sample_file() -> Path:
    """`examples/contatos.csv` of this checkout."""
    return Path(str(resources.files("deploy"))).parent / "examples" / "contatos.csv"


def send_sample(environment: Mapping[str, str], *, console: Console) -> int:
    """Send the sample without delays and follow it; the exit code of `rapidflow send`.

    Raises:
        LocalError: the API refused it, in one sentence.
    """
    contacts = read_contact_file(sample_file())
    draft = CampaignDraft("Campanha de exemplo", _MESSAGE, delay_min=0, delay_max=0)
    url = f"http://{environment['HOST']}:{environment['PORT']}"
    with ApiClient(url, find_token(None, environment["DATA_DIR"])) as client:
        try:
            return create_and_follow(client, contacts, draft, console)
        except (ApiError, UnreachableError) as exc:
            raise LocalError(f"The sample campaign could not be sent: {exc}") from exc
