"""What handlers are handed: the services that `create_app` built, a place in the queue, and the caller's picture."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from config import Settings
from optimizers.engine import Engine
from optimizers.selftest import ToolReport
from routers.intake import Upload, read_upload
from utils.concurrency import Slots
from utils.url_fetch import Fetcher


@dataclass(frozen=True)
class Services:
    """Every part of one running application."""

    settings: Settings
    engine: Engine
    slots: Slots
    fetcher: Fetcher
    reports: tuple[ToolReport, ...]


def services(request: Request) -> Services:
    """The parts of the application that answers."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


async def place(parts: ServicesDep) -> AsyncIterator[None]:
    """Admission: a place is held before the first byte of the body is read."""
    async with parts.slots.place():
        yield


async def intake(request: Request, parts: ServicesDep, admitted: Annotated[None, Depends(place)]) -> Upload:
    """The body, read last: after every guard."""
    return await read_upload(request, parts.settings.max_file_size, parts.settings.default_quality, parts.fetcher)


UploadDep = Annotated[Upload, Depends(intake)]
