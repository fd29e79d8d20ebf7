"""python -m benchmarks corpus|overhead FOLDER …: one entry for both measurements."""

import sys

from benchmarks import corpus, overhead

BENCHMARKS = {"corpus": corpus.main, "overhead": overhead.main}


def main(argv: list[str]) -> int:
    """Run the benchmark that the first argument names; 2 when it names none."""
    if not argv or argv[0] not in BENCHMARKS:
        print("usage: python -m benchmarks {corpus,overhead} FOLDER … (-h after the name for its options)")
        return 2
    return BENCHMARKS[argv[0]](argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
