"""The query of GET /images: one spelling for the same wish, a refusal that names everything else."""

from urllib.parse import parse_qsl

import pytest

from delivery.parameters import Rules, Wishes, negotiates, wishes_of
from exceptions import InvalidOptions
from optimizers.fit import Fit

FORMATS = {"jpeg": "jpeg", "jpg": "jpeg", "webp": "webp"}
RULES = Rules(FORMATS, presets={"card": "w=200&h=100&fit=cover&format=auto", "tiny": "w=16&q=40"})


def wishes(query: str, rules: Rules = RULES) -> Wishes:
    return wishes_of(parse_qsl(query, keep_blank_values=True), rules)


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("", "format=original&q=80"),
        ("format=original", "format=original&q=80"),
        ("q=80", "format=original&q=80"),
        ("w=300", "format=original&q=80&w=300"),
        ("w=0300&v=7", "format=original&q=80&w=300"),
        ("dpr=2&w=150", "format=original&q=80&w=300"),
        ("w=100&dpr=1.5", "format=original&q=80&w=150"),
        ("w=1&dpr=0.5", "format=original&q=80&w=1"),
        ("dpr=3", "format=original&q=80"),
        ("fit=cover", "format=original&q=80"),
        ("fit=fill&h=20", "format=original&h=20&q=80"),
        ("fit=contain&h=20&w=30", "fit=inside&format=original&h=20&q=80&w=30"),
        ("h=20&w=30", "fit=inside&format=original&h=20&q=80&w=30"),
        ("fit=outside&h=20&w=30", "fit=outside&format=original&h=20&q=80&w=30"),
        ("format=jpg", "format=jpeg&q=80"),
        ("q=auto", "format=original&q=auto"),
        ("sharpen=1", "format=original&q=80"),
        ("sharpen=true&w=9", "format=original&q=80&sharpen=1&w=9"),
        ("sharpen=0&w=9", "format=original&q=80&w=9"),
        ("preset=card", "fit=cover&format=auto&h=100&q=80&w=200"),
        ("preset=card&dpr=2&fit=fill&format=webp", "fit=fill&format=webp&h=200&q=80&w=400"),
        ("preset=tiny&q=50", "format=original&q=50&w=16"),
        ("sig=x&kid=y&exp=1", "format=original&q=80"),
    ],
)
def test_what_asks_for_the_same_has_one_spelling(query: str, canonical: str) -> None:
    assert wishes(query).canonical == canonical


@pytest.mark.parametrize(
    "query",
    [
        *(f"{side}={value}" for side in "wh" for value in ("", "0", "-1", "1.5", "x", "1e2", "+1", " 1", "٣", "16385")),
        "w=9999999999999999999999",
        *(f"q={value}" for value in ("", "0", "101", "-1", "high", "80.5", "AUTO")),
        *(f"dpr={value}" for value in ("", "0", "0.49", "8.01", "-1", "1e1", "inf", "nan", "x", "100")),
        *(f"fit={value}" for value in ("", "crop", "COVER", "thumb", "cover ")),
        *(f"format={value}" for value in ("", "tiff", "JPG", "image/webp")),
        *(f"sharpen={value}" for value in ("", "2", "yes")),
        *(f"preset={value}" for value in ("", "nothing")),
        *(f"exp={value}" for value in ("", "soon", "-1", "1.5", "9" * 13)),
        "v=",
        "v=" + "x" * 129,
        "width=3",
        "W=3",
        "=3",
        "w[]=3",
    ],
)
def test_a_wrong_parameter_is_named(query: str) -> None:
    with pytest.raises(InvalidOptions) as refusal:
        wishes(query)
    name = query.partition("=")[0]
    assert refusal.value.detail.startswith(f"/{name}: ")
    assert [error["pointer"] for error in refusal.value.extensions["errors"]] == [f"/{name}"]


def test_all_that_is_wrong_is_named() -> None:
    with pytest.raises(InvalidOptions) as refusal:
        wishes("w=0&fit=crop&colour=red&w=3&h=5")
    assert [error["pointer"] for error in refusal.value.extensions["errors"]] == ["/w", "/fit", "/colour", "/w"]


@pytest.mark.parametrize("query", ["w=3&w=3", "w=3&w=4", "v=1&v=1", "sig=a&sig=b"])
def test_nothing_may_be_given_twice(query: str) -> None:
    with pytest.raises(InvalidOptions, match="given twice"):
        wishes(query)


def test_a_refusal_repeats_little_of_what_was_sent() -> None:
    with pytest.raises(InvalidOptions) as refusal:
        wishes("&".join(f"{'x' * 1000}{at}=1" for at in range(100)))
    assert len(str(refusal.value.extensions)) < 4000


def test_only_listed_sizes_where_there_is_a_list() -> None:
    rules = Rules(FORMATS, sizes=frozenset((300, 600)), presets=RULES.presets)
    assert wishes("w=300&h=600&dpr=2", rules).width == 600
    assert wishes("preset=tiny", rules).width == 16
    assert wishes("format=webp", rules).width is None
    for query, name in (("w=301", "w"), ("h=1", "h"), ("preset=tiny&w=17", "w"), ("w=300&dpr=1.1", "dpr")):
        with pytest.raises(InvalidOptions, match=f"^/{name}: has to be one of"):
            wishes(query, rules)


def test_the_quality_of_the_settings_counts_where_none_is_named() -> None:
    assert wishes("", Rules(FORMATS, quality=None)).canonical == "format=original&q=auto"
    assert wishes("", RULES).quality_named is False
    assert wishes("q=80", RULES).quality_named is False
    assert wishes("q=81", RULES).quality_named is True
    assert wishes("q=auto", RULES).quality_named is True


def test_a_preset_may_not_name_another() -> None:
    with pytest.raises(InvalidOptions, match="preset"):
        wishes("preset=a", Rules(FORMATS, presets={"a": "preset=a"}))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("format=auto", True),
        ("preset=card", True),
        ("w=0&format=auto", True),
        ("", False),
        ("format=webp", False),
        ("preset=tiny", False),
        ("preset=nothing", False),
    ],
)
def test_what_depends_on_accept(query: str, expected: bool) -> None:
    assert negotiates(parse_qsl(query), RULES.presets) is expected


def test_every_fit_is_known() -> None:
    assert wishes("fit=inside&w=1&h=1").fit is wishes("w=1&h=1").fit is Fit.INSIDE
