"""Media types and how much a client wants them, from its `Accept` header (RFC 9110, 12.5.1)."""


def ranges(accept: str) -> list[tuple[str, float]]:
    """Media ranges with their weights; a weight that is none counts as 0."""
    found = []
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        found.append((name, float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0))
    return found


def weight_of(accept: str, kind: str) -> float:
    """The weight of the most specific range that covers a type; 0 where none does."""
    given = dict(ranges(accept))
    family = kind.partition("/")[0] + "/*"
    same_family = [weight for name, weight in given.items() if kind == family and name.startswith(family[:-1])]
    return max(same_family, default=given.get(kind, given.get(family, given.get("*/*", 0.0))))
