"""How a command ends: the exit codes, and one way of ending whatever happens."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from enum import IntEnum
from typing import Any

import structlog

from config import SettingsError
from exceptions import BadRequest


class Exit(IntEnum):
    """Exit codes; the help and the README list them."""

    OK = 0
    FAILED = 1
    WRONG = 2
    UNREACHED = 3
    HUNG_UP = 129
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


class Wrong(Exception):
    """The command cannot be obeyed as it was given; the message is one sentence."""


def run(command: Coroutine[Any, Any, Exit]) -> int:
    """The command's exit code. However it ends, what it started has been ended and no file is half written."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        code = asyncio.run(_until_told(command))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("pare: interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    except (Wrong, SettingsError) as error:
        return _refused(str(error))
    except BadRequest as error:
        return _refused(error.detail)
    return code


def _refused(sentence: str) -> Exit:
    print(f"pare: {sentence}", file=sys.stderr)
    return Exit.WRONG


async def _until_told(command: Coroutine[Any, Any, Exit]) -> Exit:
    """The command, ended in order by SIGTERM, or by a terminal that closes, as it is by Ctrl-C."""
    task = asyncio.create_task(command)
    told: list[Exit] = []

    def end(code: Exit) -> None:
        told.append(code)
        task.cancel()

    for number, code in ((signal.SIGTERM, Exit.TERMINATED), (signal.SIGHUP, Exit.HUNG_UP)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            asyncio.get_running_loop().add_signal_handler(number, end, code)
    try:
        return await task
    except asyncio.CancelledError:
        if not told:
            raise
        return told[0]
