"""From a request to a picture, as Tinify's clients send one."""

import time
from dataclasses import dataclass, field

from exceptions import BadRequest
from optimizers.base import Source
from routers.body import Body
from routers.connection import while_connected
from routers.intake import JSON_LIMIT
from routers.tinify_options import SourceRequest
from utils.url_fetch import Fetcher


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, and the milliseconds that fetching it took."""

    source: Source
    spans: dict[str, float] = field(default_factory=dict)


async def read_picture(body: Body, fetcher: Fetcher) -> Picture:
    """The picture of the body or of the URL in it. Raises BadRequest, and what reading and fetching do."""
    kind = body.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # clients give raw bytes no type, or that of a form
        data = await body.read(body.limits.bytes)
        if not data:
            raise BadRequest("the image is empty")
        return Picture(Source(data))
    wish = SourceRequest.from_json(await body.read(JSON_LIMIT))
    started = time.perf_counter()
    fetched = await while_connected(body.request, fetcher.fetch(wish.source.url, body.charge))
    spans = {"fetch": (time.perf_counter() - started) * 1000}
    return Picture(Source(fetched.data, fetched.filename), spans)
