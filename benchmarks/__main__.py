"""python -m benchmarks cache|corpus|memory|… …: one entry for all measurements."""

import sys
from importlib import import_module

BENCHMARKS = (
    "cache",
    "corpus",
    "delivery",
    "estimate",
    "library",
    "memory",
    "near",
    "overhead",
    "quality",
    "score",
    "siege",
)


def main(argv: list[str]) -> int:
    """Run the benchmark that the first argument names; 2 when it names none."""
    if not argv or argv[0] not in BENCHMARKS:
        print(f"usage: python -m benchmarks {{{','.join(BENCHMARKS)}}} … (-h after the name for its options)")
        return 2
    code: int = import_module(f"benchmarks.{argv[0]}").main(argv[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
