"""Which format `format=auto` stands for: the client's `Accept`, brought down to one of a few names."""

from collections.abc import Sequence

from optimizers.base import Optimizer, Target
from utils.accept import ranges, weight_of


def chosen(accept: str, formats: Sequence[Optimizer], path: str) -> str:
    """The format to write, or empty for the original's own.

    Only what the client lists counts, as `*/*` comes from clients that cannot show new formats; the highest weight
    wins, then Pare's own order. The original's type, told by the path's extension, may weigh more than all of them.
    """
    listed = dict(ranges(accept))
    taken = [f for f in formats if isinstance(f, Target) and f.rank and listed.get(f.spec.mime, 0.0) > 0]
    if not taken:
        return ""
    best = max(taken, key=lambda f: (listed[f.spec.mime], f.rank))
    return best.spec.name if listed[best.spec.mime] >= weight_of(accept, _type_of(path, formats)) else ""


def _type_of(path: str, formats: Sequence[Optimizer]) -> str:
    extension = path.rpartition(".")[2].lower()
    return next((f.spec.mime for f in formats if extension in f.spec.extensions), "image/*")
