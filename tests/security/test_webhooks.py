"""Signatures of webhooks, by the specification's own example."""

import pytest

from security.webhooks import derived_secret, secret_of, signed_headers


def test_the_specifications_example() -> None:
    headers = signed_headers(
        secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_plain_text_signs_with_its_own_bytes() -> None:
    assert secret_of("abc") == b"abc"


def test_what_is_not_base64_is_refused() -> None:
    with pytest.raises(ValueError, match="base64"):
        secret_of("whsec_?")


def test_a_derived_secret_is_another_one() -> None:
    assert secret_of(derived_secret("a")) not in (b"a", secret_of(derived_secret("b")))
    assert len(secret_of(derived_secret("a"))) == 32
