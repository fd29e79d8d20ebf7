"""The areas of an attack over HTTP: each sends its inputs to one running service and says what was wrong."""

import io
import json
import random
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from xml.sax.saxutils import quoteattr

import httpx
from PIL import Image

from benchmarks.addresses import PRIVATE_IPV4, PRIVATE_IPV6, in_url
from benchmarks.attacks import BOMBS, UNPACKED, mutate, svg
from benchmarks.besieged import KEY, WRONG_KEY, Besieged
from benchmarks.contract import check_contract
from benchmarks.faults import noise
from benchmarks.judge import Tally, fault_of
from benchmarks.malformed import ANSWERED, BROKEN_OFF
from benchmarks.svg_attacks import ANIMATIONS, HANDLERS, LINKS, LOADS, SCRIPTS, SHEETS, STYLES
from benchmarks.wire import exchange, parsed, post
from optimizers.router import FORMATS

CALLERS = 4
"""At once; fewer than there are slots and places to wait."""
RETRIES = 20
PATIENCE_SECONDS = 20.0
REFUSED = (413, 415, 422)
NEVER_DRAWN = "svg of 10^16 pixels"
"""Harmless, as a drawing is rewritten and never turned into pixels."""


def asked(http: httpx.Client, **request: object) -> httpx.Response:
    """The answer of /optimize; a service that is busy is asked again."""
    for _ in range(RETRIES):
        answer = http.post("/optimize", **request)  # type: ignore[arg-type]
        if answer.status_code != 503 or fault_of(answer):
            return answer
        time.sleep(float(answer.headers["retry-after"]))
    return answer


def by_callers(
    service: Besieged, tally: Tally, inputs: Mapping[str, bytes], judge: Callable[[httpx.Response], str]
) -> None:
    """Send raw bodies, CALLERS at a time, and note what `judge` says of each answer that is sound."""
    with service.client() as http, ThreadPoolExecutor(CALLERS) as threads:
        for name, answer in zip(
            inputs, threads.map(lambda data: asked(http, content=data), inputs.values()), strict=True
        ):
            tally.note(name, fault_of(answer) or judge(answer))


def mutations(service: Besieged, per_format: int) -> Tally:
    """Files of every format, broken at random, always in the same ways."""
    tally = Tally("broken files of every format")
    samples = [optimizer.sample() for optimizer in FORMATS]
    for optimizer in FORMATS:
        chance = random.Random(optimizer.spec.name)  # noqa: S311
        sample = optimizer.sample()
        inputs = {
            f"{optimizer.spec.name} {number}": mutate(sample, chance.choice(samples), chance)
            for number in range(per_format)
        }
        by_callers(service, tally, inputs, lambda answer: "")
    return tally


def bombs(service: Besieged) -> Tally:
    """Small files of huge things; the slowest refusal in seconds is a figure."""
    tally = Tally("bombs")
    slowest = 0.0
    with service.client() as http:
        for name, data in (BOMBS | UNPACKED).items():
            started = time.monotonic()
            answer = asked(http, content=data)
            slowest = max(slowest, time.monotonic() - started)
            refused = answer.status_code in REFUSED or name == NEVER_DRAWN
            tally.note(name, fault_of(answer) or ("" if refused else f"answered {answer.status_code}"))
    tally.figures["slowest refusal, s"] = slowest
    return tally


