"""Whether the service's score agrees with the reference program, and a sample with the whole.

python -m benchmarks.score FOLDER
python -m benchmarks.score FOLDER --only jpeg,png --every 4
"""

import argparse
import io
import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.files import samples
from benchmarks.pictures import Undecodable, look_at
from benchmarks.reference import score as reference
from benchmarks.table import markdown, number
from optimizers.score import scores

BUDGETS = (300_000, 1_000_000)
LADDERS = {
    "JPEG 4:2:0": ("JPEG", [{"quality": quality} for quality in (30, 60, 80, 90)]),
    "JPEG 4:4:4": ("JPEG", [{"quality": quality, "subsampling": 0} for quality in (75, 95)]),
    "WebP": ("WEBP", [{"quality": quality, "method": 2} for quality in (40, 75, 90)]),
    "PNG palette": ("PNG", [{"colors": colors} for colors in (16, 256)]),
    "AVIF": ("AVIF", [{"quality": quality, "speed": 9} for quality in (40, 80)]),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One result of one picture; CPU in seconds for a megapixel."""

    name: str
    ladder: str
    own: float
    reference: float
    own_cpu: float
    reference_cpu: float
    sampled: dict[int, float]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when there was nothing to measure."""
    args = _arguments(argv)
    pairs: list[Pair] = []
    for sample in list(samples(args.folder, args.only))[:: args.every]:
        try:
            shown = look_at(sample.data).shown[0]
        except Undecodable:
            continue
        ground = Image.new("RGBA", shown.size, "white")
        pairs += _pairs(sample.name, Image.alpha_composite(ground, shown).convert("RGB"))
    if not pairs:
        return 1
    print(report(pairs))
    if args.json:
        args.json.write_text(json.dumps([asdict(pair) for pair in pairs], indent=1))
    return 0


def report(pairs: Sequence[Pair]) -> str:
    """Two tables: own against reference, sample against whole."""
    groups = defaultdict(list)
    for pair in pairs:
        groups[pair.ladder].append(pair)
    groups["all"] = list(pairs)
    head = ("encoder", "results", "difference, mean", "worst", "within 0.5, %", "CPU s/Mpx", "reference's")
    sample_head = ("sample", "results", "difference, mean", "signed", "95 of 100 within", "worst")
    return "\n\n".join(
        [
            markdown(head, [_agreement(name, group) for name, group in groups.items()]),
            markdown(sample_head, [_sampling(budget, pairs) for budget in BUDGETS]),
        ]
    )


def _agreement(name: str, pairs: Sequence[Pair]) -> list[str]:
    apart = [abs(pair.own - pair.reference) for pair in pairs]
    return [
        name,
        str(len(pairs)),
        number(float(np.mean(apart)), 3),
        number(max(apart), 2),
        number(100 * float(np.mean(np.array(apart) <= 0.5))),
        number(float(np.mean([pair.own_cpu for pair in pairs])), 3),
        number(float(np.mean([pair.reference_cpu for pair in pairs])), 3),
    ]


def _sampling(budget: int, pairs: Sequence[Pair]) -> list[str]:
    off = np.array([pair.sampled[budget] - pair.own for pair in pairs if budget in pair.sampled])
    if not len(off):
        return [f"{budget / 1e6} Mpx", "0", "-", "-", "-", "-"]
    apart = np.abs(off)
    figures = (apart.mean(), off.mean(), np.percentile(apart, 95), apart.max())
    return [f"{budget / 1e6} Mpx", str(len(off)), *(number(float(figure), 2) for figure in figures)]


def _pairs(name: str, picture: Image.Image) -> Iterator[Pair]:
    original = _encoded(picture, "PPM")
    megapixels = picture.width * picture.height / 1e6
    for ladder, (format, rungs) in LADDERS.items():
        files = [_encoded(_reduced(picture, rung), format, **rung) for rung in rungs]
        started = time.process_time()
        own = scores(original, "PPM", files, format, 0)
        own_cpu = (time.process_time() - started) / len(files) / megapixels
        sampled = {b: scores(original, "PPM", files, format, b) for b in BUDGETS if b < megapixels * 1e6}
        for index, file in enumerate(files):
            result = Image.open(io.BytesIO(file)).convert("RGBA")
            started = _children()
            judged = reference(picture.convert("RGBA"), result)
            cpu = (_children() - started) / megapixels
            by_sample = {budget: values[index] for budget, values in sampled.items()}
            yield Pair(name, ladder, own[index], judged, own_cpu, cpu, by_sample)


def _reduced(picture: Image.Image, rung: dict[str, int]) -> Image.Image:
    return picture.quantize(rung["colors"]) if "colors" in rung else picture


def _encoded(picture: Image.Image, format: str, **options: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.score", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", type=lambda text: text.split(",") if text else (), help="formats")
    parser.add_argument("--every", default=1, type=int, help="take every n-th file")
    parser.add_argument("--json", type=Path, help="write every number there")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
