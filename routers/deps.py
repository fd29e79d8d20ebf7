"""What handlers are handed: the services that `create_app` built, a place in the queue, and the caller's picture."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from config import Settings
from delivery.parameters import Rules, Wishes, negotiates, wishes_of
from delivery.service import Delivery
from estimation.estimator import Estimator
from estimation.memory import Memory
from exceptions import FormatRefused, RateLimited, Unauthorized, Unavailable
from library.batch_desk import BatchDesk
from library.broker import Queue
from library.catalog import Catalog
from library.library import Library
from library.messages import Callbacks
from library.submission import Uploads
from middleware import ANSWER_HEADERS, TICKET, VARIES
from optimizers.base import Optimizer
from optimizers.engine import Engine
from optimizers.policy import Policy
from optimizers.recall import Recall
from optimizers.router import CHOICE, detect
from optimizers.selftest import ToolReport
from routers.accept import accepted
from routers.answers import rate_headers
from routers.body import Body, BodyLimits, too_large
from routers.draining import refuse_while_draining
from routers.intake import (
    JSON_LIMIT,
    Inquiry,
    ToPolicy,
    Upload,
    read_compress,
    read_inquiry,
    read_upload,
)
from routers.library_intake import LibraryForm, read_library_form
from routers.library_models import BatchRequest
from routers.outputs import Outputs
from routers.tinify_intake import Picture, read_picture
from schemas import OptimizationOptions, TicketRequest
from security.auth import ApiKeys, Caller, client_address, identify, ticket_of
from security.image_urls import UrlKey, check_signature
from security.jwt import Tokens, bearer_of
from security.rate_limiter import RateLimiter
from security.tickets import Ticket, Tickets
from security.usage import Usage
from storage.stores import Stores
from utils.concurrency import ByteBudget, Charge, Slots
from utils.result_cache import ResultCache
from utils.subprocess_runner import Launcher
from utils.url_fetch import Fetcher

T = TypeVar("T")
BATCH_LIMIT = 16 << 20
"""Bytes of a batch's JSON body: ten thousand presigned URLs."""


@dataclass(frozen=True)
class Gate:
    """Who may call, and how often: limiters for callers without and with a key, and for users' uploads."""

    keys: ApiKeys
    tokens: Tokens
    public: RateLimiter
    authenticated: RateLimiter
    uploads: RateLimiter


@dataclass(frozen=True)
class Images:
    """GET /images: variants of the originals, where there is an origin, and what its URLs may be."""

    delivery: Delivery | None
    rules: Rules
    keys: Sequence[UrlKey]


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
    tickets: Tickets
    fetcher: Fetcher
    stores: Stores
    library: Library
    queue: Queue
    uploads: Uploads
    batches: BatchDesk
    callbacks: Callbacks
    catalog: Catalog
    estimator: Estimator
    estimated: Memory
    outputs: Outputs
    usage: Usage
    reports: tuple[ToolReport, ...]
    launcher: Launcher
    images: Images


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


async def _identified(request: Request, parts: Services, origin: str, *, required: bool) -> Caller:
    try:
        return identify(request.headers, origin, parts.gate.keys, required=required)
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


async def ticket(request: Request, parts: ServicesDep, origin: Annotated[str, Depends(address)]) -> Ticket | None:
    """What the request's ticket allows, where it has one. Raises Unauthorized, TicketGone."""
    token = ticket_of(request.headers) or request.scope.get(TICKET)
    if token is None:
        return None
    try:
        return parts.tickets.read(token)
    except Unauthorized:
        await _count(request, parts.gate.public, origin)
        raise


TicketDep = Annotated[Ticket | None, Depends(ticket)]


async def guest(
    request: Request, parts: ServicesDep, origin: Annotated[str, Depends(address)], pass_: TicketDep
) -> Caller:
    """Who is calling, where a ticket is as good as a key."""
    return Caller(origin) if pass_ else await caller(request, parts, origin)


GuestDep = Annotated[Caller, Depends(guest)]


