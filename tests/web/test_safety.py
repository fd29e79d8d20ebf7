"""Strangers' files and names are text and pictures to the page, never code."""

import pytest
from playwright.async_api import Browser, Error, Page, expect

from tests.web.conftest import LOGO, Visit, file, give, rows, saved, settled

pytestmark = pytest.mark.asyncio(loop_scope="session")
HOSTILE_NAMES = [
    "<img src=x onerror=window.hit=1>.png",
    '"><script>window.hit=1</script>.png',
    "javascript:window.hit=1.png",
    "{{constructor.constructor('window.hit=1')()}}.png",
    "gpj.exe\u202egnp.png",
]
HOSTILE_SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
     width="80" height="60" onload="window.hit=1; parent.hit=1">
  <script>window.hit = 1; parent.hit = 1; fetch("/stolen")</script>
  <style>@import url("http://stolen.example/a.css"); rect { fill: url(http://stolen.example/b.svg#c) }</style>
  <image href="http://stolen.example/a.png" width="9" height="9"/>
  <foreignObject width="80" height="60"><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:parent.hit=1"/>
  </foreignObject>
  <rect width="80" height="60" onclick="window.hit=1"/>
</svg>"""


async def nothing_ran(page: Page, requests: list[str], address: str) -> None:
    assert await page.evaluate("window.hit") is None
    assert [url for url in requests if not url.startswith((f"{address}/", f"blob:{address}/"))] == []
    assert [url for url in requests if "stolen" in url] == []


async def test_names_are_text(visit: Visit, address: str) -> None:
    page, requests = await visit(address), []
    page.on("request", lambda request: requests.append(request.url))
    await give(page, *(file(name, LOGO, "image/png") for name in HOSTILE_NAMES))
    await settled(page, len(HOSTILE_NAMES))
    for n, name in enumerate(HOSTILE_NAMES):
        await rows(page).nth(n).click()
        await expect(rows(page).nth(n).locator(".file-name")).to_have_text(name)
        await expect(page.locator(".viewer-name")).to_have_text(name)
    found, _ = await saved(page, page.locator("#viewer").get_by_role("button", name="Download"))
    assert found == "gpj.exe_gnp.png"
    await nothing_ran(page, requests, address)


async def test_a_drawing_is_a_picture(visit: Visit, address: str) -> None:
    page, requests = await visit(address), []
    page.on("request", lambda request: requests.append(request.url))
    await give(page, file("logo.svg", HOSTILE_SVG, "image/svg+xml"))
    await settled(page, 1)
    await expect(page.locator(".before img")).to_have_js_property("complete", True)
    await page.locator(".stage").click()
    _, data = await saved(page, page.get_by_role("button", name="Download: logo.svg"))
    assert b"script" not in data and b"onload" not in data and b"stolen" not in data
    await nothing_ran(page, requests, address)


async def test_a_page_in_disguise_is_refused(visit: Visit, address: str) -> None:
    page, requests = await visit(address), []
    page.on("request", lambda request: requests.append(request.url))
    await give(page, file("a.svg", b"<html><script>parent.hit=1</script></html>", "image/svg+xml"))
    await settled(page, 1, "failed")
    await nothing_ran(page, requests, address)


@pytest.mark.parametrize(
    "attempt",
    [
        "document.body.innerHTML = '<p>'",
        "document.createElement('script').textContent = 'window.hit = 1'",
        "document.body.setAttribute('onclick', 'window.hit = 1')",
    ],
)
async def test_the_policy_holds_in_the_browser(browser: Browser, address: str, attempt: str) -> None:
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(address)
        with pytest.raises(Error, match="requires 'Trusted"):
            await page.evaluate(attempt)
