"""Webhooks' signatures as the Standard Webhooks specification has them (1.0.0: symmetric, `v1`)."""

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
DERIVED_FOR = b"pare webhooks"


def secret_of(text: str) -> bytes:
    """The bytes that sign: those behind `whsec_` in base64, or the text's own. Raises ValueError."""
    if not text.startswith(PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("what follows whsec_ is not base64") from error


def derived_secret(root: str) -> str:
    """A secret of its own for webhooks, made of one that signs something else; spelled as receivers expect it."""
    return PREFIX + base64.b64encode(hmac.digest(root.encode(), DERIVED_FOR, hashlib.sha256)).decode()


def signed_headers(secret: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """What a receiver checks: the message's id, when it was sent (seconds since 1970), and the signature over all."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}
