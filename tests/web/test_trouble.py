"""Limits, keys and a service that is away: the page waits, says so, and goes on."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, Page, Request, Response, Route, expect

from tests.helpers import encode, graphic
from tests.storage.front import Front, running
from tests.web.conftest import LOGO, Visit, file, give, rows, running_service, settled

pytestmark = pytest.mark.asyncio(loop_scope="session")


def pictures(count: int) -> list[FilePayload]:
    return [file(f"{n}.png", encode(graphic(40 + n, 30), "PNG"), "image/png") for n in range(count)]


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with a key, and the default limits for callers without one."""
    limits = {"API_KEY": "open-sesame", "RATE_LIMIT_PUBLIC_RPM": "60", "RATE_LIMIT_PUBLIC_BURST": "10"}
    with running_service(tmp_path_factory.mktemp("public"), **limits) as (address, _):
        yield address


async def test_ten_files_stay_within_the_limits(visit: Visit, public: str) -> None:
    page = await visit(public)
    asked: list[str] = []
    statuses: list[int] = []

    def heard(response: Response) -> None:
        if response.request.method == "POST":
            statuses.append(response.status)

    def called(request: Request) -> None:
        if request.method == "POST":
            asked.append(request.url.partition("?")[0].rpartition("/")[2])

    page.on("request", called)
    page.on("response", heard)
    await give(page, *pictures(10))
    await settled(page, 10)
    assert set(statuses) == {200} and len(statuses) == len(asked) > 10
    assert asked.count("optimize") == 10
    assert asked[:10].count("optimize") >= 3, "first results do not wait for the last estimate"
    await expect(page.locator("#paced")).to_be_hidden()


@pytest.mark.parametrize(("status", "path"), [(429, "estimate"), (503, "optimize")])
async def test_a_refusal_that_passes_is_waited_for(visit: Visit, address: str, status: int, path: str) -> None:
    page = await visit(address)
    times: list[float] = []

    async def refused_once(route: Route) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            await route.fulfill(status=status, headers={"Retry-After": "2"}, json={"detail": "later"})
        else:
            await route.continue_()

    await page.route(f"**/{path}?*", refused_once)
    await give(page, file("a.png", LOGO, "image/png"))
    await expect(page.locator("#paced")).to_contain_text("The service is busy. The next image goes in 2 s")
    await settled(page, 1)
    assert len(times) == 2 and times[1] - times[0] > 2


async def test_other_refusals_end_with_another_try_by_hand(visit: Visit, address: str) -> None:
    page = await visit(address)
    await page.route("**/optimize?*", lambda route: route.fulfill(status=504, body="<h1>proxy</h1>"))
    await give(page, file("a.png", LOGO, "image/png"))
    await settled(page, 1, "failed")
    await expect(rows(page)).to_contain_text("It took longer than this service allows")
    await page.unroute("**/optimize?*")
    await page.get_by_role("button", name="Try again: a.png").click()
    await settled(page, 1)


async def test_a_service_that_is_away_is_asked_again(visit: Visit, address: str, tmp_path: Path) -> None:
    with running_service(tmp_path) as (gone, process):
        page = await visit(gone)
        process.kill()
    await page.set_input_files("#pick", pictures(2))
    banner = page.locator("#offline")
    await expect(banner).to_contain_text("The service does not answer")
    await expect(banner).to_contain_text("Trying again in")
    await banner.get_by_role("button", name="Try now").click()
    await expect(banner).to_be_visible()
    # Its place is taken by another one.
    with running(Front(address, port=int(gone.rpartition(":")[2]))):
        await settled(page, 2)
        await expect(banner).to_be_hidden()


async def test_the_page_begins_when_the_service_does(visit: Visit, address: str) -> None:
    page = await visit(address)
    await page.route("**/web/service.json", lambda route: route.abort())
    await page.route("**/health/live", lambda route: route.abort())
    await page.reload()
    await page.set_input_files("#pick", [file("early.png", LOGO, "image/png")])
    await expect(page.locator("#offline")).to_be_visible()
    await page.unroute_all()
    await page.get_by_role("button", name="Try now").click()
    await expect(page.locator("#offline")).to_be_hidden()
    await settled(page, 1)


