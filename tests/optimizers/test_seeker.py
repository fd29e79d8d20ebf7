"""Wishes that meet and wishes that conflict, over made-up encoders whose scores and sizes are known."""

from dataclasses import dataclass, field, replace

import pytest

from optimizers.base import Candidate, Encoder
from optimizers.policy import Policy, typical_score
from optimizers.seeker import MARGIN, Part, Seeker

FLOOR = 60.0


@dataclass
class Studio:
    """Encoders by their bytes at quality 0, judged by the typical curve moved by `shift`."""

    shift: float = 0.0
    tried: list[tuple[str, int]] = field(default_factory=list)

    def encoder(self, method: str, weight: int = 100, *, highest: int = 100, probed: bool = False) -> Encoder:
        async def encode(quality: int) -> Candidate:
            self.tried.append((method, quality))
            return Candidate(self.file(quality, weight), method, lossless=False, quality=quality)

        async def probe(png: bytes, quality: int) -> bytes:
            self.tried.append((f"part by {method}", quality))
            return self.file(quality, weight)

        return Encoder(method, encode, probe if probed else None, highest)

    def file(self, quality: int, weight: int) -> bytes:
        return bytes([quality]) * round(weight * 2 ** (quality / 20))

    async def judge(self, data: bytes) -> float | None:
        return min(100.0, typical_score(data[0]) + self.shift)

    async def best(self, policy: Policy, *encoders: Encoder, part: bool = False) -> Candidate | None:
        seeker = Seeker(policy, FLOOR, self.judge)
        return await seeker.best(encoders, Part(b"", self.judge) if part else None)


@pytest.mark.parametrize(("shift", "low", "high"), [(-8, 90, 97), (0, 83, 86), (8, 73, 76)])
async def test_auto_takes_the_least_quality_that_reaches_the_score(shift: float, low: int, high: int) -> None:
    studio = Studio(shift)
    found = await studio.best(Policy(auto=True), studio.encoder("one"))
    assert found is not None and found.quality is not None and found.score is not None
    assert low <= found.quality <= high and 80 <= found.score <= 81.5
    assert len(studio.tried) <= 4


async def test_the_encoder_with_the_smallest_file_wins() -> None:
    studio = Studio()
    found = await studio.best(Policy(auto=True), studio.encoder("heavy", 120), studio.encoder("light", 80))
    assert found is not None and found.method == "light"


async def test_a_rival_that_cannot_win_any_more_is_let_go() -> None:
    studio = Studio()

    async def encode(quality: int) -> Candidate:
        studio.tried.append(("heavy and poor", quality))
        return Candidate(studio.file(max(1, quality - 20), 400), "heavy and poor", lossless=False, quality=quality)

    found = await studio.best(Policy(auto=True), studio.encoder("light"), Encoder("heavy and poor", encode))
    assert found is not None and found.method == "light"
    assert [method for method, _ in studio.tried].count("heavy and poor") == 1


async def test_of_a_large_picture_only_the_winner_on_a_part_of_it_encodes_the_whole() -> None:
    studio = Studio()
    encoders = [studio.encoder("heavy", 120, probed=True), studio.encoder("light", 80, probed=True)]
    found = await studio.best(Policy(auto=True), *encoders, part=True)
    assert found is not None and found.method == "light"
    assert {method for method, _ in studio.tried if "part" not in method} == {"light"}


async def test_a_named_quality_is_raised_for_a_score_and_never_lowered() -> None:
    studio = Studio()
    raised = await studio.best(Policy(quality=60, min_score=80), studio.encoder("one"))
    assert raised is not None and raised.quality in (84, 85)
    kept = await studio.best(Policy(quality=95, min_score=80), studio.encoder("one"))
    assert kept is not None and kept.quality == 95


async def test_a_named_quality_is_lowered_for_a_budget_and_never_raised() -> None:
    studio = Studio()
    encoder = studio.encoder("one")
    lowered = await studio.best(Policy(quality=80, max_bytes=1000), encoder)
    assert lowered is not None and 950 <= len(lowered.data) <= 1000
    kept = await studio.best(Policy(quality=80, max_bytes=99_000), encoder)
    assert kept is not None and kept.quality == 80


async def test_a_budget_takes_the_encoder_that_looks_best_in_it() -> None:
    studio = Studio()
    found = await studio.best(Policy(max_bytes=1000), studio.encoder("heavy", 120), studio.encoder("light", 80))
    assert found is not None and found.method == "light" and len(found.data) <= 1000


async def test_a_score_that_was_named_comes_before_the_budget() -> None:
    studio = Studio()
    found = await studio.best(Policy(auto=True, min_score=85, max_bytes=500), studio.encoder("one"))
    assert found is not None and found.score is not None and found.score >= 85 and len(found.data) > 500