async def counted_guest(request: Request, parts: ServicesDep, who: GuestDep) -> None:
    """One call more on the account of a caller, who may have come with a ticket."""
    await counted(request, parts, who)


async def key_holder(parts: ServicesDep, who: CallerDep, allowed: Annotated[None, Depends(counted)]) -> Caller:
    """A caller with a key, where the service knows keys. Raises Unauthorized."""
    if parts.gate.keys and not who.authenticated:
        raise Unauthorized("this needs an API key")
    return who


KeyHolderDep = Annotated[Caller, Depends(key_holder)]


async def visitor(request: Request, parts: ServicesDep, origin: Annotated[str, Depends(address)]) -> None:
    """Somebody who may see an image: by a URL that we signed, which is not counted, or like any caller.

    Raises SignatureRefused, Unauthorized, RateLimited.
    """
    pairs, images = request.query_params.multi_items(), parts.images
    if negotiates(pairs, images.rules.presets):
        request.scope[VARIES] = ("Accept",)
    if images.keys:
        check_signature(request.path_params["path"], pairs, images.keys, time.time())
    who = await _identified(request, parts, origin, required=parts.settings.require_auth and not images.keys)
    if who.authenticated or not images.keys:
        await counted(request, parts, who)


async def wishes_for(request: Request, parts: ServicesDep, allowed: Annotated[None, Depends(visitor)]) -> Wishes:
    """What is asked of an image. Raises InvalidOptions."""
    return wishes_of(request.query_params.multi_items(), parts.images.rules)


async def delivery(request: Request, parts: ServicesDep) -> Delivery:
    """Where images are made. Raises Unavailable where there are none to be had."""
    refuse_while_draining(request.scope)
    if parts.images.delivery is None:
        raise Unavailable("images are not delivered here: ORIGIN_URL is empty")
    return parts.images.delivery


ImageWishesDep = Annotated[Wishes, Depends(wishes_for)]
DeliveryDep = Annotated[Delivery, Depends(delivery)]


async def user(request: Request, parts: ServicesDep, origin: Annotated[str, Depends(address)]) -> str:
    """Whose token it is. Raises Unauthorized, Unavailable."""
    try:
        return parts.gate.tokens.subject(bearer_of(request.headers.get("authorization", "")))
    except Unauthorized:
        await _count(request, parts.gate.public, origin)
        raise


UserDep = Annotated[str, Depends(user)]


async def counted_upload(request: Request, parts: ServicesDep, who: UserDep) -> None:
    """One upload more on the user's account; when it resets is said as a time, as clients of that route expect."""
    try:
        await _count(request, parts.gate.uploads, who)
    finally:
        headers = request.scope.get(ANSWER_HEADERS, {})
        if "X-RateLimit-Reset" in headers:
            moment = datetime.now(UTC) + timedelta(seconds=int(headers["X-RateLimit-Reset"]))
            headers["X-RateLimit-Reset"] = moment.isoformat(timespec="seconds").replace("+00:00", "Z")


async def library_form(
    request: Request, parts: ServicesDep, allowed: Annotated[None, Depends(counted_upload)]
) -> AsyncIterator[LibraryForm]:
    """The form of an upload to the library, read last; what it takes of the memory is charged until the end."""
    refuse_while_draining(request.scope)
    with parts.bodies.account() as charge:
        yield await read_library_form(_body(request, parts, charge, parts.settings.max_upload))


LibraryFormDep = Annotated[LibraryForm, Depends(library_form)]


async def order(request: Request, parts: ServicesDep, who: UserDep) -> BatchRequest:
    """What a batch shall do, read last."""
    refuse_while_draining(request.scope)
    with parts.bodies.account() as charge:
        return BatchRequest.from_json(await _body(request, parts, charge, BATCH_LIMIT).read(BATCH_LIMIT))


OrderDep = Annotated[BatchRequest, Depends(order)]


