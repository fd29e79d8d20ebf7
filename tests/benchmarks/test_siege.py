"""What is printed of an attack; each area sent to a real service."""

from collections.abc import Callable, Iterator

import pytest

from benchmarks import areas
from benchmarks.besieged import Besieged, besieged
from benchmarks.judge import Tally
from benchmarks.probe import Pulse, pulse
from benchmarks.siege import Siege, report

AREAS = [areas.bombs, areas.drawings, areas.addresses, areas.messages, areas.credentials]


@pytest.fixture(scope="module")
def under_attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with besieged(tmp_path_factory.mktemp("besieged")) as service:
        yield service
        assert service.aftermath() == []
    assert service.aftermath() == []


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.__name__)
def test_an_area_finds_nothing(under_attack: Besieged, area: Callable[[Besieged], Tally]) -> None:
    tally = area(under_attack)
    assert tally.failures == []
    assert tally.inputs > 10


def test_broken_files_find_nothing(under_attack: Besieged) -> None:
    tally = areas.mutations(under_attack, per_format=3)
    assert (tally.inputs % 3, tally.failures) == (0, [])


def test_the_pulse_is_felt(under_attack: Besieged) -> None:
    with pulse(under_attack.url) as beat, under_attack.client() as http:
        for _ in range(20):
            http.get("/health")
    assert beat.failures == []
    assert beat.milliseconds(0.5) >= 0


def test_failures_are_counted_and_named() -> None:
    tallies = [Tally("good", 9, figures={"seconds": 1.5}), Tally("bad", 5, ["input: answered 500", "input: lost"])]
    siege = Siege(tallies, Pulse([0.01] * 98 + [0.2] * 2, ["/health: answered 503"]), peak_mb=900.0)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in report(siege).splitlines() if "|" in line]
    assert ["bad", "5", "2"] in lines
    assert ["all", "114", "3"] in lines
    assert ["peak MB of service and tools together", "900", "1611", "aim"] in lines
    assert ["/health p99, ms", "200.0", "100", "short of the aim"] in lines
    assert ["good: seconds", "1.5", "-", "-"] in lines
    assert ["requests lost", "1", "0", "short of the aim"] in lines
    assert "**bad: input: answered 500**" in report(siege)
