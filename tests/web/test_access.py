"""Everybody can use it: by keyboard, by ear, on a phone, in the dark, without motion."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import FileChooser, Page, expect

from tests.helpers import encode, photo
from tests.web.conftest import LOGO, PATIENCE, PHOTO, Visit, file, give, rows, settled

pytestmark = pytest.mark.asyncio(loop_scope="session")
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "narrow": {"viewport": {"width": 320, "height": 640}},
    "phone in the dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


async def findings(page: Page) -> list[str]:
    """What axe has against the page as it stands, of any weight."""
    assert AXE.exists(), "scripts/node-packages.sh installs it (make setup)"
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run()")
    assert found["passes"], "it looked at nothing"
    return [f"{one['impact']} {one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]


@pytest.mark.parametrize("look", ["light", "dark", "phone", "phone in the dark"])
async def test_axe_finds_nothing(visit: Visit, address: str, look: str) -> None:
    page = await visit(address, **LOOKS[look])
    assert await findings(page) == []
    await page.route("**/optimize?*", lambda route: route.fulfill(status=504))
    await give(page, file("refused.png", LOGO, "image/png"))
    await settled(page, 1, "failed")
    await page.unroute("**/optimize?*")
    await give(page, file("a.jpg"), file("b.tiff", encode(photo(64, 48), "TIFF"), "image/tiff"))
    await settled(page, 2)
    await page.get_by_role("button", name="API key").click()
    await page.evaluate("document.querySelectorAll('.notice, #changed').forEach((one) => { one.hidden = false; })")
    assert await findings(page) == []
    await page.locator("#settings-fold").evaluate("fold => { fold.open = true; }")
    await page.locator(".segments").get_by_text("Fixed").click()
    await page.get_by_role("button", name="Fill the window").click()
    assert await findings(page) == []


@pytest.mark.parametrize("look", ["light", "phone", "narrow"])
async def test_nothing_sticks_out(visit: Visit, address: str, look: str) -> None:
    page = await visit(address, **LOOKS[look])
    await give(page, file("a-very-long-name-" * 8 + ".jpg"), file("b.png", LOGO, "image/png"))
    await settled(page, 2)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = await page.evaluate(
        """[...document.querySelectorAll("button, select, a, input")]
            .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 24)
            .map((one) => one.outerHTML)"""
    )
    assert [html for html in small if 'type="radio"' not in html] == []


async def opened(visit: Visit, address: str) -> Page:
    """A page with one large picture, shown."""
    page = await visit(address, **LOOKS["light"])
    await give(page, file("a.jpg", encode(photo(1600, 1200), "JPEG", quality=90)))
    await settled(page, 1)
    await expect(page.locator("#viewer")).to_be_visible()
    return page


async def test_all_by_keyboard(visit: Visit, address: str) -> None:
    page = await visit(address)
    chosen: asyncio.Future[FileChooser] = asyncio.get_running_loop().create_future()
    page.once("filechooser", lambda chooser: chosen.set_result(chooser))
    await page.get_by_role("link", name="Documentation").focus()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Choose images")).to_be_focused()
    await page.keyboard.press("Enter")
    await (await asyncio.wait_for(chosen, PATIENCE / 1000)).set_files([file("a.jpg"), file("b.png", LOGO, "image/png")])
    await settled(page, 2)
    await page.get_by_role("button", name="b.png", exact=True).press("Enter")
    await expect(page.locator(".viewer-name")).to_have_text("b.png")
    await expect(page.get_by_role("slider", name="Divider")).to_be_focused()
    await page.get_by_role("button", name="Remove: b.png").press("Enter")
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page).locator(".file-name")).to_be_focused()


async def test_the_divider_by_keyboard(visit: Visit, address: str) -> None:
    page = await opened(visit, address)
    split = page.get_by_role("slider", name="Divider between before and after")
    await split.focus()
    keys = {"ArrowRight": 52, "ArrowUp": 54, "Shift+ArrowLeft": 44, "PageUp": 54, "Home": 0, "ArrowLeft": 0, "End": 100}
    for key, value in keys.items():
        await split.press(key)
        await expect(split).to_have_attribute("aria-valuenow", str(value))
    await expect(split).to_have_attribute("aria-valuetext", "100% before, 0% after")
    assert (
        await page.locator(".before").evaluate("layer => getComputedStyle(layer).clipPath") == "inset(0px 0% 0px 0px)"
    )


async def test_the_divider_by_hand(visit: Visit, address: str) -> None:
    page = await opened(visit, address)
    box = await page.locator(".stage").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] / 2, middle)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] / 4, middle, steps=4)
    await page.mouse.up()
    await page.mouse.move(box["x"], middle)
    await expect(page.locator(".split")).to_have_attribute("aria-valuenow", "25")


async def test_zoom(visit: Visit, address: str) -> None:
    page = await opened(visit, address)
    stage, images = page.locator(".stage"), page.locator(".layer img")
    await page.get_by_role("button", name="Zoom to 1:1").click()
    await expect(page.get_by_role("button", name="Zoom to 1:1")).to_have_attribute("aria-pressed", "true")
    sizes = "all => all.map((one) => one.getBoundingClientRect().width)"
    assert await images.evaluate_all(sizes) == [1600, 1600]
    left = "all => all.map((one) => Math.round(one.getBoundingClientRect().x))"
    before = await images.evaluate_all(left)
    await stage.press("ArrowRight")
    assert await images.evaluate_all(left) == [before[0] - 60] * 2
    box = await stage.bounding_box()
    assert box
    await page.mouse.move(box["x"] + 30, box["y"] + 30)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 50, box["y"] + 30)
    await page.mouse.up()
    assert await images.evaluate_all(left) == [before[0] - 40] * 2
    await stage.press("0")
    await expect(page.get_by_role("button", name="Fit")).to_have_attribute("aria-pressed", "true")
    fitted = await images.evaluate_all(sizes)
    await stage.press("+")
    assert await images.evaluate_all(sizes) == pytest.approx([1.5 * width for width in fitted], rel=1e-3)
    await stage.press("1")
    assert await images.evaluate_all(sizes) == [1600, 1600]


async def test_the_view_fills_the_window_and_comes_back(visit: Visit, address: str) -> None:
    page = await opened(visit, address)
    await page.get_by_role("button", name="Fill the window").click()
    box = await page.locator("#viewer").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 1280, "height": 800}
    assert await page.locator("#files").evaluate("list => list.inert")
    await page.keyboard.press("Escape")
    assert not await page.locator("#files").evaluate("list => list.inert")
    await expect(page.get_by_role("button", name="Fill the window")).to_be_focused()


async def test_what_is_said(visit: Visit, address: str) -> None:
    page = await visit(address)
    said = page.get_by_role("status").and_(page.locator("#said"))
    await give(page, file("a.jpg", PHOTO))
    await expect(said).to_contain_text("1 image added")
    await expect(said).to_contain_text("a.jpg: ")
    await expect(said).to_contain_text("% smaller")


async def test_no_motion_for_those_who_want_none(visit: Visit, address: str) -> None:
    page = await visit(address, reduced_motion="reduce")
    assert await page.locator("#choose").evaluate("one => getComputedStyle(one).transitionDuration") in ("0s", "")
    moving = "document.getAnimations().length"
    assert await page.evaluate(moving) == 0
