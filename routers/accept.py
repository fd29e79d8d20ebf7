"""What a client would rather have, from its `Accept` header (RFC 9110, 12.5.1)."""

from collections.abc import Mapping

from utils.accept import ranges, weight_of


def prefers(accept: str, kind: str, *, over: str) -> bool:
    """Whether `kind` is asked for with a higher weight than `over`: a mere `*/*` beside it is no preference."""
    return weight_of(accept, kind) > weight_of(accept, over)


def accepted(accept: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Those of the types (to their names) that the client takes: the ones it lists, or all where it lists none."""
    given = dict(ranges(accept))
    listed = tuple(name for kind, name in names.items() if given.get(kind, 0.0) > 0)
    if listed or any(kind in names for kind in given):
        return listed
    return tuple(names.values()) if given.get("image/*", given.get("*/*", float(not accept))) > 0 else ()
