"""Does every tool really work here? Each encodes a tiny picture once, at start."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from exceptions import PareError
from optimizers.base import Optimizer
from optimizers.engine import Engine
from optimizers.policy import Effort, Metadata, Policy
from utils.subprocess_runner import ToolRunner


@dataclass(frozen=True, slots=True)
class ToolReport:
    """One tool as it was found."""

    tool: str
    available: bool
    version: str | None
    works: bool


async def self_test(engine: Engine, runner: ToolRunner) -> tuple[ToolReport, ...]:
    """A report on every program that a format names."""
    worked: set[str] = set()
    for optimizer in engine.formats:
        worked |= await _tools_that_work(optimizer, engine)
    names = sorted({tool for optimizer in engine.formats for tool in optimizer.spec.tools})
    return tuple(
        [
            ToolReport(name, runner.path_of(name) is not None, await runner.version_of(name), name in worked)
            for name in names
        ]
    )


async def _tools_that_work(optimizer: Optimizer, engine: Engine) -> set[str]:
    worked: set[str] = set()
    for policy in (Policy(), Policy(lossless=True)):
        tools = engine.toolbox()
        try:
            sample = await tools.call(optimizer.sample)
            cleaned = sample and await optimizer.clean(sample, Metadata.ALL, tools)
            if cleaned:
                info, best = optimizer.inspect(cleaned.data), replace(policy, effort=Effort.BEST)
                _ = [candidate async for candidate in optimizer.optimize(cleaned.data, info, policy, tools)]
                rivals = await optimizer.recoders(cleaned.data, info, best, tools)
                _ = [await encoder.encode(best.quality) for encoder in rivals]
        except PareError:
            continue
        worked |= {use.tool for use in tools.uses if use.failure is None}
    return worked


def impaired(formats: Sequence[Optimizer], reports: Sequence[ToolReport]) -> list[str]:
    """The formats that lack one of their tools."""
    broken = {report.tool for report in reports if not report.works}
    return [optimizer.spec.name for optimizer in formats if broken & set(optimizer.spec.tools)]