async def test_a_budget_comes_before_the_usual_score_but_not_before_the_floor() -> None:
    studio = Studio()
    poorer = await studio.best(Policy(auto=True, max_bytes=1000), studio.encoder("one"))
    assert poorer is not None and poorer.score is not None and FLOOR <= poorer.score < 80 and len(poorer.data) <= 1000
    floor = await studio.best(Policy(auto=True, max_bytes=300), studio.encoder("one"))
    assert floor is not None and floor.score is not None and FLOOR <= floor.score < FLOOR + 2


async def test_a_source_that_is_coarse_already_is_left_alone() -> None:
    studio = Studio()
    assert await studio.best(Policy(auto=True), studio.encoder("one", highest=75)) is None
    assert await studio.best(Policy(quality=80, min_score=70), studio.encoder("one", highest=75)) is None
    assert studio.tried == []


async def test_for_a_budget_even_a_coarse_source_is_written_anew() -> None:
    studio = Studio()
    found = await studio.best(Policy(max_bytes=1000), studio.encoder("one", highest=75))
    assert found is not None and len(found.data) <= 1000


async def test_a_score_that_no_quality_reaches_has_no_file() -> None:
    studio = Studio(shift=-30)
    assert await studio.best(Policy(auto=True, min_score=80), studio.encoder("one")) is None
    assert ("one", 100) in studio.tried


async def test_a_failing_encoder_leaves_the_others_in_the_race() -> None:
    async def fail(quality: int) -> None:
        return None

    studio = Studio()
    found = await studio.best(Policy(auto=True), Encoder("broken", fail), studio.encoder("one"))
    assert found is not None and found.method == "one"


async def test_a_spare_way_is_tried_where_the_others_miss_the_score() -> None:
    spare = replace(Studio().encoder("spare"), lowest=90, spare=True)
    for goal, methods in ((70.0, {"one"}), (94.0, {"one", "spare"})):
        studio = Studio()
        seeker = Seeker(Policy(auto=True, min_score=goal), FLOOR, studio.judge)
        found = await seeker.best((spare, studio.encoder("one", highest=96)))
        assert found is not None and {tried.candidate.method for tried in seeker.tried} == methods


async def test_below_its_lowest_quality_an_encoder_is_not_tried() -> None:
    studio = Studio()
    seeker = Seeker(Policy(auto=True, min_score=50.0), FLOOR, studio.judge)
    await seeker.best((replace(studio.encoder("one"), lowest=90),))
    assert [tried.candidate.quality for tried in seeker.tried] == [90]


async def test_qualities_that_share_a_dial_are_tried_once() -> None:
    studio = Studio()
    coarse = studio.encoder("coarse")

    def dial(quality: int) -> int:
        return quality // 4 * 4

    async def encode(quality: int) -> Candidate | None:
        made = await coarse.encode(dial(quality))
        return replace(made, dial=dial(quality)) if made else None

    found = await studio.best(Policy(auto=True), replace(coarse, encode=encode, dial=dial))
    assert found is not None and found.score is not None and found.score >= 80
    assert len(set(studio.tried)) == len(studio.tried)


async def packed(draft: Candidate) -> Candidate:
    return replace(draft, data=draft.data[: len(draft.data) // 2])


async def test_only_the_chosen_file_is_finished() -> None:
    studio = Studio()
    seeker = Seeker(Policy(auto=True), FLOOR, studio.judge)
    found = await seeker.best([replace(studio.encoder("one"), finish=packed)])
    assert found is not None and seeker.tried[-1].candidate is found
    drafts = [attempt.candidate for attempt in seeker.tried[:-1]]
    assert len(found.data) == len(next(draft.data for draft in drafts if draft.quality == found.quality)) // 2


async def test_where_a_budget_counts_every_trial_is_finished() -> None:
    studio = Studio()
    small = replace(studio.encoder("one"), finish=packed)
    found = await studio.best(Policy(max_bytes=500), small)
    plain = await studio.best(Policy(max_bytes=500), studio.encoder("one"))
    assert found is not None and plain is not None and len(found.data) <= 500
    assert (found.score or 0) > (plain.score or 0)


async def test_what_reaches_the_score_by_little_is_taken_where_nothing_does_by_more() -> None:
    studio = Studio()
    highest = studio.encoder("coarse", highest=90)
    goal = typical_score(90) - MARGIN / 2
    found = await studio.best(Policy(auto=True, min_score=goal), highest)
    assert found is not None and found.quality == 90 and found.score == typical_score(90)
    assert await studio.best(Policy(auto=True, min_score=goal + MARGIN), highest) is None
