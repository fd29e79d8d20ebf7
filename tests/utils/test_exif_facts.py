"""EXIF facts one by one: read back by Pillow from blocks that Pillow wrote."""

from typing import Any

import pytest
from PIL import Image

from utils.exif_facts import Fact, chosen_exif

PLACE = {1: "N", 2: (52.0, 30.0, 15.25), 3: "E", 4: (13.0, 24.0, 36.5)}


def block(order: str = "II") -> bytes:
    exif = Image.Exif()
    exif.endian = "<" if order == "II" else ">"
    exif[0x0112], exif[0x8298], exif[0x010F] = 6, "(c) Ada", "Camera"
    exif.get_ifd(0x8769).update({0x9003: "2026:11:20 10:11:12", 0x9011: "+02:00", 0xA431: "serial 1"})
    exif.get_ifd(0x8825).update({**PLACE, 29: "2026:11:20"})
    return exif.tobytes().removeprefix(b"Exif\0\0")


def read(tiff: bytes) -> dict[str, Any]:
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + tiff)
    return {"main": {k: v for k, v in exif.items() if k not in (0x8769, 0x8825)},
            "taken": dict(exif.get_ifd(0x8769)), "place": dict(exif.get_ifd(0x8825))}  # fmt: skip


@pytest.mark.parametrize("order", ["II", "MM"])
def test_each_fact_stays_alone(order: str) -> None:
    tiff = block(order)
    none: dict[str, Any] = {"main": {}, "taken": {}, "place": {}}
    assert read(chosen_exif(tiff, {Fact.COPYRIGHT})) == none | {"main": {0x8298: "(c) Ada"}}
    taken = {0x9003: "2026:11:20 10:11:12", 0x9011: "+02:00"}
    assert read(chosen_exif(tiff, {Fact.CREATION})) == none | {"taken": taken}
    assert read(chosen_exif(tiff, {Fact.LOCATION})) == none | {"place": PLACE}
    assert read(chosen_exif(tiff, set(Fact))) == {"main": {0x8298: "(c) Ada"}, "taken": taken, "place": PLACE}


def test_nothing_makes_no_block() -> None:
    assert chosen_exif(block(), set()) == b""
    assert chosen_exif(b"", set(Fact)) == chosen_exif(b"II*\0", set(Fact)) == chosen_exif(b"x" * 100, set(Fact)) == b""


def test_broken_blocks_are_passed_over() -> None:
    tiff = block()
    for cut in range(len(tiff)):
        chosen_exif(tiff[:cut], set(Fact))
        broken = bytearray(tiff)
        broken[cut] ^= 0xFF
        chosen_exif(bytes(broken), set(Fact))
