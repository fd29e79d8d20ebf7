"""The program inside an isolated worker: reads calls from standard input, answers on standard output, for ever.

Frames are an 8-byte length and a msgpack value. A decoder that a hostile file took over can answer with data, never
with code, which pickle would allow.
"""

import ctypes
import importlib
import operator
import os
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import msgpack

from exceptions import PareError

PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""
LENGTH = struct.Struct(">Q")


def name_of(function: Callable[..., Any]) -> str:
    """A module-level function as `module:name`."""
    return f"{function.__module__}:{function.__qualname__}"


def resolve(name: str) -> Callable[..., Any]:
    """The function that `module:name` stands for."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = operator.attrgetter(function)(importlib.import_module(module))
    return found


def answer(frame: bytes) -> bytes:
    """Run one call; what it returns or raises becomes one frame."""
    name, args, kwargs = msgpack.unpackb(frame)
    try:
        reply = {"result": resolve(name)(*args, **kwargs)}
    except PareError as error:
        reply = {"refused": [type(error).__name__, error.detail, error.extensions]}
    except Exception as error:
        reply = {"failed": f"{type(error).__name__}: {error}"[:300]}
    packed: bytes = msgpack.packb(reply)
    return packed


def serve(inward: BinaryIO, outward: BinaryIO) -> None:
    """Answer frames until the other end closes."""
    while header := inward.read(LENGTH.size):
        reply = answer(inward.read(*LENGTH.unpack(header)))
        outward.write(LENGTH.pack(len(reply)) + reply)
        outward.flush()


def die_with_parent() -> None:
    """Let the kernel end this process with the thread that started it, the service's only one with an event loop.

    In the midst of work no closed pipe is noticed.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Keep the answer pipe for answers alone: whatever a library prints goes nowhere."""
    die_with_parent()
    outward = os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    for module in sys.argv[1:]:
        importlib.import_module(module)
    serve(sys.stdin.buffer, outward)


if __name__ == "__main__":
    main()
