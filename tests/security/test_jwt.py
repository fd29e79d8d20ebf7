"""Tokens: every way in which one can be wrong, and whose the right ones are."""

import base64
import hmac
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from exceptions import Unauthorized, Unavailable
from security.jwt import ALGORITHMS, Tokens, bearer_of

SECRET = "s" * 64
OTHER = "o" * 64
LATER, EARLIER = 4_102_444_800, 946_684_800
"""2100 and 2000: fixed, as they are in the tests' names."""
TOKENS = Tokens(SECRET)


def token(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"sub": "ann", "exp": LATER, **claims}, secret, algorithm)


def test_a_right_one_says_whose_it_is() -> None:
    assert TOKENS.subject(token()) == "ann"
    assert TOKENS.subject(TOKENS.issue("bob", LATER)) == "bob"


def test_claims_that_are_not_ours_to_judge_are_no_obstacle() -> None:
    assert TOKENS.subject(token(aud="authenticated", iss="x", iat=LATER, role="user")) == "ann"


def test_one_without_an_end_is_taken() -> None:
    assert TOKENS.subject(jwt.encode({"sub": "ann"}, SECRET)) == "ann"


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "",
        "a",
        "a.b.c",
        "é.é.é",
        token(OTHER),
        token()[:-2],
        token() + "x",
        token(algorithm="HS512"),
        token(exp=EARLIER),
        token(exp="soon"),
        token(nbf=LATER),
        jwt.encode({"sub": "ann", "exp": LATER}, "", "none"),
        jwt.encode({"exp": LATER}, SECRET),
        token(sub=""),
        token(sub="a" * 256),
        token(sub="a\x00b"),
        jwt.api_jws.encode(b'{"sub": 7}', SECRET),
        jwt.api_jws.encode(b'{"sub": ["ann"]}', SECRET),
        jwt.api_jws.encode(b"[]", SECRET),
        jwt.api_jws.encode(b"[" * 5000, SECRET),
    ],
)
def test_a_wrong_one_is_refused(wrong: str | None) -> None:
    with pytest.raises(Unauthorized):
        TOKENS.subject(wrong)


def test_an_expired_one_says_so() -> None:
    with pytest.raises(Unauthorized, match="expired"):
        TOKENS.subject(token(exp=EARLIER))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_public_key_verifies_and_is_no_secret(algorithm: str) -> None:
    own: Any = (
        rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
    )
    public = own.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    tokens = Tokens(public.decode(), algorithm)
    assert tokens.subject(jwt.encode({"sub": "ann"}, own, algorithm)) == "ann"
    with pytest.raises(Unauthorized):
        tokens.subject(token())
    head, claims = (base64.urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg": "HS256"}', b'{"sub": "ann"}'))
    forged = hmac.digest(public, head + b"." + claims, "sha256")  # by hand: PyJWT refuses to sign so
    with pytest.raises(Unauthorized):
        tokens.subject(b".".join((head, claims, base64.urlsafe_b64encode(forged).rstrip(b"="))).decode())


def test_no_algorithm_is_none() -> None:
    assert "none" not in ALGORITHMS


def test_without_a_key_nobody_is_let_in() -> None:
    with pytest.raises(Unavailable, match="JWT_SECRET_KEY"):
        Tokens("").subject(token())


@pytest.mark.parametrize(
    ("header", "found"),
    [("Bearer a.b.c", "a.b.c"), ("bearer  x ", "x"), ("Basic YTpi", None), ("", None), ("Bearer", "")],
)
def test_bearers(header: str, found: str | None) -> None:
    assert bearer_of(header) == found
