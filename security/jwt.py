"""Tokens of /api/v1: whose they are, once their signature and their times are right."""

import unicodedata

from exceptions import Unauthorized, Unavailable

ALGORITHMS = frozenset(
    {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
)
MAX_SUBJECT = 255
"""Characters of a user's name."""


class Tokens:
    """Reads JSON Web Tokens of one algorithm; `key` is the secret that signs them, or a public key in PEM.

    The algorithm is the setting's, never the token's: nobody can pass a public key off as a secret, or sign with none.
    """

    def __init__(self, key: str, algorithm: str = "HS256") -> None:
        self._key = key
        self._algorithm = algorithm

    def __bool__(self) -> bool:
        return bool(self._key)

    def subject(self, token: str | None) -> str:
        """The user whose token it is. Raises Unavailable without a key, Unauthorized."""
        if not self._key:
            raise Unavailable("JWT_SECRET_KEY is not set, so nobody can be told from anybody else")
        if not token:
            raise Unauthorized("a token is required: Authorization: Bearer TOKEN")
        return _name(self._claims(token))

    def issue(self, subject: str, expires: int) -> str:
        """A token for a user until `expires`, in seconds since 1970; only where the key is a secret."""
        import jwt

        return jwt.encode({"sub": subject, "exp": expires}, self._key, self._algorithm)

    def _claims(self, token: str) -> dict[str, object]:
        import jwt  # a tenth of a second, which a service without users is spared

        # The audience and the clock of whoever issued it are not ours to judge.
        options: jwt.types.Options = {"verify_aud": False, "verify_iat": False, "require": ["sub"]}
        try:
            return jwt.decode(token, self._key, [self._algorithm], options)
        except jwt.ExpiredSignatureError:
            raise Unauthorized("the token has expired") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthorized("the token is not valid") from None


def bearer_of(authorization: str) -> str | None:
    """The token in `Bearer TOKEN`; None without one."""
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _name(claims: dict[str, object]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise Unauthorized(f"the token's `sub` has to be a text of 1 to {MAX_SUBJECT} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in subject):
        raise Unauthorized("the token's `sub` has a control character")
    return subject