def heavy(service: Besieged) -> Tally:
    """As large as is allowed, as many at once as there are slots and places: what most memory is needed for."""
    tally = Tally("files just within the limits")
    size = (7000, 7000)
    scene = Image.linear_gradient("L").resize(size)
    colour = Image.merge("RGB", (scene, scene.rotate(90), scene.rotate(180)))
    inputs = {"PNG": encoded(colour, "PNG", compress_level=1), "JPEG": encoded(colour, "JPEG")}
    inputs |= {"GIF": encoded(scene, "GIF"), "WEBP": encoded(colour, "WEBP", method=0)}
    inputs |= {
        "TIFF": encoded(colour, "TIFF", compression="tiff_deflate"),
        "noise": noise(3200),
        "zeros": bytes(32 << 20),
    }
    by_callers(service, tally, inputs, lambda answer: "")
    return tally


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    """The picture as a file of 49 million pixels."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def drawings(service: Besieged) -> Tally:
    """SVG that would run or load: nothing of it comes back."""
    tally = Tally("SVG attacks")
    bodies = [*SCRIPTS, *HANDLERS, *LINKS, *LOADS, *ANIMATIONS]
    bodies += [f"<rect style={quoteattr(style)}/>" for style in STYLES]
    bodies += [f"<style>{sheet}</style>" for sheet in SHEETS]
    root = svg("").replace(b"<svg ", b'<svg xmlns:xlink="http://www.w3.org/1999/xlink" ')
    inputs = {body: root.replace(b"></svg>", f">{body}</svg>".encode()) for body in bodies}

    def inert(answer: httpx.Response) -> str:
        live = answer.status_code == 200 and ("alert" in answer.text or "evil" in answer.text)
        return "something of it came back" if live else ""

    by_callers(service, tally, inputs, inert)
    return tally


def addresses(service: Besieged) -> Tally:
    """URLs that lead to what is not public: refused before anything is connected to."""
    tally = Tally("URLs into the private")
    names = ["localhost", "metadata.google.internal", *map(in_url, (*PRIVATE_IPV4, *PRIVATE_IPV6))]
    urls = [spelling.format(name) for name in names for spelling in ("http://{}/a", "https://{}/", "http://u@{}/")]
    urls += ["file:///etc/passwd", "ftp://a.invalid/", "gopher://127.0.0.1/", "data:image/png;base64,AA==", "//a/", ""]
    with service.client() as http:
        for url in urls:
            answer = asked(http, json={"url": url})
            refused = answer.status_code == 422 and answer.json()["code"] == "url_refused"
            tally.note(url, fault_of(answer) or ("" if refused else f"answered {answer.status_code}"))
    return tally


def messages(service: Besieged) -> Tally:
    """HTTP that is wrong, and HTTP that breaks off: refused, and no 500."""
    tally = Tally("malformed HTTP")
    for name, message in ANSWERED.items():
        try:
            answer = parsed(exchange(service.address, message, PATIENCE_SECONDS))
        except TimeoutError:
            tally.note(name, "hangs")
        else:
            tally.note(
                name, f"answered {answer.status_code}" if answer and answer.status_code in (500, 502, 504) else ""
            )
    for name, message in BROKEN_OFF.items():
        with socket.create_connection(service.address) as connection, suppress(ConnectionError):
            connection.sendall(message)
        tally.note(name)
    return tally


def credentials(service: Besieged) -> Tally:
    """Keys that are none, in every spelling; and one that is."""
    tally = Tally("wrong keys")
    spellings = ["Bearer {}", "bearer  {}", "Bearer {}, {}", "Basic {}", "Digest {}", "x{}", "Bearer{}", "Bearer {}\t"]
    headers = [
        {"Authorization": spelling.format(key, key)} for spelling in spellings for key in (WRONG_KEY, KEY[:-1], "")
    ]
    headers += [{"X-API-Key": key} for key in (WRONG_KEY, KEY.upper(), KEY + "x")]
    for header in headers:
        _expect(service, tally, header, 401)
    _expect(service, tally, {"X-API-Key": KEY}, 400)
    return tally


def _expect(service: Besieged, tally: Tally, header: dict[str, str], status: int) -> None:
    answer = parsed(exchange(service.address, post(b"", headers=header)))
    wrong = "no answer" if answer is None else fault_of(answer)
    if answer is not None and not wrong and answer.status_code != status:
        wrong = f"answered {answer.status_code}"
    tally.note(json.dumps(header), wrong)


def contract(service: Besieged, examples: int) -> Tally:
    """Everything that the OpenAPI document says, and what it does not."""
    found = check_contract(service.url, examples)
    return Tally("OpenAPI document", found.requests, [found.report] if found.report else [])
