"""What handlers are handed: the services that `create_app` built, a place in the queue, and the caller's picture."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from config import Settings
from estimation.estimator import Estimator
from estimation.memory import Memory
from exceptions import RateLimited
from middleware import ANSWER_HEADERS
from optimizers.engine import Engine
from optimizers.policy import Policy
from optimizers.router import CHOICE
from optimizers.selftest import ToolReport
from routers.accept import accepted
from routers.answers import rate_headers
from routers.draining import refuse_while_draining
from routers.intake import Inquiry, ToPolicy, Upload, read_body, read_upload
from schemas import EstimateRequest, OptimizationOptions
from security.auth import ApiKeys, Caller, client_address, identify
from security.rate_limiter import RateLimiter
from utils.concurrency import Slots
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
    gate: Gate
    fetcher: Fetcher
    estimator: Estimator
    estimates: Slots
    """Places for estimates, which take no slot and wait behind no optimization."""
    estimated: Memory
    reports: tuple[ToolReport, ...]
    launcher: Launcher


def services(request: Request) -> Services:
    """The parts of the application that answers."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


def caller(request: Request, parts: ServicesDep) -> Caller:
    """Who is calling; refused before anything of the body is read."""
    settings = parts.settings
    peer = request.client.host if request.client else "unknown"
    # A proxy may add a line of its own below the client's instead of appending to it: all lines are one list.
    forwarded_for = ",".join(request.headers.getlist("x-forwarded-for"))
    address = client_address(peer, forwarded_for, settings.trusted_proxy_hops)
    return identify(request.headers, address, parts.gate.keys, required=settings.require_auth)


async def counted(request: Request, parts: ServicesDep, who: Annotated[Caller, Depends(caller)]) -> None:
    """One call more on the caller's account."""
    limiter = parts.gate.authenticated if who.authenticated else parts.gate.public
    decision = await limiter.decide(who.name)
    request.scope[ANSWER_HEADERS] = rate_headers(decision)
    if not decision.allowed:
        tightest = decision.tightest
        raise RateLimited(
            f"more than {tightest.allowance.calls} calls in {tightest.allowance.seconds} s",
            retry_after=max(1, tightest.reset),
        )


async def place(
    request: Request, parts: ServicesDep, allowed: Annotated[None, Depends(counted)]
) -> AsyncIterator[None]:
    """Admission: a place is held before the first byte of the body is read."""
    refuse_while_draining(request.scope)
    async with parts.slots.place():
        yield


async def estimate_place(
    request: Request, parts: ServicesDep, allowed: Annotated[None, Depends(counted)]
) -> AsyncIterator[None]:
    """The same for an estimate: what bodies may take of the memory is bounded, too."""
    refuse_while_draining(request.scope)
    async with parts.estimates.place():
        yield


async def intake(request: Request, parts: ServicesDep, admitted: Annotated[None, Depends(place)]) -> Upload:
    """The body, read last: after every guard."""
    limits = (parts.settings.max_file_size, parts.settings.upload_timeout_seconds)
    return await read_upload(request, *limits, _to_policy(request, parts), parts.fetcher)


async def estimate_intake(
    request: Request, parts: ServicesDep, admitted: Annotated[None, Depends(estimate_place)]
) -> Inquiry:
    """The same for an estimate."""
    to_policy = _to_policy(request, parts)
    limits = (parts.settings.max_file_size, parts.settings.upload_timeout_seconds)
    body = await read_body(request, *limits, to_policy, EstimateRequest)
    if isinstance(body, Upload):
        return Inquiry(body.policy, data=body.source.data)
    return Inquiry(to_policy(body.optimization), urls=tuple(body.urls or ()), url=body.url)


def _to_policy(request: Request, parts: Services) -> ToPolicy:
    def to_policy(options: OptimizationOptions) -> Policy:
        chosen = accepted(request.headers.get("accept", ""), CHOICE)
        return options.to_policy(parts.settings.default_quality, chosen)

    return to_policy


UploadDep = Annotated[Upload, Depends(intake)]
InquiryDep = Annotated[Inquiry, Depends(estimate_intake)]