async def intake(
    request: Request, parts: ServicesDep, pass_: TicketDep, allowed: Annotated[None, Depends(counted_guest)]
) -> AsyncIterator[Upload]:
    """The body, read last, and a place for working on it: none is held for a body that is still arriving."""
    if pass_:
        await parts.tickets.expect_use(pass_)
    to_policy = _to_policy(request, parts, pass_)
    limit = min(parts.settings.max_file_size, pass_.max_bytes) if pass_ else parts.settings.max_file_size
    async with _admitted(request, parts, lambda body: read_upload(body, to_policy, parts.fetcher), limit) as upload:
        if pass_:
            _check(upload, pass_, parts.engine.formats)
            await parts.tickets.use(pass_)
        yield upload


async def compress_intake(
    request: Request, parts: ServicesDep, allowed: Annotated[None, Depends(counted)]
) -> AsyncIterator[Upload]:
    """The same for POST /compress."""
    settings = parts.settings
    read = partial(read_compress, default_quality=settings.default_quality)
    async with _admitted(request, parts, read, settings.max_file_size) as upload:
        yield upload


async def terms(request: Request, parts: ServicesDep, who: KeyHolderDep) -> TicketRequest:
    """What a ticket shall allow, read last."""
    refuse_while_draining(request.scope)
    with parts.bodies.account() as charge:
        return TicketRequest.from_json(await _body(request, parts, charge, JSON_LIMIT).read(JSON_LIMIT))


async def estimate_intake(
    request: Request, parts: ServicesDep, allowed: Annotated[None, Depends(counted)]
) -> AsyncIterator[Inquiry]:
    """The same for an estimate, which takes no place; what its body takes of the memory is charged until the end."""
    refuse_while_draining(request.scope)
    with parts.bodies.account() as charge:
        body = _body(request, parts, charge, parts.settings.max_file_size)
        yield await read_inquiry(body, _to_policy(request, parts, None))


async def shrink_intake(request: Request, parts: ServicesDep, who: KeyHolderDep) -> AsyncIterator[Picture]:
    """The same for POST /shrink."""
    limit = parts.settings.max_file_size
    async with _admitted(request, parts, lambda body: read_picture(body, parts.fetcher), limit) as picture:
        yield picture


async def wishes(request: Request, parts: ServicesDep, who: KeyHolderDep) -> AsyncIterator[bytes]:
    """What shall be done to a result, as it was sent."""
    async with _admitted(request, parts, lambda body: body.read(JSON_LIMIT), JSON_LIMIT) as text:
        yield text


async def catalog_body(request: Request, parts: ServicesDep, who: KeyHolderDep) -> AsyncIterator[Body]:
    """The body of a route of /v1, read by its handler: what the library knows already takes no place."""
    refuse_while_draining(request.scope)
    with parts.bodies.account() as charge:
        yield _body(request, parts, charge, parts.settings.max_upload)


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


def _to_policy(request: Request, parts: Services, pass_: Ticket | None) -> ToPolicy:
    def to_policy(options: OptimizationOptions) -> Policy:
        chosen = accepted(request.headers.get("accept", ""), CHOICE)
        allowed = options.overridden(pass_.optimization) if pass_ else options
        return allowed.to_policy(parts.settings.default_quality, chosen)

    return to_policy


def _check(upload: Upload, allowed: Ticket, formats: Sequence[Optimizer]) -> None:
    """Raises PayloadTooLarge, FormatRefused."""
    data = upload.source.data
    if len(data) > allowed.max_bytes:  # as a URL's may be
        raise too_large(allowed.max_bytes, len(data))
    if allowed.formats and (found := detect(data, formats).spec.name) not in allowed.formats:
        raise FormatRefused(f"{found}; the ticket allows {', '.join(allowed.formats)}")


UploadDep = Annotated[Upload, Depends(intake)]
CompressDep = Annotated[Upload, Depends(compress_intake)]
TermsDep = Annotated[TicketRequest, Depends(terms)]
InquiryDep = Annotated[Inquiry, Depends(estimate_intake)]
PictureDep = Annotated[Picture, Depends(shrink_intake)]
WishesDep = Annotated[bytes, Depends(wishes)]
CatalogBodyDep = Annotated[Body, Depends(catalog_body)]
