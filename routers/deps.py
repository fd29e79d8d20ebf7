"""What handlers are handed: the services that `create_app` built, a place in the queue, and the caller's picture."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from config import Settings
from exceptions import RateLimited, Unauthorized
from middleware import ANSWER_HEADERS
from optimizers.engine import Engine
from optimizers.policy import Policy
from optimizers.recall import Recall
from optimizers.router import CHOICE
from optimizers.selftest import ToolReport
from routers.accept import accepted
from routers.answers import rate_headers
from routers.body import Body, BodyLimits
from routers.draining import refuse_while_draining
from routers.intake import Upload, read_upload
from routers.outputs import Output, Outputs
from routers.tinify_intake import Picture, read_commands, read_picture
from routers.tinify_options import Commands
from schemas import OptimizationOptions
from security.auth import ApiKeys, Caller, client_address, identify
from security.rate_limiter import RateLimiter
from security.usage import Usage
from storage.stores import Stores
from utils.concurrency import ByteBudget, Slots
from utils.result_cache import ResultCache
from utils.subprocess_runner import Launcher
from utils.url_fetch import Fetcher

T = TypeVar("T")


@dataclass(frozen=True)
class Gate:
    """Who may call, and how often: two limiters, for callers without and with a key."""

    keys: ApiKeys
    public: RateLimiter
    authenticated: RateLimiter


@dataclass(frozen=True)
class Services:
    """Every part of one running application."""

    settings: Settings
    engine: Engine
    recall: Recall
    results: ResultCache
    slots: Slots
    bodies: ByteBudget
    gate: Gate
    fetcher: Fetcher
    stores: Stores
    outputs: Outputs
    usage: Usage
    reports: tuple[ToolReport, ...]
    launcher: Launcher


async def services(request: Request) -> Services:
    """The parts of the application that answers; async, as FastAPI would give anything else a thread."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


async def address(request: Request, parts: ServicesDep) -> str:
    """Where the request comes from, as far as it can be believed."""
    peer = request.client.host if request.client else "unknown"
    # A proxy may add a line of its own below the client's instead of appending to it: all lines are one list.
    forwarded_for = ",".join(request.headers.getlist("x-forwarded-for"))
    return client_address(peer, forwarded_for, parts.settings.trusted_proxy_hops)


async def caller(request: Request, parts: ServicesDep, origin: Annotated[str, Depends(address)]) -> Caller:
    """Who is calling; refused before anything of the body is read."""
    return await _identified(request, parts, origin, required=parts.settings.require_auth)


async def keyholder(request: Request, parts: ServicesDep, origin: Annotated[str, Depends(address)]) -> Caller:
    """Who is calling, with a key wherever there are keys."""
    return await _identified(request, parts, origin, required=bool(parts.gate.keys))


async def _identified(request: Request, parts: Services, origin: str, *, required: bool) -> Caller:
    try:
        return identify(request.headers, origin, parts.gate.keys, required=required)
    except Unauthorized:
        # Guesses cost what public calls do. A right key stays right however many wrong ones came from its address:
        # else a stranger behind the same proxy could lock its owner out.
        await _count(request, parts.gate.public, origin)
        raise


CallerDep = Annotated[Caller, Depends(caller)]
KeyholderDep = Annotated[Caller, Depends(keyholder)]


async def counted(request: Request, parts: ServicesDep, who: CallerDep) -> None:
    """One call more on the caller's account."""
    await _count(request, parts.gate.authenticated if who.authenticated else parts.gate.public, who.name)


async def counted_keyholder(request: Request, parts: ServicesDep, who: KeyholderDep) -> None:
    """One call more on the account of a caller with a key."""
    await counted(request, parts, who)


AllowedDep = Annotated[None, Depends(counted_keyholder)]


async def _count(request: Request, limiter: RateLimiter, name: str) -> None:
    """One call more on an account. Raises RateLimited."""
    decision = await limiter.decide(name)
    request.scope[ANSWER_HEADERS] = rate_headers(decision)
    if not decision.allowed:
        tightest = decision.tightest
        raise RateLimited(
            f"more than {tightest.allowance.calls} calls in {tightest.allowance.seconds} s",
            retry_after=max(1, tightest.reset),
        )


async def intake(
    request: Request, parts: ServicesDep, allowed: Annotated[None, Depends(counted)]
) -> AsyncIterator[Upload]:
    """The picture and the wishes of POST /optimize."""

    def to_policy(options: OptimizationOptions) -> Policy:
        chosen = accepted(request.headers.get("accept", ""), CHOICE)
        return options.to_policy(parts.settings.default_quality, chosen)

    async with _taken_in(request, parts, lambda body: read_upload(body, to_policy, parts.fetcher)) as upload:
        yield upload


async def picture(request: Request, parts: ServicesDep, allowed: AllowedDep) -> AsyncIterator[Picture]:
    """The picture of POST /shrink."""
    async with _taken_in(request, parts, lambda body: read_picture(body, parts.fetcher)) as found:
        yield found


async def output(name: str, parts: ServicesDep, allowed: AllowedDep) -> Output:
    """The result that waits under a name, looked for before any body is read."""
    return await parts.outputs.find(name)


OutputDep = Annotated[Output, Depends(output)]


async def commands(request: Request, parts: ServicesDep, found: OutputDep) -> AsyncIterator[Commands]:
    """The wishes of POST /output."""
    async with _taken_in(request, parts, read_commands) as wishes:
        yield wishes


@asynccontextmanager
async def _taken_in(request: Request, parts: Services, read: Callable[[Body], Awaitable[T]]) -> AsyncIterator[T]:
    """The body, read last, and a place for working on it: none is held for a body that is still arriving."""
    refuse_while_draining(request.scope)
    settings = parts.settings
    limits = BodyLimits(settings.max_file_size, settings.upload_timeout_seconds, settings.min_upload_rate)
    parts.slots.expect_place()
    with parts.bodies.account() as charge:
        found = await read(Body(request, limits, charge))
    async with parts.slots.place():
        yield found


UploadDep = Annotated[Upload, Depends(intake)]
PictureDep = Annotated[Picture, Depends(picture)]
CommandsDep = Annotated[Commands, Depends(commands)]
