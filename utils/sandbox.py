"""What the programs that decode strangers' bytes may not do, where the kernel can forbid it.

They write no files, read none that are hidden from them, open no sockets, and reach no process outside.

`confine` binds the thread that calls it and every program that is started from there. Sources: landlock(7), seccomp(2),
prctl(2) and the kernel's headers of the same names.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION, PATH_BENEATH = 1, 1
WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, OUTSIDE = 1 << 1, 1 << 2, 1 << 3, 1 << 14, 0b11
"""Landlock's rights; `OUTSIDE` are signals and abstract sockets across the fence."""
FILES = {1: 0x1FFE, 2: 0x2000, 3: TRUNCATE}
"""To read, and everything that changes a file system, by the version that brought it."""

SECCOMP_MODE_FILTER = 2
LOAD, IF_EQUAL, IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ARCHITECTURE, NUMBER = 4, 0
"""Where the kernel's record of a call holds them."""
X86_64, AARCH64, X32 = 0xC000003E, 0xC00000B7, 0x40000000
ALLOW, KILL_PROCESS, REFUSE = 0x7FFF0000, 0x80000000, 0x50000 | 13
"""`REFUSE` is "permission denied"."""
NO_SOCKETS = (
    (LOAD, 0, 0, ARCHITECTURE),
    (IF_EQUAL, 2, 0, X86_64),
    (IF_EQUAL, 4, 0, AARCH64),
    (RETURN, 0, 0, KILL_PROCESS),  # 32-bit programs, which have numbers of their own
    (LOAD, 0, 0, NUMBER),
    (IF_AT_LEAST, 4, 0, X32),
    (IF_EQUAL, 3, 2, 41),  # socket(2) of x86-64
    (LOAD, 0, 0, NUMBER),
    (IF_EQUAL, 1, 0, 198),  # socket(2) of aarch64
    (IF_EQUAL, 0, 1, 425),  # io_uring_setup(2): its queues open sockets, too
    (RETURN, 0, 0, REFUSE),
    (RETURN, 0, 0, ALLOW),
)
"""A filter in BPF: operation, how many steps to skip if so and if not, operand."""

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What this kernel enforces: Landlock's version (0 where it is missing), and whether no socket can be opened."""

    landlock: int
    no_network: bool


def confine(hidden: Collection[Path] = ()) -> Confinement:
    """Give up writing, the network and what lies under `hidden` for good, as far as this kernel knows; what it knew."""
    libc.prctl(PR_SET_NO_NEW_PRIVS, *_longs(1, 0, 0, 0))
    landlock = _forbid_files([path.resolve() for path in hidden])
    if not landlock:  # which would also keep a program from reading this process's memory and environment
        libc.prctl(PR_SET_DUMPABLE, *_longs(0, 0, 0, 0))
    return Confinement(landlock, _forbid_sockets())


def _forbid_files(hidden: Collection[Path]) -> int:
    version: int = libc.syscall(*_longs(CREATE_RULESET, 0, 0, ASK_VERSION))
    if version < 1:
        return 0
    files = sum(rights for since, rights in FILES.items() if since <= version)
    attributes = struct.pack("=QQQ", files, 0, OUTSIDE if version >= 6 else 0)
    ruleset = libc.syscall(CREATE_RULESET, attributes, *_longs(len(attributes), 0))
    try:
        _allow(ruleset, Path(os.devnull), files & (WRITE_FILE | TRUNCATE))
        _allow(ruleset, Path("/"), READ_DIR)
        for path in _around(hidden, Path("/")):
            _allow(ruleset, path, READ_FILE)
        return version if libc.syscall(*_longs(RESTRICT_SELF, ruleset, 0)) == 0 else 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Grant rights on a file, or on everything below a folder; one that is gone by now needs none."""
    with suppress(OSError):
        found = os.open(path, os.O_PATH)
        libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", rights, found), *_longs(0))
        os.close(found)


def _around(hidden: Collection[Path], top: Path) -> Iterator[Path]:
    """The fewest paths below which everything lies but what is hidden: links are left out, they may lead there."""
    inside = [path for path in hidden if path.is_relative_to(top)]
    if not inside:
        yield top
    elif top not in inside:
        try:
            children = {child for child in top.iterdir() if not child.is_symlink()}
        except OSError:  # a folder that may be passed through and not listed
            children = {top / path.relative_to(top).parts[0] for path in inside}
        for child in children:
            yield from _around(hidden, child)


def _forbid_sockets() -> bool:
    if platform.machine() not in ("x86_64", "aarch64") or sys.maxsize < 1 << 32:
        return False
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in NO_SOCKETS))
    program = struct.pack("@HP", len(NO_SOCKETS), ctypes.addressof(code))
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, *_longs(0, 0)) == 0)


def _longs(*values: int) -> list[ctypes.c_long]:
    """Arguments as wide as the kernel reads them."""
    return [ctypes.c_long(value) for value in values]
