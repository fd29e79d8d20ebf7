"""One picture and everything that the work on it may use."""

from dataclasses import dataclass
from typing import Any

from exceptions import ToolError
from optimizers.base import Cleaned, ImageInfo, Optimizer, Source
from optimizers.outcome import Clock
from optimizers.policy import Policy
from optimizers.toolbox import Toolbox, ToolUse


@dataclass(frozen=True, slots=True)
class Task:
    """What the engine hands to the two ways through it."""

    source: Source
    optimizer: Optimizer
    info: ImageInfo
    policy: Policy
    floor: float
    """No loss is worth a score below this one."""
    tools: Toolbox
    proof: Toolbox
    """Tools for proving a result, with time of their own."""
    clock: Clock

    @property
    def uses(self) -> tuple[ToolUse, ...]:
        """Every use of a tool so far."""
        return (*self.tools.uses, *self.proof.uses)

    async def clean(self) -> Cleaned:
        """The picture without what the metadata policy takes away. Raises ToolError."""
        cleaned = await self.optimizer.clean(self.source.data, self.policy.metadata, self.tools)
        if cleaned is None:
            raise error_of(self.tools)
        return cleaned

    async def look(self, optimizer: Optimizer, data: bytes, *, exact: bool) -> dict[str, Any]:
        """What is to be seen in a file. Raises UnprocessableImage, ToolError."""
        seen = await self.proof.call(optimizer.look, data, optimizer.spec.decoder, exact)
        if seen is None:
            raise error_of(self.proof)
        return seen


def error_of(tools: Toolbox) -> ToolError:
    """Why the last of these tools gave nothing."""
    assert tools.last_error is not None, "a tool gave no result and no reason"
    return tools.last_error
