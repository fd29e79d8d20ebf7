"""What schemathesis sends where the document says `binary` or `uri`: pictures whole and broken, and nobody's address.

Loaded by schemathesis itself (SCHEMATHESIS_HOOKS).
"""

import random

import schemathesis
from hypothesis import strategies as st

from benchmarks.attacks import mutate
from optimizers.router import FORMATS

SAMPLES = [optimizer.sample() for optimizer in FORMATS]
NOWHERE = ("http://127.0.0.1/a.png", "https://[::1]/", "http://a.invalid/a.png", "ftp://a.invalid/", "http://10.0.0.1/")


def broken(seed: int) -> bytes:
    """A mutation of one sample, always the same for a seed."""
    chance = random.Random(seed)  # noqa: S311
    return mutate(chance.choice(SAMPLES), chance.choice(SAMPLES), chance)


pictures = st.sampled_from(SAMPLES) | st.builds(broken, st.integers(0, 2**32)) | st.binary(min_size=1, max_size=200)
schemathesis.openapi.format("binary", pictures)
schemathesis.openapi.format("uri", st.sampled_from(NOWHERE))
for kind in ("image/*", "application/octet-stream"):
    schemathesis.openapi.media_type(kind, pictures)


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:
    """OpenAPI cannot say that the query is for raw bodies alone, so what is meant to be valid goes without."""
    if (
        case.meta
        and case.meta.generation.mode.is_positive
        and case.media_type in ("multipart/form-data", "application/json")
    ):
        case.query = {}
    return case
