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
from routers.intake import JSON_LIMIT, Upload, read_upload
from routers.outputs import Outputs
from routers.tinify_intake import Picture, read_picture
from schemas import OptimizationOptions
from security.auth import ApiKeys, Caller, client_address, identify
from security.rate_limiter import RateLimiter
from security.usage import Usage
from storage.stores import Stores
from utils.concurrency import ByteBudget, Charge, Slots
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
    try:
        return identify(request.headers, origin, parts.gate.keys, required=parts.settings.require_auth)
    except Unauthorized:
        # Guesses cost what public calls do. A right key stays right however many wrong ones came from its address:
        # else a stranger behind the same proxy could lock its owner out.
        await _count(request, parts.gate.public, origin)
        raise


CallerDep = Annotated[Caller, Depends(caller)]


async def counted(request: Request, parts: ServicesDep, who: CallerDep) -> None:
    """One call more on the caller's account."""
    await _count(request, parts.gate.authenticated if who.authenticated else parts.gate.public, who.name)


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


async def key_holder(parts: ServicesDep, who: CallerDep, allowed: Annotated[None, Depends(counted)]) -> Caller:
    """A caller with a key, where the service knows keys. Raises Unauthorized."""
    if parts.gate.keys and not who.authenticated:
        raise Unauthorized("this needs an API key")
    return who


KeyHolderDep = Annotated[Caller, Depends(key_holder)]


async def intake(
    request: Request, parts: ServicesDep, allowed: Annotated[None, Depends(counted)]
) -> AsyncIterator[Upload]:
    """The body, read last, and a place for working on it: none is held for a body that is still arriving."""

    def to_policy(options: OptimizationOptions) -> Policy:
        chosen = accepted(request.headers.get("accept", ""), CHOICE)
        return options.to_policy(parts.settings.default_quality, chosen)

    limit = parts.settings.max_file_size
    async with _admitted(request, parts, lambda body: read_upload(body, to_policy, parts.fetcher), limit) as upload:
        yield upload


async def shrink_intake(request: Request, parts: ServicesDep, who: KeyHolderDep) -> AsyncIterator[Picture]:
    """The same for POST /shrink."""
    limit = parts.settings.max_file_size
    async with _admitted(request, parts, lambda body: read_picture(body, parts.fetcher), limit) as picture:
        yield picture


async def wishes(request: Request, parts: ServicesDep, who: KeyHolderDep) -> AsyncIterator[bytes]:
    """What shall be done to a result, as it was sent."""
    async with _admitted(request, parts, lambda body: body.read(JSON_LIMIT), JSON_LIMIT) as text:
        yield text


@asynccontextmanager
async def _admitted(
    request: Request, parts: Services, read: Callable[[Body], Awaitable[T]], limit: int
) -> AsyncIterator[T]:
    """What is read of a body of at most `limit` bytes, with a place for working on it."""
    refuse_while_draining(request.scope)
    parts.slots.expect_place()
    with parts.bodies.account() as charge:
        found = await read(_body(request, parts, charge, limit))
    async with parts.slots.place():
        yield found


def _body(request: Request, parts: Services, charge: Charge, limit: int) -> Body:
    settings = parts.settings
    return Body(request, BodyLimits(limit, settings.upload_timeout_seconds, settings.min_upload_rate), charge)


UploadDep = Annotated[Upload, Depends(intake)]
PictureDep = Annotated[Picture, Depends(shrink_intake)]
WishesDep = Annotated[bytes, Depends(wishes)]
