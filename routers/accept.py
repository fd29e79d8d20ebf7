"""What a client would rather have, from its `Accept` header (RFC 9110, 12.5.1)."""

from collections.abc import Mapping


def prefers(accept: str, kind: str, *, over: str) -> bool:
    """Whether `kind` is asked for with a higher weight than `over`: a mere `*/*` beside it is no preference."""
    return _weight(accept, kind) > _weight(accept, over)


def accepted(accept: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Those of the types (to their names) that the client takes: the ones it lists, or all where it lists none."""
    ranges = dict(_ranges(accept))
    listed = tuple(name for kind, name in names.items() if ranges.get(kind, 0.0) > 0)
    if listed or any(kind in names for kind in ranges):
        return listed
    return tuple(names.values()) if ranges.get("image/*", ranges.get("*/*", float(not accept))) > 0 else ()


def _weight(accept: str, kind: str) -> float:
    """The weight of the most specific range that covers a type; 0 where none does."""
    ranges = dict(_ranges(accept))
    family = kind.partition("/")[0] + "/*"
    same_family = [weight for name, weight in ranges.items() if kind == family and name.startswith(family[:-1])]
    return max(same_family, default=ranges.get(kind, ranges.get(family, ranges.get("*/*", 0.0))))


def _ranges(accept: str) -> list[tuple[str, float]]:
    found = []
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        found.append((name, float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0))
    return found
