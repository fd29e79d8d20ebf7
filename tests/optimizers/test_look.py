"""What the isolated decoder sees."""

import pytest

from exceptions import UnprocessableImage
from optimizers import look
from optimizers.toolbox import Toolbox
from tests.helpers import encode, photo


async def test_same_pixels_same_digest(tools: Toolbox) -> None:
    small, large = encode(photo(), "PNG", optimize=True), encode(photo(), "PNG", compress_level=0)
    first, second = await tools.call(look.raster, small, "PNG"), await tools.call(look.raster, large, "PNG")
    assert first == second


async def test_truncated_file_is_refused(tools: Toolbox) -> None:
    data = encode(photo(), "JPEG")
    with pytest.raises(UnprocessableImage):
        await tools.call(look.raster, data[: len(data) // 2], "JPEG")
