"""What passes by itself is tried again, what does not is said; over real connections that break on purpose."""

import time
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from exceptions import AlreadyExists, StorageError, StorageTimeout, StorageUnavailable, status_of
from storage.store import Store
from storage.stores import Stores, open_store
from tests.storage.front import DROP, HANG, LOSE, Front
from tests.stores import Place

TRIES = 4


@pytest.fixture(params=["s3", "gcs", "supabase"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found.patient_for(30)


@pytest.fixture
def front(place: Place) -> Front:
    assert place.front
    return place.front


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    """A store that has had its tokens, so that faults hit what they are meant for."""
    opened = open_store(place.url, place.options)
    await opened.put("there", b"data", content_type="image/png")
    yield opened
    await opened.close()


@pytest.mark.parametrize("fault", [500, 502, 503, 504, 429, DROP])
async def test_passing_faults_are_tried_again(store: Store, front: Front, fault: int) -> None:
    front.fail(fault, fault)
    await store.put("k", b"data", content_type="image/png")
    front.fail(fault, fault)
    assert (await store.get("k", max_bytes=10)).data == b"data"
    front.fail(fault, fault)
    assert [info.key async for info in store.list()] == ["k", "there"]
    front.fail(fault, fault)
    await store.delete("k")
    assert not front.faults


@pytest.mark.parametrize("fault", [503, DROP])
async def test_a_fault_that_stays_is_said(store: Store, front: Front, fault: int) -> None:
    front.fail(*[fault] * TRIES)
    with pytest.raises(StorageUnavailable) as failed:
        await store.put("k", b"data", content_type="image/png")
    assert status_of(failed.value).status == 502
    assert not front.faults, "tried as often as is right"


@pytest.mark.parametrize("fault", [400, 403])
async def test_refusals_are_not_tried_again(store: Store, front: Front, fault: int) -> None:
    front.fail(fault)
    with pytest.raises(StorageError) as failed:
        await store.put("k", b"data", content_type="image/png")
    assert not isinstance(failed.value, StorageUnavailable)
    assert failed.value.extensions == {"store_status": fault}
    assert len(front.asked) == 1


async def test_create_only_knows_its_own_object_when_the_answer_was_lost(store: Store, front: Front) -> None:
    front.fail(LOSE)
    await store.put("k", b"data", content_type="image/png", create_only=True)
    assert (await store.get("k", max_bytes=10)).data == b"data"


async def test_create_only_knows_anothers_object_when_an_answer_was_lost(store: Store, front: Front) -> None:
    for others in (b"anothers", b"else", b""):
        await store.put("k", others, content_type="image/png")
        front.fail(DROP)
        with pytest.raises(AlreadyExists):
            await store.put("k", b"data", content_type="image/png", create_only=True)
        assert (await store.get("k", max_bytes=10)).data == others


async def test_a_store_that_hangs_ends_with_504(place: Place, front: Front) -> None:
    hasty = open_store(place.url, place.patient_for(0.6).options)
    await hasty.put("there", b"data", content_type="image/png")
    front.fail(*[HANG] * TRIES)
    started = time.monotonic()
    with pytest.raises(StorageTimeout) as failed:
        await hasty.get("there", max_bytes=10)
    assert status_of(failed.value).status == 504
    assert time.monotonic() - started < 5
    front.faults.clear()
    assert (await hasty.get("there", max_bytes=10)).data == b"data"
    await hasty.close()


async def test_nobody_there_ends_with_502(place: Place, front: Front) -> None:
    front.fail(*[DROP] * 20)
    unlucky = open_store(place.url, place.options)
    with pytest.raises(StorageError) as failed:
        await unlucky.stat("k")
    assert status_of(failed.value).status == 502
    front.faults.clear()
    await unlucky.close()


async def test_failures_name_no_secret(store: Store, front: Front) -> None:
    front.fail(403)
    with capture_logs() as lines, pytest.raises(StorageError) as failed:
        await store.put("k", b"data", content_type="image/png")
    told = f"{lines} {failed.value.detail}"
    assert "storage failed" in told
    assert not any(word in told for word in ("secret", "service-key", "PRIVATE", "Bearer", "Signature"))


async def test_health_of_a_store(store: Store, front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.store.PROBE_SECONDS", 0.5)
    assert await store.answers()
    front.fail(403)
    assert await store.answers(), "S3 says so of what is missing where listing is not allowed"
    for fault in (503, DROP, HANG):
        front.fail(fault)
        assert not await store.answers()
    assert await store.answers()


async def test_health_is_looked_at_now_and_then(place: Place, front: Front) -> None:
    stores = Stores(place.url, place.options)
    front.fail()
    assert await stores.default_answers()
    asked = len(front.asked)
    assert asked > 0
    assert await stores.default_answers()
    assert len(front.asked) == asked
    await stores.close()
