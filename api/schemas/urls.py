"""Addresses tenants give us: only http(s), only hosts that look public."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

MAX_URL: Final = 2048
_PRIVATE_SUFFIXES: Final = (".svc", ".local", ".localhost", ".internal", ".lan", ".home", ".arpa")


_HOST: Final = re.compile(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]+")
#: IPv6 forms that carry an IPv4 address: compatible, translated, NAT64, 6to4.
_EMBEDS_IPV4: Final = tuple(
    ipaddress.ip_network(network)
    for network in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "2002::/16")
)


def check_public_url(url: str) -> str:
    """The same text.

    Raises:
        ValueError: not http(s), with user info, or a host that cannot be public. Names are not
            resolved here: Evolution downloads, so its egress decides in the end.
    """
    if len(url) > MAX_URL or not url.isprintable() or any(char.isspace() for char in url):
        raise ValueError(
            f"precisa ser um endereço http(s) de até {MAX_URL} caracteres, sem espaços"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise ValueError("não é um endereço válido") from exc
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("precisa começar com https:// ou http:// e ter um servidor")
    if port not in (None, 80, 443):
        raise ValueError("precisa usar a porta 80 ou 443")
    if parts.username is not None or parts.password is not None:
        raise ValueError("não pode conter usuário ou senha")
    _check_host(host)
    return url


def _check_host(host: str) -> None:
    if not _HOST.fullmatch(host):  # other readers may see another server in it
        raise ValueError("o servidor só pode ter letras, números, pontos e hifens")
    address = _literal_address(host)
    if address is not None:
        embedded = isinstance(address, ipaddress.IPv6Address) and any(
            address in network for network in _EMBEDS_IPV4
        )
        if not address.is_global or address.is_multicast or embedded:
            raise ValueError("aponta para um endereço que não é público")
        return
    name = host.lower().rstrip(".")
    if "." not in name or name.endswith(_PRIVATE_SUFFIXES):
        raise ValueError("aponta para um servidor que não é público")


def _literal_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    last = host.rstrip(".").rpartition(".")[2]
    if last.isdigit() or last.lower().startswith("0x"):  # 0x7f.1, 2130706433: read as IPv4
        raise ValueError("aponta para um endereço que não é público")
    return None
