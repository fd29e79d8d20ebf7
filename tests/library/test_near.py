"""Near-duplicates: exactly those within the threshold, only the tenant's own; hashes that survive an encoder."""

import random

import pytest
from PIL import Image, ImageOps
from sqlalchemy import delete

from library.database import Database
from library.fingerprint import Look, fingerprint
from library.likeness import same_colours, same_light
from library.repository import near
from library.repository.assets import enroll
from library.repository.tenants import Owner
from library.tables import CATALOG, Asset, Band
from tests.helpers import encode, graphic, photo


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


async def keep(database: Database, owner: Owner, hashes: list[int]) -> tuple[int, dict[str, int]]:
    """A tenant's number, and its assets' hashes by their ids."""
    found = {}
    async with database.writing() as session:
        for number, phash in enumerate(hashes):
            asset = await enroll(session, owner, f"{number:064x}", {"phash": signed(phash)})
            near.note(session, asset)
            found[asset.id] = phash
        return asset.tenant_id, found


@pytest.mark.parametrize("threshold", [0, 3, 5, 8, 12, 15])
async def test_all_within_the_threshold_and_no_other(database: Database, threshold: int) -> None:
    rng = random.Random(threshold)
    sought = rng.getrandbits(64)
    hashes = [sought ^ sum(1 << bit for bit in rng.sample(range(64), rng.randrange(20))) for _ in range(60)]
    tenant, kept = await keep(database, Owner(CATALOG, "shop"), [*hashes, *(rng.getrandbits(64) for _ in range(60))])
    async with database.reading() as session:
        found = await near.near(session, tenant, signed(sought), threshold)
    distances = {asset_id: (phash ^ sought).bit_count() for asset_id, phash in kept.items()}
    assert dict(found) == {asset_id: distance for asset_id, distance in distances.items() if distance <= threshold}
    assert [distance for _, distance in found] == sorted(distance for _, distance in found)


async def test_every_way_of_differing_in_five_bits_of_one_band_is_found(database: Database) -> None:
    tenant, _ = await keep(database, Owner(CATALOG, "shop"), [0b11111 << 16 * band for band in range(4)])
    async with database.reading() as session:
        assert [distance for _, distance in await near.near(session, tenant, 0, 5)] == [5] * 4


async def test_tenants_are_apart_and_what_is_deleted_is_not_found(database: Database) -> None:
    ours, (asset_id,) = await keep(database, Owner(CATALOG, "a"), [7])
    theirs, _ = await keep(database, Owner(CATALOG, "b"), [7])
    async with database.writing() as session:
        assert [found.asset_id for found in await near.near(session, ours, 7, 5)] == [asset_id]
        await session.execute(delete(Asset).filter_by(id=asset_id))
        assert await near.near(session, ours, 7, 5) == []
        assert len(await near.near(session, theirs, 7, 5)) == 1
        await session.execute(delete(Band))


def seen(image: Image.Image, format: str = "JPEG", **options: object) -> Look:
    return fingerprint(encode(image, format, **options), format, 1)


def distance(first: Look, second: Look) -> int:
    return ((first["phash"] ^ second["phash"]) & near.ALL).bit_count()


@pytest.mark.parametrize("image", [photo(300, 200), graphic(300, 200), Image.linear_gradient("L").convert("RGB")])
def test_hashes_outlive_an_encoder_and_a_resize(image: Image.Image) -> None:
    first = seen(image, quality=95)
    for other in (
        seen(image, quality=50),
        seen(image.resize((image.width // 2, image.height // 2)), quality=80),
        seen(image, "WEBP", quality=70),
        seen(image, "PNG"),
    ):
        assert distance(first, other) <= 5
        assert same_light(first["colours"], other["colours"])
        assert same_colours(first["colours"], other["colours"])
    turned = seen(image.transpose(Image.Transpose.ROTATE_90))
    assert distance(first, turned) > 5 or not same_light(first["colours"], turned["colours"])


def test_colours_and_light_are_two_things() -> None:
    grey = photo(240, 160).convert("L")
    red, blue = (seen(ImageOps.colorize(grey, "black", name))["colours"] for name in ("#ff4040", "#4060ff"))
    assert same_light(red, blue) and not same_colours(red, blue)
    flat, other = (seen(Image.new("RGB", (60, 40), name))["colours"] for name in ("white", "navy"))
    assert same_light(flat, other) and not same_colours(flat, other)
    assert not same_light(flat, red)


def test_orientation_is_undone() -> None:
    image = photo(300, 200)
    turned = image.transpose(Image.Transpose.ROTATE_90)
    assert distance(fingerprint(encode(turned, "PNG"), "PNG", 6), seen(image, "PNG")) <= 1


def test_colours_of_a_picture() -> None:
    image = Image.new("RGB", (200, 100), (250, 10, 20))
    image.paste((0, 0, 255), (0, 0, 60, 100))
    found = seen(image, "PNG")
    assert (found["dominant"], found["alpha"]) == ("#fa0a14", False)
    assert len(found["colours"]) == 192
    assert 15 <= len(found["placeholder"]) <= 30
    clear = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    clear.paste((10, 200, 30, 255), (0, 0, 10, 10))
    assert (seen(clear, "PNG")["dominant"], seen(clear, "PNG")["alpha"]) == ("#0ac81e", True)
    assert seen(Image.new("RGBA", (5, 5), (0, 0, 0, 0)), "PNG")["dominant"] == "#ffffff"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16", "RGBA"])
def test_pictures_of_every_kind_are_looked_at(mode: str) -> None:
    image = photo(64, 48).convert("L").convert("I;16") if mode == "I;16" else photo(64, 48).convert(mode)
    assert -(1 << 63) <= seen(image, "JPEG" if mode == "CMYK" else "PNG")["phash"] < 1 << 63


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
def test_the_smallest_pictures_have_everything(size: tuple[int, int]) -> None:
    assert seen(Image.new("RGB", size, "red"), "PNG")["dominant"] == "#ff0000"


def test_a_placeholder_is_a_thumbhash() -> None:
    """Its first bytes say the mean colour, the shape and whether there is transparency."""
    image = Image.new("RGB", (90, 60), (200, 100, 50))
    image.paste((20, 40, 220), (0, 0, 45, 60))
    head = seen(image, "PNG")["placeholder"]
    first, second = int.from_bytes(head[:3], "little"), int.from_bytes(head[3:5], "little")
    light, yellow, reddish = (first & 63) / 63, (first >> 6 & 63) / 31.5 - 1, (first >> 12 & 63) / 31.5 - 1
    blue = light - 2 / 3 * yellow
    red = (3 * light - blue + reddish) / 2
    assert [round(255 * value) for value in (red, red - reddish, blue)] == pytest.approx([110, 70, 135], abs=5)
    assert (first >> 23, second >> 15, second & 7) == (0, 1, 5)
    clear = Image.new("RGBA", (60, 90), (0, 0, 0, 0))
    assert int.from_bytes(seen(clear, "PNG")["placeholder"][:3], "little") >> 23 == 1
