"""What will be left of a drawing: how much of its text is blanks, editors' notes and digits that nobody sees."""

import re
from collections.abc import Mapping
from dataclasses import replace
from math import exp, log

from optimizers.base import ImageInfo
from optimizers.policy import Policy
from optimizers.prediction import Fit, Head, Outlook
from utils.gzip_stream import gunzip_head

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
    # 66 rows, 10.4
    "scoured": Fit({"one": 0.075, "places": -0.077, "ids": -8.34, "points": -6.053}, -0.395, 0.173),
    # 31 rows, 7.1
    "scoured, packed": Fit(
        {"one": 0.657, "places": -0.059, "notes": -5.259, "absolute": -0.455, "size": -0.047, "waste": -0.146},
        -0.179,
        0.1,
    ),
    # 89 rows, 3.3
    "tried": Fit({"one": 0.0}, -0.024, 0.215),
    # 93 rows, spare
    "unread": Fit({"one": -0.146}, -1.048, 0.142),
}
TEXT_BYTES = 256 << 10
PATTERNS = {
    "blank": re.compile(rb"(?<=[\s>])\s+|(?<=>)\s(?=<)"),
    "notes": re.compile(
        rb"<!--[^>]*-->|<\?[^>]*>|<!DOCTYPE[^>]*>|\s(?:inkscape|sodipodi)[\w:-]*=\"[^\"]*\""
        rb"|\sxmlns:\w+=\"[^\"]*\"|<(?:sodipodi|rdf|cc|dc):[^>]*>",
    ),
    "digits": re.compile(rb"(?<=\.\d\d)\d+"),
    "ids": re.compile(rb"\sid=\"[^\"]*\""),
    "style": re.compile(rb"\sstyle=\"[^\"]*\""),
    "paths": re.compile(rb"\sd=\"[^\"]*\""),
    "points": re.compile(rb"(?<=\d)\s*,\s*|(?<=[A-Za-z])\s+(?=[-\d])|\s+(?=-)|(?<![\d])0(?=\.)"),
    "groups": re.compile(rb"</?g\b[^>]*>"),
}
PLACES = re.compile(rb"(?<=\d\.)\d+|(?<=[ ,\-\"]\.)\d+")
ABSOLUTE, RELATIVE = (
    re.compile(rb"(?<=[\d\" zZ])[MLHVCSQTA](?=[\d .-])"),
    re.compile(rb"(?<=[\d\" zZ])[mlhvcsqta](?=[\d .-])"),
)


def text_traits(text: bytes) -> dict[str, float]:
    """The share of the text that each kind of waste takes, and how its numbers are written."""
    size = max(1, len(text))
    shares = {name: sum(len(found) for found in pattern.findall(text)) / size for name, pattern in PATTERNS.items()}
    places = [len(found) for found in PLACES.findall(text)]
    absolute, relative = len(ABSOLUTE.findall(text)), len(RELATIVE.findall(text))
    return {
        **shares,
        "places": sum(places) / max(1, len(places)),
        "absolute": absolute / max(1, absolute + relative),
        "waste": sum(shares.values()),
    }


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """Written anew by the sanitizer and, where loss is allowed, by scour."""
    if "left" in seen and not policy.lossless:
        return Outlook("tried", head.size * exp(seen["left"]), {}, "scour")
    traits = {**text_traits(head.data[:TEXT_BYTES]), "size": log(head.size)}
    return Outlook(
        "sanitized" if policy.lossless else "scoured", head.size, traits, "clean" if policy.lossless else "scour"
    )


def packed(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """The same of the text that the file unpacks to."""
    if "left" in seen and not policy.lossless:
        return outlook(info, head, policy, seen)
    text = gunzip_head(head.data, TEXT_BYTES)
    drawn = outlook(info, Head.of(text), policy, seen)
    traits = {**drawn.traits, "packed": log(max(1, len(text)) / max(1, min(head.size, len(head.data))))}
    return replace(drawn, case=f"{drawn.case}, packed", base=head.size, traits=traits)