async def test_a_key_is_asked_for_and_kept_nowhere(visit: Visit, public: str) -> None:
    page = await visit(public, permissions=["clipboard-read", "clipboard-write"])

    async def needing_a_key(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, json={**await answer.json(), "key_needed": True})

    await page.route("**/service.json", needing_a_key)
    await page.reload()
    await expect(page.locator("#key")).to_contain_text("This service needs an API key")
    field = page.get_by_label("This service needs an API key")
    await expect(field).to_be_focused()
    await give(page, file("a.png", LOGO, "image/png"))
    await field.fill("guess")
    await field.press("Enter")
    await expect(page.locator("#key-title")).to_have_text("That key was not accepted")
    await expect(rows(page, "waiting")).to_have_count(1)
    await page.get_by_label("That key was not accepted").fill("open-sesame")
    await page.get_by_role("button", name="Use key").click()
    await settled(page, 1)
    await page.get_by_role("button", name="Copy as curl").click()
    await expect(page.locator(".note")).to_be_visible()
    command = await page.evaluate("navigator.clipboard.readText()")
    assert '-H "Authorization: Bearer $PARE_KEY"' in command and "sesame" not in command
    kept = await page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert "sesame" not in kept
    await page.reload()
    await expect(page.locator("#key")).to_be_visible()


async def paced(page: Page, script: str) -> object:
    """What a script says that has a Pacer and a clock of its own."""
    source = await page.locator("script[type=module]").get_attribute("src") or ""
    module = source.replace("app.js", "pacer.js")
    return await page.evaluate(
        f"""async () => {{
            const {{ Pacer }} = await import("{module}");
            let now = 0;
            const pacer = new Pacer([{{ name: "burst", calls: 3, seconds: 10 }}], () => now);
            const said = [];
            const say = () => said.push([pacer.left(), pacer.wait()]);
            {script}
            return said;
        }}"""
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("say(); pacer.spend(); now = 4000; pacer.spend(); pacer.spend(); say();", [[3, 0], [0, 7000]]),
        ("for (const _ of '123') pacer.spend(); now = 10999; say(); now = 11000; say();", [[0, 1], [3, 0]]),
        ("pacer.pause(5); say(); now = 5000; say();", [[0, 5000], [3, 0]]),
        # Two of the three calls are someone else's on the same account.
        ("pacer.spend(); pacer.learn('\"burst\";q=3;w=10', '\"burst\";r=0;t=4'); say(); now = 5000; say();",
         [[0, 5000], [2, 0]]),
        ("pacer.learn('\"burst\";q=9;w=10, \"minute\";q=5;w=60', null); say();", [[5, 0]]),
        ("pacer.spend(); pacer.learn(null, null); said.push(pacer.left() === Infinity, pacer.wait());", [True, 0]),
    ],
)  # fmt: skip
async def test_the_pacer_keeps_the_services_windows(visit: Visit, address: str, script: str, said: object) -> None:
    assert await paced(await visit(address), script) == said


async def test_settings_that_change_while_images_wait(visit: Visit, address: str) -> None:
    page = await visit(address)
    held = asyncio.Event()
    queries: list[str] = []

    async def hold(route: Route) -> None:
        queries.append(route.request.url.partition("?")[2])
        await held.wait()
        await route.continue_()

    await page.route("**/optimize?*", hold)
    await give(page, *pictures(3))
    await expect(rows(page).last).to_contain_text("≈")
    await page.get_by_label("Format").select_option("png")
    async with page.expect_response("**/estimate?*format=png*"):
        pass
    held.set()
    await settled(page, 3)
    assert sorted(queries) == ["quality=auto", "quality=auto", "quality=auto&format=png"]
    await expect(page.locator("#changed")).to_contain_text("2 images done with other settings")
