"""Supabase's REST paths: its signed URLs end, its refusals are named, its key goes nowhere else."""

import asyncio

import httpx
import pytest

from exceptions import InvalidKey, StorageError
from storage.options import StoreOptions, SupabaseOptions
from storage.stores import open_store
from tests.storage.front import Front
from tests.stores import Place


async def test_signed_urls_end(supabase_place: Place) -> None:
    store = open_store(supabase_place.url, supabase_place.options)
    await store.put("k", b"x", content_type="image/png")
    url = await store.signed_url("k", seconds=1)
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url)).status_code == 200
        await asyncio.sleep(1.1)
        assert (await client.get(url)).status_code == 400
        assert (await client.get(store.public_url("k"))).content == b"x"
    await store.close()


async def test_a_key_that_supabase_refuses_is_the_callers_mistake(supabase_place: Place) -> None:
    store = open_store(supabase_place.url, supabase_place.options)
    with pytest.raises(InvalidKey):
        await store.put("ü.png", b"x", content_type="image/png")
    await store.close()


async def test_a_wrong_service_key_is_said(supabase_place: Place, supabase_front: Front) -> None:
    options = StoreOptions(supabase=SupabaseOptions(supabase_front.url, "wrong"))
    store = open_store(supabase_place.url, options)
    with pytest.raises(StorageError, match="credentials"):
        await store.put("k", b"x", content_type="image/png")
    await store.close()


async def test_answers_that_cannot_be_understood(supabase_place: Place, supabase_front: Front) -> None:
    store = open_store(supabase_place.url, supabase_place.options)
    supabase_front.fail(200)
    with pytest.raises(StorageError, match="understood"):
        await store.stat("k")
    await store.close()


async def test_listings_of_more_than_a_page(supabase_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.supabase.PAGE", 3)
    store = open_store(supabase_place.url, supabase_place.options)
    wanted = sorted([f"p/{number}" for number in range(7)] + ["p/sub/x", "p/sub/y"])
    for key in wanted:
        await store.put(key, b"x", content_type="image/png")
    assert [info.key async for info in store.list("p")] == wanted
    await store.close()
