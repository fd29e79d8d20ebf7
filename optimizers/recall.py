"""The engine with a memory: the same bytes under the same wishes are worked on once."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import msgpack
import structlog

from optimizers.base import ImageInfo, Optimizer, Source
from optimizers.engine import Engine
from optimizers.outcome import Outcome, Reason, Told
from optimizers.policy import Policy
from optimizers.selftest import ToolReport
from utils.result_cache import HIT, Codec, ResultCache

REVISION = 1
"""To be raised with every change after which the same input gives another result, or a stored one another shape."""
LIBRARIES = ("numpy", "opencv-python-headless", "pillow", "pillow-heif", "pyoxipng", "pyvips", "scour", "tinycss2")
"""Packages that write or judge results."""
log = structlog.get_logger("pare.engine")


def encoder_revision(reports: Sequence[ToolReport], *settings: object) -> str:
    """A digest of everything but the request that changes a result."""
    tools = [(report.tool, report.version, report.works) for report in reports]
    return _digest([REVISION, tools, [(name, version(name)) for name in LIBRARIES], list(map(str, settings))])


class Recall:
    """Runs pictures through the engine, unless their result is known."""

    def __init__(self, engine: Engine, cache: ResultCache, revision: str) -> None:
        self._engine = engine
        self._cache = cache
        self._revision = revision

    async def run(self, source: Source, policy: Policy, spans: Mapping[str, float] | None = None) -> Outcome:
        """What the engine says of the picture, with the caller's own file name. Raises what the engine raises."""
        before = dict(spans or {})
        key = await asyncio.to_thread(self._key, source.data, policy)
        codec = Codec(self._pack, lambda data: self._unpack(data, source))
        outcome, status = await self._cache.once(key, lambda: self._engine.run(source, policy, before), codec)
        if outcome.source is not source:  # made for somebody else at the same time, under his file name
            outcome = replace(outcome, source=source, spans=before)
        if status == HIT:
            outcome = replace(outcome, spans=before)
            log.info(
                "image", format=outcome.spec.name, bytes_in=len(source.data), bytes_out=len(outcome.data), cache=HIT
            )
        return replace(outcome, cache=status)

    def _key(self, data: bytes, policy: Policy) -> str:
        return "optimize:" + _digest([self._revision, hashlib.sha256(data).hexdigest(), asdict(policy.canonical)])

    def _pack(self, outcome: Outcome) -> bytes | None:
        """The outcome without its input; None for one that another try could better, or that is too large."""
        room = len(outcome.data) <= self._cache.max_entry
        if not room or not outcome.repeatable or outcome.reason is Reason.TIME_LIMIT:
            return None
        kept = {
            name: getattr(outcome, name) for name in ("data", "method", "reason", "quality", "score", "removed", "kept")
        }
        formats = {"spec": outcome.spec.name, "made": outcome.made.name}
        packed: bytes = msgpack.packb(
            {**kept, **formats, "before": asdict(outcome.before), "attempts": list(outcome.attempts)}
        )
        return packed

    def _unpack(self, data: bytes, source: Source) -> Outcome:
        """Raises ValueError for bytes that are no such outcome."""
        try:
            return _outcome(msgpack.unpackb(data, use_list=False), source, self._engine.formats)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("no outcome") from error


def _outcome(stored: dict[str, Any], source: Source, formats: Sequence[Optimizer]) -> Outcome:
    specs = {optimizer.spec.name: optimizer.spec for optimizer in formats}
    return Outcome(
        **{
            **stored,
            "spec": specs[stored["spec"]],
            "made": specs[stored["made"]],
            "before": ImageInfo(**stored["before"]),
            "reason": Reason(stored["reason"]),
            "attempts": tuple(Told(*attempt) for attempt in stored["attempts"]),
        },
        source=source,
        spans={},
    )


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
