"""Send every image of a folder through the service and judge what comes back: bytes saved, looks kept, nothing broken.

python -m benchmarks.corpus FOLDER
python -m benchmarks.corpus FOLDER --url http://127.0.0.1:8080 --only png,jpeg --beside --json out.json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from benchmarks.bare import BARE
from benchmarks.compare import Check, Verdict, compare
from benchmarks.files import Sample, samples
from benchmarks.report import document, report
from benchmarks.rows import Row
from benchmarks.service import Answer, Service, client, service

UNTOUCHED = ("tiff", "bmp", "psd")
"""Formats whose pixels never change."""
UNTOUCHED_UNASKED = ("avif", "heic")
"""Formats whose pixels change only when the request names a quality."""
REPORTED_REASON = "format_passthrough"
"""The service says itself that metadata had to stay."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when something grew, broke or failed."""
    args = _arguments(argv)
    with service(args.url, _options(args)) as served:
        rows, beside = measure(served, args)
    print(report(rows, beside, verbose=args.verbose))
    if args.json:
        args.json.write_text(json.dumps(document(rows, beside, _options(args)), indent=1))
    return int(any(not row.answered or row.grew or row.defects for row in rows))


def measure(served: Service, args: argparse.Namespace) -> tuple[list[Row], list[Row]]:
    """A row for each file of the service, and of the bare tools where asked; scoring runs beside the requests."""
    with ProcessPoolExecutor(args.jobs, get_context("spawn")) as pool, client() as http:
        rows: list[tuple[Row, Future[Verdict] | None]] = []
        beside: list[Future[Row]] = []
        for sample in samples(args.folder, args.only):
            answer = served.optimize(http, sample.data)
            row = _row(sample, answer)
            rows.append((row, _judge(pool, sample, answer, _check(row, args)) if row.answered else None))
            if args.beside and sample.format in BARE:
                beside.append(pool.submit(bare_row, sample, _check(row, args)))
        return [row.judged(found.result()) if found else row for row, found in rows], [row.result() for row in beside]


def bare_row(sample: Sample, check: Check) -> Row:
    """The usual tool's result for a file, held to the same picture but not to a clean file."""
    result = BARE[sample.format].run(sample.data)
    if result is None:
        return Row(sample.name, sample.format, len(sample.data), 0, 0, "refused", BARE[sample.format].label, 0.0)
    row = Row(sample.name, sample.format, len(sample.data), len(result), 200, "", BARE[sample.format].label, 0.0)
    return row.judged(compare(sample.data, result, replace(check, clean=False)))


def _row(sample: Sample, answer: Answer) -> Row:
    said = answer.headers
    return Row(
        file=sample.name,
        format=sample.format,
        before=len(sample.data),
        after=len(answer.data) if answer.status == 200 else 0,
        status=answer.status,
        reason=said.get("X-Optimization-Reason", "") if answer.status == 200 else answer.refusal,
        method=said.get("X-Optimization-Method", ""),
        seconds=round(answer.seconds, 3),
    )


def _check(row: Row, args: argparse.Namespace) -> Check:
    untouched = row.format in UNTOUCHED or (row.format in UNTOUCHED_UNASKED and args.quality is None)
    clean = args.metadata != "all" and row.reason != REPORTED_REASON
    return Check(args.score, args.max_mpx, exact=args.lossless or untouched, clean=clean)


def _judge(pool: Executor, sample: Sample, answer: Answer, check: Check) -> Future[Verdict]:
    return pool.submit(compare, sample.data, answer.data, check)


def _options(args: argparse.Namespace) -> dict[str, str]:
    named = {"quality": args.quality, "effort": args.effort, "metadata": args.metadata}
    named["lossless"] = "true" if args.lossless else None
    return {name: str(value) for name, value in named.items() if value is not None}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.corpus", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="images, in folders of any depth; other files are passed over")
    parser.add_argument("--url", help="a running service; without it one is started on a free port and ended")
    parser.add_argument("--quality", help="1-100 or auto; the service's default when absent")
    parser.add_argument("--effort", choices=("fast", "balanced", "best"))
    parser.add_argument("--metadata", choices=("safe", "none", "all"))
    parser.add_argument("--lossless", action="store_true", help="ask for equal pixels, and hold every result to it")
    parser.add_argument("--only", type=lambda names: names.split(","), default=(), help="formats: png,jpeg,…")
    parser.add_argument("--no-score", dest="score", action="store_false", help="skip SSIMULACRA2 (0.7 s a megapixel)")
    parser.add_argument("--max-mpx", type=float, help="score only this many megapixels of the centre")
    parser.add_argument("--beside", action="store_true", help="also run the usual bare tools on the same files")
    parser.add_argument("--jobs", type=int, default=2, help="processes that score")
    parser.add_argument("--json", type=Path, help="write every number to this file")
    parser.add_argument("--verbose", action="store_true", help="print a row for each file")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
