"""GET /docs in a real browser: complete, without a script, without a foreign address, usable on a phone."""

import re
from collections.abc import Iterator
from shutil import which

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab that counts what goes wrong and what is asked for."""
    page = browser.new_page(viewport={"width": 390, "height": 800})
    yield page
    page.close()


def test_it_needs_nothing_but_itself(page: Page, service: httpx.Client) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    address = f"{str(service.base_url).rstrip('/')}/docs"
    answer = page.goto(address)
    assert answer and answer.status == 200 and "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert [url for url in asked if url != address and not url.endswith("/favicon.ico")] == []
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []
    assert page.locator("script").count() == 0


def test_it_shows_every_operation_with_its_command(page: Page, service: httpx.Client) -> None:
    document = service.get("/openapi.json").json()
    page.goto(f"{str(service.base_url).rstrip('/')}/docs")
    operations = [(p, m, op) for p, item in document["paths"].items() for m, op in item.items()]
    assert page.locator("section").count() == len(operations) == page.locator("nav a").count()
    text = page.locator("main").inner_text()
    for path, method, operation in operations:
        assert f"{method.upper()} {path}" in text and operation["x-codeSamples"][0]["source"] in text
    for link in page.locator("nav a").all():
        target = link.get_attribute("href") or ""
        assert page.locator(f"[id='{target[1:]}']").count() == 1
    refusal = page.locator("summary", has_text="413").first
    refusal.click()
    assert "payload_too_large" in page.locator("details[open]").first.inner_text()


def test_it_fits_a_phone(page: Page, service: httpx.Client) -> None:
    page.goto(f"{str(service.base_url).rstrip('/')}/docs")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_is_shown_is_text(service: httpx.Client) -> None:
    text = service.get("/docs").text
    assert not re.search(r"<(script|img|iframe|link)\b", text) and " on" not in re.sub(r">[^<]*<", "><", text)
    assert service.head("/docs").status_code == 200
