"""One browser for all tests of a process, and what a visitor of the page does in it."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, FilePayload, Locator, Page, async_playwright, expect

from tests.conftest import start_service
from tests.helpers import encode, graphic, photo

Visit = Callable[..., Awaitable[Page]]
PATIENCE = 30_000
"""Milliseconds for what the service has to do."""
PHOTO = encode(photo(640, 480), "JPEG", quality=95)
LOGO = encode(graphic(alpha=True), "PNG")
EXPECTED_NOISE = "Failed to load resource"
"""How the browser reports every refusal of the service."""


def browser_options() -> dict[str, Any]:
    """The system's Chromium; without its sandbox, as it has none when root runs it."""
    path = shutil.which("chromium")
    assert path, "scripts/system-packages.sh test installs it (make setup)"
    return {"executable_path": path, "args": ["--no-sandbox"]}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**browser_options())
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Opens the page of a service; whatever goes wrong in it fails the test."""
    contexts, wrongs = [], []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and EXPECTED_NOISE not in message.text:
            wrongs.append(message.text)

    async def open_page(address: str, **options: Any) -> Page:
        context = await browser.new_context(**options)
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrongs.append(str(error)))
        page.on("console", heard)
        await page.goto(f"{address}/")
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert wrongs == []


@contextmanager
def running_service(folder: Path, **settings: str) -> Iterator[tuple[str, Popen[bytes]]]:
    """A service of the test's own: its address and its process."""
    process, address = start_service(folder, **settings)
    try:
        yield address, process
    finally:
        process.terminate()
        process.wait(timeout=40)


@pytest.fixture(scope="session")
def address(service: Any) -> str:
    """Of the service that all tests share, which limits nobody."""
    return str(service.base_url).rstrip("/")


def file(name: str, data: bytes = PHOTO, kind: str = "image/jpeg") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": data}


async def give(page: Page, *files: FilePayload) -> None:
    """Picks files; every one gets its row."""
    before = await rows(page).count()
    await page.set_input_files("#pick", list(files))
    await expect(rows(page)).to_have_count(before + len(files))


def rows(page: Page, state: str = "") -> Locator:
    return page.locator(f'.file[data-state="{state}"]' if state else ".file")


async def settled(page: Page, count: int, state: str = "done") -> None:
    """Waits until so many images have come to that state."""
    await expect(rows(page, state)).to_have_count(count, timeout=PATIENCE)


async def saved(page: Page, button: Locator) -> tuple[str, bytes]:
    """Clicks it; name and bytes of what was downloaded."""
    async with page.expect_download() as event:
        await button.click()
    download = await event.value
    return download.suggested_filename, Path(await download.path()).read_bytes()
