"""Passwords: argon2id, a bounded number of hashes at once, the same time for unknown users."""

import contextlib
import secrets
import threading
from collections.abc import Iterator
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from shared.errors import FieldProblem, InvalidRequest, TemporarilyUnavailable

SHORTEST: Final = 12
LONGEST: Final = 128
_WAIT_SECONDS: Final = 2.0

#: What people choose first, without digits and signs at the ends.
_COMMON_TEXT: Final = (
    "password senha mudar123 qwertyuiop qwerty asdfghjkl letmein iloveyou welcome administrator "
    "admin rapidflow whatsapp brasil flamengo corinthians palmeiras futebol mudarsenha minhasenha "
    "trocarsenha segredo teste changeme"
)
_COMMON: Final = frozenset(_COMMON_TEXT.split())
_WORDS_TEXT: Final = (
    "abacate anzol areia balde barco bolo brisa cabra cacau cafe canoa carta cedro chuva cobre "
    "coral dado doce duna farol festa figo folha fonte forno gaita ganso garfo gelo globo grama "
    "horta ilha jambo janela lago lenha lima linho lobo lousa lua manga mapa mar mel mesa milho "
    "moeda monte navio neve ninho norte nuvem olmo onda ostra palco pato pedra pente pera piano "
    "pinho pluma ponte porto prata praia quilo rede remo rio rocha roda rosa sabia sal sapo selva "
    "seta sino sol sopa sul tatu tela terra tigre tinta torre trem trigo tulipa uva vale vaso vela "
    "vento verde vidro vila vime zebra"
)
_WORDS: Final = tuple(_WORDS_TEXT.split())

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


class Passwords:
    """Hashing for one process: at most `at_once` hashes run, the rest wait two seconds."""

    def __init__(self, at_once: int) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._decoy = _hasher.hash(secrets.token_urlsafe(24))

    def hash(self, password: str) -> str:
        """Argon2id string with its own salt.

        Raises:
            TemporarilyUnavailable: too many hashes are being made.
        """
        with self._slot():
            return _hasher.hash(password)

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password; None (unknown user) costs the same time.

        Raises:
            TemporarilyUnavailable: too many hashes are being made.
        """
        with self._slot():
            try:
                return _hasher.verify(password_hash or self._decoy, password[: LONGEST + 1]) and (
                    password_hash is not None
                )
            except (VerificationError, InvalidHashError):
                return False

    def needs_rehash(self, password_hash: str) -> bool:
        """Made with other parameters than today's."""
        return _hasher.check_needs_rehash(password_hash)

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=_WAIT_SECONDS):
            raise TemporarilyUnavailable(
                "Muitas entradas ao mesmo tempo; tente de novo em instantes.",
                code="login_busy",
                retry_after_seconds=2,
            )
        try:
            yield
        finally:
            self._slots.release()


def check_password(password: str, *, path: str = "password") -> None:
    """Refuse what is too short, too long or among the first guesses.

    Raises:
        InvalidRequest: naming `path`.
    """
    problem = _fault(password)
    if problem:
        raise InvalidRequest(problem, fields=[FieldProblem(path, problem, "weak_password")])


def readable_password() -> str:
    """Five words and a number, about 45 bits: for the first sign-in, to be typed by a person."""
    words = [secrets.choice(_WORDS) for _ in range(5)]
    return "-".join([*words, str(secrets.randbelow(9000) + 1000)])


def _fault(password: str) -> str:
    if len(password) < SHORTEST:
        return f"A senha precisa de pelo menos {SHORTEST} caracteres."
    if len(password) > LONGEST:
        return f"A senha pode ter no máximo {LONGEST} caracteres."
    core = password.casefold().strip("0123456789!@#$%&*.-_ ")
    if core in _COMMON or len(set(password)) < 4:
        return "Esta senha é fácil demais de adivinhar."
    return ""
