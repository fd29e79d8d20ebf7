"""What handlers are handed: the services that `create_app` built, a place in the queue, and the caller's picture."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from config import Settings
from estimation.estimator import Estimator
from estimation.memory import Memory
from exceptions import RateLimited, Unauthorized
from middleware import ANSWER_HEADERS
from optimizers.engine import Engine
from optimizers.policy import Policy
from optimizers.router import CHOICE
from optimizers.selftest import ToolReport
from routers.accept import accepted
from routers.answers import rate_headers
from routers.body import Body, BodyLimits
from routers.draining import refuse_while_draining
from routers.intake import Inquiry, ToPolicy, Upload, read_inquiry, read_upload
from schemas import OptimizationOptions
from security.auth import ApiKeys, Caller, client_address, identify
from security.rate_limiter import RateLimiter
from storage.stores import Stores
from utils.concurrency import ByteBudget, Charge, Slots
from utils.subprocess_runner import Launcher
from utils.url_fetch import Fetcher


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
    slots: Slots
    bodies: ByteBudget
    gate: Gate
    fetcher: Fetcher
    stores: Stores
    estimator: Estimator
    estimated: Memory
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


async def intake(
    request: Request, parts: ServicesDep, allowed: Annotated[None, Depends(counted)]
) -> AsyncIterator[Upload]:
    """The body, read last, and a place for working on it: none is held for a body that is still arriving."""
    refuse_while_draining(request.scope)
    parts.slots.expect_place()
    with parts.bodies.account() as charge:
        upload = await read_upload(_body(request, parts, charge), _to_policy(request, parts), parts.fetcher)
    async with parts.slots.place():
        yield upload


async def estimate_intake(
    request: Request, parts: ServicesDep, allowed: Annotated[None, Depends(counted)]
) -> AsyncIterator[Inquiry]:
    """The same for an estimate, which takes no place; what its body takes of the memory is charged until the end."""
    refuse_while_draining(request.scope)
    with parts.bodies.account() as charge:
        yield await read_inquiry(_body(request, parts, charge), _to_policy(request, parts))


def _body(request: Request, parts: Services, charge: Charge) -> Body:
    settings = parts.settings
    limits = BodyLimits(settings.max_file_size, settings.upload_timeout_seconds, settings.min_upload_rate)
    return Body(request, limits, charge)


def _to_policy(request: Request, parts: Services) -> ToPolicy:
    def to_policy(options: OptimizationOptions) -> Policy:
        chosen = accepted(request.headers.get("accept", ""), CHOICE)
        return options.to_policy(parts.settings.default_quality, chosen)

    return to_policy


UploadDep = Annotated[Upload, Depends(intake)]
InquiryDep = Annotated[Inquiry, Depends(estimate_intake)]
