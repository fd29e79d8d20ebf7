"""Lay a TIFF file out anew: directories first, one after the other with their values, then the data they point at."""

import struct

from utils.tiff_ifd import LONG, LONG8, SEGMENTS, SHORT, UNSIGNED, Directory, Entry, Layout, Tiff

FREE_SPACE = frozenset({288, 289})


def write(tiff: Tiff) -> bytes:
    """The file's bytes; data that was shared stays shared. Rewrites the tags that point somewhere."""
    layout = Layout(tiff.order, tiff.big)
    directories = list(tiff.directories)
    places, end = {}, 16 if tiff.big else 8
    for directory in directories:
        _reserve(directory, layout)
        places[id(directory)] = end
        end += _size(directory, layout)
    data_places, pieces = dict[int, int](), list[bytes | memoryview]()
    for directory in directories:
        for segments in directory.segments.values():
            for piece in segments:
                if len(piece) and id(piece) not in data_places:
                    data_places[id(piece)] = end
                    end += len(piece)
                    pieces.append(piece)
    after = {id(a): places[id(b)] for a, b in zip(tiff.pages, tiff.pages[1:], strict=False)}
    out = [_header(tiff, layout)]
    for directory in directories:
        _point(directory, layout, places, data_places)
        out.append(_directory_bytes(directory, layout, places[id(directory)], after.get(id(directory), 0)))
    return b"".join([*out, *pieces])


def _header(tiff: Tiff, layout: Layout) -> bytes:
    mark = b"II" if tiff.order == "<" else b"MM"
    if layout.big:
        return mark + struct.pack(tiff.order + "HHHQ", 43, 8, 0, 16)
    return mark + struct.pack(tiff.order + "HI", 42, 8)


def _reserve(directory: Directory, layout: Layout) -> None:
    """Give every tag that points somewhere a value of its final length."""
    for tag in FREE_SPACE & directory.entries.keys():
        del directory.entries[tag]
    for tag, children in directory.children.items():
        directory.entries[tag] = _numbers([0] * len(children), layout, directory.entries[tag].kind)
    for tag, pieces in directory.segments.items():
        directory.entries[tag] = _numbers([0] * len(pieces), layout)
        counts, old = [len(piece) for piece in pieces], directory.entries.get(SEGMENTS[tag])
        short = old is not None and old.kind == SHORT and max(counts) < 1 << 16
        directory.entries[SEGMENTS[tag]] = _numbers(counts, layout, SHORT if short else LONG)


def _point(directory: Directory, layout: Layout, places: dict[int, int], data_places: dict[int, int]) -> None:
    for tag, children in directory.children.items():
        offsets = [places[id(child)] for child in children]
        directory.entries[tag] = _numbers(offsets, layout, directory.entries[tag].kind)
    for tag, pieces in directory.segments.items():
        directory.entries[tag] = _numbers([data_places.get(id(piece), 0) for piece in pieces], layout)


def _numbers(values: list[int], layout: Layout, kind: int | None = None) -> Entry:
    kind = kind or (LONG8 if layout.big else LONG)
    return Entry(kind, struct.pack(f"{layout.order}{len(values)}{UNSIGNED[kind]}", *values))


def _size(directory: Directory, layout: Layout) -> int:
    values = sum(_even(len(e.value)) for e in directory.entries.values() if len(e.value) > layout.inline)
    return layout.head + layout.row * len(directory.entries) + layout.inline + values


def _even(size: int) -> int:
    return size + size % 2


def _directory_bytes(directory: Directory, layout: Layout, place: int, following: int) -> bytes:
    order, count = layout.order, len(directory.entries)
    rows, values = [], []
    end = place + layout.head + layout.row * count + layout.inline
    for tag, entry in sorted(directory.entries.items()):
        value = bytes(entry.value)
        if len(value) > layout.inline:
            values.append(value.ljust(_even(len(value)), b"\0"))
            value, end = struct.pack(order + layout.pointer, end), end + len(values[-1])
        rows.append(struct.pack(order + "HH" + layout.pointer, tag, entry.kind, entry.count))
        rows.append(value.ljust(layout.inline, b"\0"))
    head = struct.pack(order + ("Q" if layout.big else "H"), count)
    return b"".join([head, *rows, struct.pack(order + layout.pointer, following), *values])
