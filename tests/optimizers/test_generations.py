"""A file of our own is known for what it is: it does not fade with every pass."""

import pytest

from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.policy import Policy
from tests.helpers import encode, graphic, photo

FINE = {"PNG": {}, "JPEG": {"quality": 97}, "WEBP": {"quality": 97}, "GIF": {}, "TIFF": {}, "AVIF": {"quality": 95}}
PICTURES = {
    f"{kind} as {name}": encode(picture, name, **options)
    for kind, picture in (("photo", photo(400, 300)), ("graphic", graphic(400, 300)))
    for name, options in FINE.items()
}


@pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES.keys())
async def test_a_second_pass_changes_next_to_nothing(data: bytes, engine: Engine) -> None:
    first = await engine.run(Source(data), Policy())
    second = await engine.run(Source(first.data), Policy())
    assert 0.9 * len(first.data) <= len(second.data) <= len(first.data)
