"""S3 by another hand's eyes: what arrives, what is signed, how a bucket is addressed."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from exceptions import StorageError, StorageUnavailable
from storage.options import S3Options, StoreOptions
from storage.stores import open_store
from tests.conftest import free_port
from tests.stores import Place, s3_client


async def test_boto3_reads_what_was_put(s3_place: Place) -> None:
    assert s3_place.front
    store = open_store(s3_place.url, s3_place.options)
    names = ["a b#c.png", "ü/ñ?.png", "x%25.png", "q'()[]{}^*<>|\"&=+;:@,$!~.png"]
    for name in names:
        await store.put(name, name.encode(), content_type="image/png", cache_control="max-age=9")
    bucket = s3_place.url.removeprefix("s3://")
    with s3_client(s3_place.front.url) as client:
        assert [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]] == sorted(names)
        for name in names:
            found = client.get_object(Bucket=bucket, Key=name)
            assert (found["Body"].read(), found["ContentType"]) == (name.encode(), "image/png")
            assert found["CacheControl"] == "max-age=9"


async def test_encryption_is_asked_for(s3_place: Place) -> None:
    assert s3_place.front
    options = S3Options(s3_place.front.url, "us-east-1", "id", "secret", encryption="aws:kms", kms_key_id="key-1")
    await open_store(s3_place.url, StoreOptions(s3=options)).put("k", b"x", content_type="image/png")
    with s3_client(s3_place.front.url) as client:
        found = client.head_object(Bucket=s3_place.url.removeprefix("s3://"), Key="k")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"].rpartition("/")[2]) == ("aws:kms", "key-1")


async def test_a_listing_of_more_than_a_page(s3_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.s3.PAGE", 3)
    store = open_store(s3_place.url, s3_place.options)
    wanted = [f"p/{number}" for number in range(8)]
    for key in wanted:
        await store.put(key, b"x", content_type="image/png")
    assert [info.key async for info in store.list("p")] == wanted


async def test_a_name_that_spoils_the_listing_is_said(s3_place: Place) -> None:
    """obstore lists all of a bucket or nothing."""
    assert s3_place.front
    with s3_client(s3_place.front.url) as client:
        client.put_object(Bucket=s3_place.url.removeprefix("s3://"), Key="a//b", Body=b"")
    s3_place.front.fail()
    with pytest.raises(StorageError, match="name") as failed:
        _ = [info async for info in open_store(s3_place.url, s3_place.options).list()]
    assert not isinstance(failed.value, StorageUnavailable)
    assert len(s3_place.front.asked) == 1


async def test_signed_urls_have_the_right_signature_and_time(s3_place: Place) -> None:
    """SigV4 computed here from its description, as moto does not check it."""
    url = await open_store(s3_place.url, s3_place.options).signed_url("a b/ü.png", seconds=90)
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    signature = given.pop("X-Amz-Signature")
    assert given["X-Amz-Expires"] == "90"
    made = datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)
    query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(given.items()))
    request = f"GET\n{parts.path}\n{query}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    scope = given["X-Amz-Credential"].partition("/")[2]
    text = f"AWS4-HMAC-SHA256\n{given['X-Amz-Date']}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4secret"
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    assert hmac.digest(key, text.encode(), "sha256").hex() == signature


@pytest.mark.parametrize(
    ("options", "url"),
    [
        (S3Options(region="eu-west-1"), "https://s3.eu-west-1.amazonaws.com/photos/k"),
        (S3Options(region="eu-west-1", path_style=False), "https://photos.s3.eu-west-1.amazonaws.com/k"),
        (S3Options("https://minio.example:9000/"), "https://minio.example:9000/photos/k"),
        (S3Options("https://x.supabase.co/storage/v1/s3"), "https://x.supabase.co/storage/v1/s3/photos/k"),
        (S3Options("https://oss.example", path_style=False), "https://photos.oss.example/k"),
    ],
)
async def test_addresses(options: S3Options, url: str) -> None:
    signer = S3Options(options.endpoint, options.region, "id", "secret", options.path_style)
    store = open_store("s3://photos", StoreOptions(s3=signer))
    assert store.public_url("k") == url
    assert (await store.signed_url("k", seconds=60)).partition("?")[0] == url


async def test_nobody_listens() -> None:
    options = S3Options(f"http://127.0.0.1:{free_port()}", "us-east-1", "id", "secret")
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        await open_store("s3://photos", StoreOptions(s3=options)).stat("k")
