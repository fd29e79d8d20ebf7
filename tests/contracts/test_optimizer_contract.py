"""What every format has to hold, run over FORMATS: a new format gets all of it for free."""

import pytest
from PIL import Image

from exceptions import PareError
from optimizers.base import SNIFF_BYTES, Optimizer, Source
from optimizers.engine import Engine
from optimizers.policy import Effort, Metadata, Policy
from optimizers.prediction import Head
from optimizers.router import FORMATS, detect
from optimizers.toolbox import Toolbox
from tests.helpers import encode, graphic, photo

all_formats = pytest.mark.parametrize("optimizer", FORMATS, ids=lambda o: o.spec.name)


def pictures(optimizer: Optimizer) -> list[bytes]:
    """The format's own sample and, where Pillow writes the format, a photograph and a graphic."""
    made = [optimizer.sample()]
    Image.init()
    if optimizer.spec.decoder in Image.SAVE and detect(encode(photo(8, 8), optimizer.spec.decoder)) is optimizer:
        made += [encode(photo(), optimizer.spec.decoder), encode(graphic(), optimizer.spec.decoder)]
    return made


@all_formats
def test_exactly_one_format_claims_its_pictures(optimizer: Optimizer) -> None:
    for data in pictures(optimizer):
        assert [o.spec.name for o in FORMATS if o.sniff(data[:SNIFF_BYTES])] == [optimizer.spec.name]


@all_formats
@pytest.mark.parametrize("policy", [Policy(), Policy(lossless=True), Policy(effort=Effort.FAST)], ids=str)
async def test_fewer_bytes_same_picture(optimizer: Optimizer, policy: Policy, engine: Engine) -> None:
    for data in pictures(optimizer):
        outcome = await engine.run(Source(data), policy)
        after = optimizer.inspect(outcome.data)
        assert len(outcome.data) <= len(data) or optimizer.spec.active
        assert after.displayed_size == outcome.before.displayed_size
        assert (after.frames, after.durations, after.loop) == (
            outcome.before.frames,
            outcome.before.durations,
            outcome.before.loop,
        )
        assert detect(outcome.data) is optimizer


@all_formats
async def test_same_bytes_every_time(optimizer: Optimizer, engine: Engine) -> None:
    for data in pictures(optimizer):
        first, second = [(await engine.run(Source(data), Policy())).data for _ in range(2)]
        assert first == second


@all_formats
async def test_a_second_pass_never_grows(optimizer: Optimizer, engine: Engine) -> None:
    for data in pictures(optimizer):
        once = (await engine.run(Source(data), Policy())).data
        twice = (await engine.run(Source(once), Policy())).data
        assert 0.9 * len(once) <= len(twice) <= len(once)


@all_formats
async def test_cut_short_is_refused_or_answered(optimizer: Optimizer, engine: Engine) -> None:
    data = pictures(optimizer)[-1]
    refused = 0
    for cut in (1, 8, 20, len(data) // 4, len(data) // 2, len(data) - len(data) // 10):
        try:
            await engine.run(Source(data[:cut]), Policy())
        except PareError:
            refused += 1
    assert refused >= 5


@all_formats
@pytest.mark.parametrize("metadata", list(Metadata))
async def test_every_metadata_choice_is_answered(optimizer: Optimizer, metadata: Metadata, engine: Engine) -> None:
    outcome = await engine.run(Source(optimizer.sample()), Policy(metadata=metadata))
    assert outcome.kept == ()


@all_formats
def test_a_head_that_is_whole_tells_what_the_file_does(optimizer: Optimizer) -> None:
    for data in pictures(optimizer):
        assert optimizer.inspect_head(Head.of(data)) == optimizer.inspect(data)
        assert optimizer.counts_frames(Head.of(data))


@all_formats
def test_a_head_is_understood_or_refused(optimizer: Optimizer) -> None:
    """And a size is never made up: the readers of whole files read it."""
    for data in pictures(optimizer):
        whole, understood = optimizer.inspect(data), 0
        for cut in range(1, len(data), max(1, len(data) // 40)):
            head = Head(data[:cut], len(data))
            try:
                info = optimizer.inspect_head(head)
                optimizer.outlook(info, head, Policy(), {})
            except PareError:
                continue
            understood += 1
            assert info.displayed_size == whole.displayed_size
            assert info.frames == whole.frames or not optimizer.counts_frames(head)
        assert understood or len(data) < 3000


@all_formats
@pytest.mark.parametrize("policy", [Policy(), Policy(lossless=True), Policy(quality=20, named=True)], ids=str)
async def test_predictions_stay_within_the_file(optimizer: Optimizer, policy: Policy, tools: Toolbox) -> None:
    for data in pictures(optimizer):
        info = optimizer.inspect(data)
        for seen in ({}, await optimizer.sketch(data, info, policy, tools) or {}):
            found = optimizer.predict(info, Head.of(data), policy, seen)
            assert 0 < found.low <= found.size <= found.high <= len(data)
            assert found.method


@all_formats
async def test_name_and_declared_type_change_nothing(optimizer: Optimizer, engine: Engine) -> None:
    outcome = await engine.run(Source(optimizer.sample(), "holiday.xyz"), Policy())
    assert outcome.spec is optimizer.spec
