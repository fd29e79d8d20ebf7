"""Every version of a drawing is held against it, and the smallest that looks the same is taken."""

import math
from collections.abc import Awaitable, Callable

import pytest

from optimizers import svg_proof
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.policy import Effort, Policy
from optimizers.score import scores
from optimizers.svg_proof import GRIDS, SAFE, SAME, smallest
from optimizers.svg_render import DECODER
from optimizers.svg_shrink import rounded, tidied
from optimizers.toolbox import Toolbox
from security.svg_sanitizer import sanitize

NS = 'xmlns="http://www.w3.org/2000/svg"'


def curls(extra: str = "") -> bytes:
    """Fine curls with many digits."""
    angles = [n * math.tau / 40 for n in range(40)]
    arms = "".join(
        f"C{50 + 9 * math.cos(a):.5f} {50 + 9 * math.sin(a):.5f} {50 + 30 * math.cos(a + 1):.5f} "
        f"{50 + 30 * math.sin(a + 1):.5f} {50 + 45 * math.cos(a):.5f} {50 + 45 * math.sin(a):.5f}"
        for a in angles
    )
    body = f'<path d="M50 50{arms}" fill="none" stroke="#c33" stroke-width=".7" stroke-linejoin="round"/>{extra}'
    document = f'<svg {NS} viewBox="0 0 100 100">{body}</svg>'
    data: bytes = sanitize(document.encode())["data"]
    return data


async def test_the_smallest_version_that_looks_the_same_is_taken(tools: Toolbox) -> None:
    made, points = await smallest(curls(), Policy(), tools) or (b"", None)
    tidy = tidied(curls())["data"]
    versions = [rounded(tidy, steps) for steps in GRIDS]
    measured = scores(curls(), DECODER, versions, DECODER, 0)
    assert points is not None and points >= SAME
    at = versions.index(made)
    assert measured[at] == pytest.approx(points, abs=0.1)
    assert at == 0 or measured[at - 1] < SAME, "a bolder version would do"
    assert measured[0] < SAME, "the drawing tells nothing about the choice"


async def test_a_higher_wish_is_met(tools: Toolbox) -> None:
    usual = await smallest(curls(), Policy(), tools)
    better = await smallest(curls(), Policy(min_score=95.5), tools)
    assert usual is not None and better is not None
    assert (better[1] or 0) >= 95.5 and len(better[0]) > len(usual[0])


async def test_a_wish_that_no_version_meets_leaves_the_drawing_alone(tools: Toolbox) -> None:
    assert await smallest(curls(), Policy(min_score=100.5), tools) is None


@pytest.mark.parametrize("extra", ["<style>.a{fill:red}</style>", '<g display="none"><path d="M1 1h9"/></g>'])
async def test_what_one_rendering_does_not_show_whole_is_treated_with_care(extra: str, tools: Toolbox) -> None:
    made, _ = await smallest(curls(extra), Policy(), tools) or (b"", None)
    tidy = tidied(curls(extra))
    assert not tidy["whole"]
    assert made == rounded(tidy["data"], SAFE)


async def test_what_cannot_be_rendered_is_treated_with_care(tools: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_: object) -> None:
        return None

    unseen: Callable[..., Awaitable[None]] = none
    monkeypatch.setattr(svg_proof, "_score", unseen)
    assert await smallest(curls(), Policy(), tools) == (rounded(tidied(curls())["data"], SAFE), None)


async def test_rendering_that_takes_too_long_is_ended(tools: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svg_proof, "SECONDS", 0.001)
    assert await smallest(curls(), Policy(), tools) == (rounded(tidied(curls())["data"], SAFE), None)


@pytest.mark.parametrize(
    "policy",
    [Policy(), Policy(auto=True), Policy(max_bytes=100), Policy(min_score=70), Policy(effort=Effort.FAST)],
    ids=["fixed", "auto", "budget", "low wish", "fast"],
)
async def test_the_receipt_has_the_score(policy: Policy, engine: Engine) -> None:
    outcome = await engine.run(Source(curls()), policy)
    assert outcome.score is not None and outcome.score >= SAME
    assert len(outcome.data) < 0.8 * len(curls())


async def test_a_saving_of_one_byte_is_taken(engine: Engine) -> None:
    words = "x" * 5000
    data = f'<svg {NS} width="9" height="9"><title>{words}</title><path d="M 0,0L 5,5 5,0z"/></svg>'.encode()
    outcome = await engine.run(Source(sanitize(data)["data"]), Policy())
    assert 0 < len(data) - len(outcome.data) < 0.02 * len(data)
    assert outcome.score is not None
