"""The query of GET /images: strict, and brought to one spelling for all wishes that ask for the same."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from exceptions import InvalidOptions
from optimizers.fit import Fit
from security.image_urls import EXPIRY, KEY_ID, SIGNATURE

AUTO, ORIGINAL = "auto", "original"
MAX_SIDE = 16_384
MAX_QUALITY = 100
LEAST_DPR, MAX_DPR = 0.5, 8.0
MAX_NAME, MAX_ERRORS = 64, 20
"""Of what was sent, how much is repeated in a refusal."""
RATIOS = (1.0, 2.0, 3.0)
"""What `dpr` may be where sizes are allow-listed."""
FITS = {
    "contain": Fit.INSIDE,
    "inside": Fit.INSIDE,
    "cover": Fit.COVER,
    "fill": Fit.FILL,
    "outside": Fit.OUTSIDE,
}
SWITCH = {"true": True, "1": True, "false": False, "0": False}
WHOLE = re.compile(r"[0-9]{1,6}")
DECIMAL = re.compile(r"[0-9]{1,2}(\.[0-9]{1,20})?")
TIME = re.compile(r"[0-9]{1,12}")
MAX_VERSION = 128
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of one image; sizes in pixels of the answer, `dpr` worked in."""

    width: int | None = None
    height: int | None = None
    fit: Fit = Fit.INSIDE
    format: str = ORIGINAL
    """A target's name, `original` or `auto`."""
    quality: int | None = None
    """1-100 on Pare's scale; None for `auto`."""
    quality_named: bool = False
    """Whether it is another than the settings have: what spells the default asks for nothing of its own."""
    sharpen: bool = False
    """Whether the edges of a picture that gets smaller are made harder."""
    expires: int | None = None
    """Until when the URL is good, in Unix seconds."""
    versioned: bool = False
    """Whether the URL says which version of the original it means: its answer never changes."""

    @property
    def canonical(self) -> str:
        """One text for all that ask for the same; `v` changes nothing of an answer."""
        shape = self.fit.value if self.width and self.height else None
        harder = 1 if self.sharpen and (self.width or self.height) else None
        parts = {
            "fit": shape,
            "format": self.format,
            "h": self.height,
            "q": self.quality or AUTO,
            "sharpen": harder,
            "w": self.width,
        }
        return "&".join(f"{name}={value}" for name, value in parts.items() if value is not None)


@dataclass(frozen=True)
class Rules:
    """What the settings allow and add."""

    formats: Mapping[str, str]
    """Formats that can be written, by every name that callers use."""
    quality: int | None = 80
    """Where the query names none; None for `auto`."""
    presets: Mapping[str, str] = field(default_factory=dict)
    """Queries by name."""
    sizes: frozenset[int] = frozenset()
    """What `w` and `h` may be; empty for anything."""


def wishes_of(pairs: Pairs, rules: Rules) -> Wishes:
    """The wishes in a query; what it says itself goes before its preset. Raises InvalidOptions, naming all faults."""
    given = _read(pairs, rules)
    preset = parse_qsl(given.pop("preset", ""), keep_blank_values=True)
    given = {**_read(preset, Rules(rules.formats)), **given}
    return Wishes(
        width=_scaled(given.get("w"), given),
        height=_scaled(given.get("h"), given),
        fit=given.get("fit", Fit.INSIDE),
        format=given.get("format", ORIGINAL),
        quality=given.get("q", rules.quality),
        quality_named=given.get("q", rules.quality) != rules.quality,
        sharpen=given.get("sharpen", False),
        expires=given.get(EXPIRY),
        versioned="v" in given,
    )


def negotiates(pairs: Pairs, presets: Mapping[str, str]) -> bool:
    """Whether the answer, be it a refusal, depends on `Accept`."""
    named = {value for name, value in pairs if name == "preset"}
    inherited = [pair for name in named if name in presets for pair in parse_qsl(presets[name])]
    return ("format", AUTO) in (*pairs, *inherited)


def _read(pairs: Pairs, rules: Rules) -> dict[str, Any]:
    """Values by name. Raises InvalidOptions."""
    readers, given, errors = _readers(rules), dict[str, Any](), list[dict[str, str]]()
    for name, text in pairs:
        try:
            if name in given:
                raise ValueError("given twice")
            given[name] = None  # a wrong value is not a missing one
            given[name] = readers.get(name, _unknown)(text)
        except ValueError as error:
            errors.append({"pointer": f"/{name[:MAX_NAME]}", "detail": str(error)})
    if rules.sizes and not errors:
        errors = _off_the_list(given, rules.sizes)
    if errors:
        raise InvalidOptions(f"{errors[0]['pointer']}: {errors[0]['detail']}", errors=errors[:MAX_ERRORS])
    return given


def _off_the_list(given: Mapping[str, Any], sizes: frozenset[int]) -> list[dict[str, str]]:
    """What is asked for besides the allow-listed sizes."""
    allowed = ", ".join(map(str, sorted(sizes)))
    errors = [
        {"pointer": f"/{name}", "detail": f"has to be one of {allowed}"}
        for name in ("w", "h")
        if name in given and given[name] not in sizes
    ]
    if given.get("dpr", 1.0) not in RATIOS:
        errors.append({"pointer": "/dpr", "detail": f"has to be one of {', '.join(f'{ratio:g}' for ratio in RATIOS)}"})
    return errors


def _scaled(side: int | None, given: Mapping[str, Any]) -> int | None:
    return side and max(1, round(side * given.get("dpr", 1.0)))


def _readers(rules: Rules) -> dict[str, Callable[[str], Any]]:
    """How each parameter is read; each raises ValueError with a sentence."""
    formats = {**rules.formats, AUTO: AUTO, ORIGINAL: ORIGINAL}

    def anything(text: str) -> str:  # what a signature says was looked at before, where there is one
        return text

    return {
        "w": lambda text: _whole(text, MAX_SIDE),
        "h": lambda text: _whole(text, MAX_SIDE),
        "fit": lambda text: _one_of(text, FITS),
        "format": lambda text: _one_of(text, formats),
        "q": lambda text: None if text == AUTO else _whole(text, MAX_QUALITY, f" or {AUTO}"),
        "dpr": _ratio,
        "sharpen": lambda text: _one_of(text, SWITCH),
        "preset": lambda text: _one_of(text, rules.presets),
        "v": _version,
        EXPIRY: _time,
        **dict.fromkeys((SIGNATURE, KEY_ID), anything),
    }


def _whole(text: str, most: int, beside: str = "") -> int:
    if not WHOLE.fullmatch(text) or not 1 <= int(text) <= most:
        raise ValueError(f"has to be a whole number from 1 to {most}{beside}")
    return int(text)


def _ratio(text: str) -> float:
    if not DECIMAL.fullmatch(text) or not LEAST_DPR <= float(text) <= MAX_DPR:
        raise ValueError(f"has to be a number from {LEAST_DPR:g} to {MAX_DPR:g}")
    return float(text)


def _one_of(text: str, names: Mapping[str, Any]) -> Any:
    if text not in names:
        raise ValueError(f"has to be one of {', '.join(names)}" if names else "none is set up")
    return names[text]


def _version(text: str) -> str:
    if not 1 <= len(text) <= MAX_VERSION:
        raise ValueError(f"has to have 1 to {MAX_VERSION} characters")
    return text


def _time(text: str) -> int:
    if not TIME.fullmatch(text):
        raise ValueError("has to be a time in Unix seconds")
    return int(text)


def _unknown(text: str) -> str:
    raise ValueError("there is no such parameter")
