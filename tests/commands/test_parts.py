"""What one process can tell of the commands' parts: sizes, names, races."""

import asyncio
import os
from pathlib import Path

import pytest

from commands.batch import each
from commands.exits import Wrong
from commands.files import Picture, find
from commands.saving import NotWritten, Saving
from commands.show import size
from commands.wishes import bytes_of, policy_of
from optimizers.router import TARGETS


@pytest.mark.parametrize(
    ("text", "count"),
    [("200kb", 200_000), ("1.5 MB", 1_500_000), ("64KiB", 65_536), ("20000", 20_000), ("2GiB", 2 << 30), ("7b", 7)],
)
def test_sizes(text: str, count: int) -> None:
    assert bytes_of(text) == count


@pytest.mark.parametrize("text", ["", "kb", "-1kb", "1e3", "12 parsecs", "٣kb"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(Wrong, match="--max-bytes"):
        bytes_of(text)


def test_zero_bytes_are_no_budget() -> None:
    with pytest.raises(Wrong, match="--max-bytes is wrong"):
        policy_of({"max_bytes": "0b"}, 80)


def test_sizes_in_words() -> None:
    assert [size(count) for count in (999, 1000, 1_500_000, 2e9)] == ["999 B", "1.0 kB", "1.5 MB", "2.0 GB"]


@pytest.mark.parametrize(
    ("name", "made", "beside", "below"),
    [
        ("a.JPG", "jpeg", "a.pare.JPG", "out/in/a.JPG"),
        ("a.b.png", "webp", "a.b.pare.webp", "out/in/a.b.webp"),
        ("a", "png", "a.pare.png", "out/in/a.png"),
    ],
)
def test_names_of_results(name: str, made: str, beside: str, below: str) -> None:
    picture = Picture(Path("top/in", name), Path("in", name))
    assert Saving().target(picture, TARGETS[made]) == Path("top/in", beside)
    assert Saving(folder=Path("out")).target(picture, TARGETS[made]) == Path(below)
    assert Saving(in_place=True).target(picture, TARGETS[made]) == picture.path


def test_what_changed_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("first")
    before = file.stat()
    file.write_text("second")
    with pytest.raises(NotWritten, match="changed"):
        Saving(in_place=True).save(b"x", file, before, file)
    assert file.read_text() == "second" and os.listdir(tmp_path) == ["a"]


def test_of_two_results_one_gets_the_name(tmp_path: Path) -> None:
    original, target = tmp_path / "a", tmp_path / "b"
    original.write_text("first")
    Saving().save(b"x", original, original.stat(), target)
    with pytest.raises(NotWritten, match="exists"):
        Saving().save(b"y", original, original.stat(), target)
    assert target.read_text() == "x" and sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    original = tmp_path / "a"
    original.write_text("first")
    with pytest.raises(OSError):
        Saving().save(b"x", original, original.stat(), original / "below")
    assert os.listdir(tmp_path) == ["a"]


def test_earlier_results_and_files_named_twice_are_not_worked_on_again(tmp_path: Path) -> None:
    for name in ("a.gif", "a.pare.gif"):
        (tmp_path / name).write_bytes(b"GIF89a")
    found = find([tmp_path, tmp_path / "a.gif"], recursive=True)
    assert [picture.path.name for picture in found.pictures] == ["a.gif"]


async def test_so_many_at_once_and_none_is_left_running() -> None:
    most, now, ended = 0, 0, 0

    async def work(number: int) -> int:
        nonlocal most, now, ended
        now += 1
        most = max(most, now)
        try:
            await asyncio.sleep(0 if number < 5 else 60)
        finally:
            now -= 1
            ended += 1
        return number

    results = each(range(20), work, 3)
    got = [await anext(results) for _ in range(5)]
    await results.aclose()
    assert sorted(got) == [0, 1, 2, 3, 4] and most == 3 and now == 0 and 5 < ended <= 8
