"""The engine with a memory: what is kept, under which key, and that a caller gets nothing of another's."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

from exceptions import UnknownFormat
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.outcome import Outcome, Reason
from optimizers.policy import Effort, Metadata, Policy
from optimizers.recall import Recall, encoder_revision
from optimizers.selftest import ToolReport
from tests.conftest import LIMITS
from tests.helpers import encode, graphic, photo
from utils.concurrency import Slots
from utils.result_cache import COLLAPSED, COMPUTED, HIT, STORED, ResultCache, open_cache
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

JPEG = encode(photo(64, 48), "JPEG", quality=95)
OTHER_WISHES = {
    "quality": 70,
    "auto": True,
    "named": True,
    "lossless": True,
    "min_score": 70.0,
    "max_bytes": 1000,
    "targets": ("png",),
    "metadata": Metadata.NONE,
    "effort": Effort.FAST,
    "background": (0, 0, 0),
}


@pytest.fixture
async def cache() -> AsyncIterator[ResultCache]:
    async with open_cache("", 1 << 20, 1 << 20, 60) as results:
        yield results


class Counting:
    """An engine that counts its runs."""

    def __init__(self, engine: Engine) -> None:
        self.formats = engine.formats
        self.runs = 0
        self._engine = engine

    async def run(self, *args) -> Outcome:
        self.runs += 1
        return await self._engine.run(*args)


@pytest.mark.parametrize("data", [JPEG, encode(graphic(), "GIF")], ids=["jpeg", "gif"])
async def test_a_known_result_says_everything_that_it_said(engine: Engine, cache: ResultCache, data: bytes) -> None:
    counting = Counting(engine)
    recall = Recall(counting, cache, "r")
    first = await recall.run(Source(data, "first.x"), Policy(), {"fetch": 1.0})
    again = await recall.run(Source(data, "mine.x"), Policy(), {"fetch": 2.0})
    assert (first.cache, again.cache, counting.runs) == (STORED, HIT, 1)
    assert again == replace(first, source=Source(data, "mine.x"), spans={"fetch": 2.0}, cache=HIT)


async def test_callers_at_the_same_time_share_the_work_and_not_the_name(engine: Engine, cache: ResultCache) -> None:
    counting = Counting(engine)
    recall = Recall(counting, cache, "r")
    outcomes = await asyncio.gather(*(recall.run(Source(JPEG, f"{n}.jpg"), Policy(), {"fetch": n}) for n in (1, 2)))
    assert counting.runs == 1
    assert [o.cache for o in outcomes] == [STORED, COLLAPSED]
    assert [o.source.filename for o in outcomes] == ["1.jpg", "2.jpg"]
    assert outcomes[1].spans == {"fetch": 2}


def test_every_wish_is_part_of_the_key() -> None:
    assert OTHER_WISHES.keys() == {field.name for field in fields(Policy)}
    recall = Recall(None, None, "r")
    keys = {recall._key(JPEG, replace(Policy(), **{name: wish})) for name, wish in OTHER_WISHES.items()}
    keys |= {
        recall._key(JPEG, Policy()),
        recall._key(JPEG + b"x", Policy()),
        Recall(None, None, "s")._key(JPEG, Policy()),
    }
    assert len(keys) == len(OTHER_WISHES) + 3


def test_the_order_of_accepted_formats_is_no_other_wish() -> None:
    recall = Recall(None, None, "r")
    spellings = [("gif", "jpeg"), ("jpeg", "gif"), ("jpeg", "gif", "jpeg")]
    assert len({recall._key(JPEG, Policy(targets=targets)) for targets in spellings}) == 1


def test_tools_and_settings_change_the_revision() -> None:
    tool = ToolReport("cjpeg", True, "4.1", True)
    revisions = [
        encoder_revision([tool], "0.1.0", 60.0),
        encoder_revision([replace(tool, version="4.2")], "0.1.0", 60.0),
        encoder_revision([replace(tool, works=False)], "0.1.0", 60.0),
        encoder_revision([tool], "0.1.1", 60.0),
        encoder_revision([tool], "0.1.0", 61.0),
    ]
    assert len(set(revisions)) == len(revisions)
    assert revisions[0] == encoder_revision([tool], "0.1.0", 60.0)


async def test_what_a_failed_tool_left_is_not_kept(cache: ResultCache, workers: WorkerPool, tmp_path: Path) -> None:
    nowhere = Engine(ToolRunner(str(tmp_path)), workers, Slots(tmp_path, 1, 2), LIMITS, tool_timeout=60)
    recall = Recall(nowhere, cache, "r")
    png = encode(graphic(), "PNG")
    first = await recall.run(Source(png), Policy())
    assert not first.repeatable
    assert (first.cache, (await recall.run(Source(png), Policy())).cache) == (COMPUTED, COMPUTED)


async def test_what_ran_out_of_time_is_not_kept(engine: Engine, cache: ResultCache) -> None:
    class Late(Counting):
        async def run(self, *args) -> Outcome:
            return replace(await super().run(*args), reason=Reason.TIME_LIMIT)

    recall = Recall(Late(engine), cache, "r")
    assert [(await recall.run(Source(JPEG), Policy())).cache for _ in range(2)] == [COMPUTED, COMPUTED]


async def test_an_error_is_not_kept(engine: Engine, cache: ResultCache) -> None:
    counting = Counting(engine)
    recall = Recall(counting, cache, "r")
    for _ in range(2):
        with pytest.raises(UnknownFormat):
            await recall.run(Source(b"no image"), Policy())
    assert counting.runs == 2


@pytest.mark.parametrize("stored", [b"", b"\xc1", b"\x80", b"\x93\x01\x02\x03", b"\x81\xa4spec\xa4none"])
async def test_nonsense_in_the_cache_is_worked_out_anew(engine: Engine, cache: ResultCache, stored: bytes) -> None:
    recall = Recall(engine, cache, "r")
    await cache.put(recall._key(JPEG, Policy()), stored)
    assert [(await recall.run(Source(JPEG), Policy())).cache for _ in range(2)] == [STORED, HIT]
