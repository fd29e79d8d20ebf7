"""What gcp-storage-emulator leaves out, in front of it, as Google's documentation has it.

Create-only (`ifGenerationMatch=0`), listings in order from `startOffset`, signatures of V4 URLs and their time, tokens;
a `mediaLink` whose name is quoted.
"""

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.storage.front import Answer, Front

MEDIA_LINK = re.compile(rb'("mediaLink": "[^"]*/o/)((?:[^"\\]|\\.)*?)(?=\?generation=)')
EMAIL = "pare@project.iam.gserviceaccount.com"


class GoogleFront(Front):
    """Google Cloud Storage on loopback; its service account's key is made here."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def credentials_file(self, folder: Path) -> str:
        """A service account's file, whose tokens are had here."""
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {"type": "service_account", "client_email": EMAIL, "token_uri": f"{self.url}/token"}
        path = folder / "account.json"
        path.write_text(json.dumps(account | {"private_key": pem.decode(), "private_key_id": "1", "project_id": "p"}))
        return str(path)

    def sign_blob(self, payload: bytes) -> str:
        """IAM's signBlob."""
        return base64.b64encode(self.key.sign(payload, padding.PKCS1v15(), hashes.SHA256())).decode()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        if parts.path == "/token":
            return _json({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
        if "X-Goog-Signature" in query and not self._good(parts.path, parts.query, headers):
            return Answer(403, [])
        if query.get("ifGenerationMatch") == ["0"] and self._exists(parts.path, query, body, headers):
            return _json({"error": {"code": 412, "message": "conditionNotMet"}}, 412)
        answer = super().answer(method, path, headers, body)
        if b'"mediaLink"' in answer.body:
            answer.body = MEDIA_LINK.sub(_quoted, answer.body)
        if method == "GET" and parts.path.endswith("/o") and answer.status == 200:
            answer.body = _in_order(answer.body, query)
        return answer

    def _exists(self, path: str, query: dict[str, list[str]], body: bytes, headers: dict[str, str]) -> bool:
        bucket = path.split("/b/")[1].split("/")[0]
        multipart = query["uploadType"] == ["multipart"]
        name = (
            query["name"][0] if "name" in query else json.loads(body.split(b"\r\n")[3] if multipart else body)["name"]
        )
        where = f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"
        return super().answer("GET", where, {"Host": headers["Host"]}, b"").status == 200

    def _good(self, path: str, query: str, headers: dict[str, str]) -> bool:
        """V4: the signature is over this request, and its time is not up."""
        given = dict(parse_qsl(query))
        signature = bytes.fromhex(given.pop("X-Goog-Signature"))
        made = datetime.strptime(given["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if datetime.now(UTC) > made + timedelta(seconds=int(given["X-Goog-Expires"])):
            return False
        canonical = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(given.items()))
        request = f"GET\n{path}\n{canonical}\nhost:{headers['Host']}\n\nhost\nUNSIGNED-PAYLOAD"
        scope = given["X-Goog-Credential"].partition("/")[2]
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"GOOG4-RSA-SHA256\n{given['X-Goog-Date']}\n{scope}\n{digest}"
        try:
            self.key.public_key().verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


def _quoted(link: re.Match[bytes]) -> bytes:
    return link[1] + quote(json.loads(b'"' + link[2] + b'"'), safe="").encode()


def _in_order(body: bytes, query: dict[str, list[str]]) -> bytes:
    listing = json.loads(body)
    start = query.get("startOffset", [""])[0]
    items = sorted((item for item in listing["items"] if item["name"] >= start), key=lambda item: item["name"])
    most = int(query.get("maxResults", ["1000"])[0])
    return json.dumps(listing | {"items": items[:most]}).encode()


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, [("Content-Type", "application/json")], json.dumps(value).encode())
