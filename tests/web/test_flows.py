"""What people come for: images in, smaller ones out, seen side by side."""

import asyncio
import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page, Request, Route, expect

from tests.helpers import decode, encode, graphic, photo
from tests.web.conftest import LOGO, PHOTO, Visit, file, give, rows, saved, settled

pytestmark = pytest.mark.asyncio(loop_scope="session")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60"><!-- note --><path d="M 0 0 H 80 V 60 Z"/></svg>'
HANDED_OVER = """([how, bytes]) => {
    const clipboardData = new DataTransfer();
    for (const name of ["a.png", "b.png"]) {
        clipboardData.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
    }
    const init = { bubbles: true, cancelable: true, clipboardData, dataTransfer: clipboardData };
    if (how === "paste") document.dispatchEvent(new ClipboardEvent("paste", init));
    else for (const type of ["dragenter", "dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, init));
}"""
LIVE_URLS = """
    window.liveUrls = new Set();
    const { createObjectURL, revokeObjectURL } = URL;
    URL.createObjectURL = (blob) => { const url = createObjectURL.call(URL, blob); liveUrls.add(url); return url; };
    URL.revokeObjectURL = (url) => { liveUrls.delete(url); revokeObjectURL.call(URL, url); };
"""


async def watched(visit: Visit, address: str) -> Page:
    """A page that counts its object URLs."""
    page = await visit(address)
    await page.add_init_script(LIVE_URLS)
    await page.reload()
    return page


async def asked(page: Page) -> list[str]:
    """Queries of every POST /optimize from now on."""
    queries: list[str] = []

    def heard(request: Request) -> None:
        if "/optimize?" in request.url:
            queries.append(request.url.partition("?")[2])

    page.on("request", heard)
    return queries


async def test_the_empty_page_explains_itself(visit: Visit, address: str) -> None:
    page = await visit(address)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.get_by_role("button", name="Choose images")).to_be_visible()
    await expect(page.locator("#limits")).to_contain_text("HEIC, TIFF, BMP and PSD, up to 33.6 MB each")
    await expect(page.locator("#work")).to_be_hidden()


async def test_an_estimate_then_the_result_and_its_story(visit: Visit, address: str) -> None:
    page = await visit(address)
    released = asyncio.Event()

    async def held(route: Route) -> None:
        await released.wait()
        await route.continue_()

    await page.route("**/optimize?*", held)
    await give(page, file("a photo.jpg"), file("later.png", LOGO, "image/png"))
    estimate = await (await page.request.post(f"{address}/estimate?quality=auto", data=PHOTO)).json()
    low, high = (round(max(0, estimate["interval"][end])) for end in ("low", "high"))
    await expect(page.locator("#totals-main")).to_contain_text("about")
    await expect(rows(page).first.locator(".file-percent")).to_contain_text("≈")
    released.set()
    await settled(page, 2)
    result = await page.request.post(f"{address}/optimize?quality=auto", data=PHOTO)
    told = result.headers
    viewer = page.locator("#viewer")
    await rows(page).first.click()
    await expect(viewer.locator(".percent")).to_have_text(f"−{float(told['x-reduction-percent']):.1f}%")
    await expect(viewer.locator(".score-said")).to_contain_text(told["x-quality-score"].partition("=")[2])
    await expect(viewer.locator(".why")).to_contain_text("it is still the same picture")
    facts = viewer.locator(".facts")
    for fact in (told["x-optimization-method"], told["x-quality-used"], "640 × 480", f"{low}–{high}% smaller"):
        await expect(facts).to_contain_text(fact)
    name, data = await saved(page, viewer.get_by_role("button", name="Download"))
    assert name == "a photo.jpg" and data == await result.body()


async def test_of_a_large_file_only_the_beginning_is_estimated(visit: Visit, address: str) -> None:
    page = await visit(address)
    large = encode(graphic(800, 600), "BMP")
    assert len(large) > 1 << 20
    async with page.expect_request("**/estimate?*") as estimate, page.expect_request("**/optimize?*") as optimize:
        await give(page, file("large.bmp", large, "image/bmp"))
    asked_with = (await estimate.value).headers
    assert asked_with["content-range"] == f"bytes 0-65535/{len(large)}"
    assert "content-range" not in (await optimize.value).headers
    await settled(page, 1)
    await expect(page.locator("#viewer .facts")).to_contain_text("Estimate")


@pytest.mark.parametrize("how", ["drop", "paste"])
async def test_other_ways_in(visit: Visit, address: str, how: str) -> None:
    page = await visit(address)
    await page.evaluate(HANDED_OVER, [how, list(LOGO)])
    await settled(page, 2)
    await expect(page.locator("#veil")).to_be_hidden()


async def test_settings_are_what_the_service_is_asked_for(visit: Visit, address: str) -> None:
    page = await visit(address)
    queries = await asked(page)
    await give(page, file("a.jpg"))
    await settled(page, 1)
    await page.get_by_text("Fixed").click()
    await page.get_by_label("Quality from 1 to 100").fill("40")
    await page.get_by_label("Format").select_option("webp")
    await page.get_by_label("At most").fill("30")
    await page.get_by_label("Metadata").select_option("none")
    await expect(page.locator("#changed")).to_contain_text("1 image done with other settings")
    await page.get_by_role("button", name="Optimize again").click()
    await expect(page.locator("#changed")).to_be_hidden()
    await settled(page, 1)
    assert queries == ["quality=auto", "quality=40&format=webp&max_bytes=30000&metadata=none"]
    name, data = await saved(page, page.get_by_role("button", name="Download: a.jpg"))
    assert (name, decode(data).format) == ("a.webp", "WEBP") and len(data) <= 30_000
    await expect(page.locator("#viewer .facts")).to_contain_text("JPEG → WebP")


async def test_a_named_likeness_is_passed_on(visit: Visit, address: str) -> None:
    page = await visit(address)
    queries = await asked(page)
    await page.get_by_label("How alike it has to look").select_option("90")
    await give(page, file("a.jpg"))
    await settled(page, 1)
    assert queries == ["quality=auto&min_score=90"]
    await expect(page.locator("#viewer .score-said")).to_contain_text("not to be told apart")


async def test_all_as_zip_with_names_of_their_own(visit: Visit, address: str) -> None:
    page = await visit(address)
    names = ["photo.jpg", "PHOTO.jpg", "Grüße 写真.png", "a:b?.svg", "photo.jpg"]
    kinds = [PHOTO, PHOTO, LOGO, SVG, encode(photo(64, 48), "JPEG", quality=95)]
    types = ["image/jpeg", "image/jpeg", "image/png", "image/svg+xml", "image/jpeg"]
    await give(page, *map(file, names, kinds, types))
    await settled(page, 5)
    name, data = await saved(page, page.get_by_role("button", name="Download all 5 (zip)"))
    assert name == "pare-images.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["photo.jpg", "PHOTO (2).jpg", "Grüße 写真.png", "a_b_.svg", "photo (3).jpg"]
        assert all(entry.date_time[0] >= 2025 for entry in archive.infolist())
        inside = archive.read("Grüße 写真.png")
    _, alone = await saved(page, page.get_by_role("button", name="Download: Grüße 写真.png"))
    assert inside == alone and decode(inside).size == (160, 120)


async def test_curl_does_the_same(visit: Visit, address: str, tmp_path: Path) -> None:
    page = await visit(address, permissions=["clipboard-read", "clipboard-write"])
    await page.get_by_label("Format").select_option("webp")
    await give(page, file("it's $HOME;.jpg"))
    await settled(page, 1)
    await page.get_by_role("button", name="Copy as curl").click()
    await expect(page.locator(".note")).to_contain_text("Copied")
    command = await page.evaluate("navigator.clipboard.readText()")
    (tmp_path / "it's $HOME;.jpg").write_bytes(PHOTO)
    shell = await asyncio.create_subprocess_shell(f"{command} -s --fail --noproxy '*'", cwd=tmp_path)
    assert await shell.wait() == 0
    _, data = await saved(page, page.locator("#viewer").get_by_role("button", name="Download"))
    assert (tmp_path / "it's $HOME;-small.webp").read_bytes() == data


async def test_real_progress_and_cancel(visit: Visit, address: str) -> None:
    page = await visit(address)
    line = await page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    await line.send("Network.emulateNetworkConditions", slow)
    aborted: list[str] = []
    page.on("requestfailed", lambda request: aborted.append(request.url))
    await page.route("**/estimate?*", lambda route: route.fulfill(status=500))  # so that /optimize comes at once
    await give(page, file("slow.bmp", encode(graphic(800, 500), "BMP"), "image/bmp"))
    await expect(rows(page, "sending").locator(".file-said")).to_contain_text("sending 2")
    share = float(await rows(page).locator("progress").get_attribute("value") or 0)
    assert 0 < share < 1
    await page.get_by_role("button", name="Cancel: slow.bmp").click()
    await settled(page, 1, "cancelled")
    assert len(aborted) == 1 and "/optimize?" in aborted[0]
    await line.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    await page.get_by_role("button", name="Try again: slow.bmp").click()
    await settled(page, 1)
    await page.get_by_role("button", name="Remove: slow.bmp").click()
    await expect(page.locator("#work")).to_be_hidden()


async def test_many_files_hold_two_pictures_open(visit: Visit, address: str) -> None:
    page = await watched(visit, address)
    small = [file(f"{n}.png", encode(graphic(20 + n, 20), "PNG"), "image/png") for n in range(40)]
    await give(page, *small)
    await settled(page, 40)
    await expect(page.locator("#totals-sub")).to_contain_text("40 images done")
    for n in (3, 17, 39):
        await rows(page).nth(n).click()
        await expect(page.locator(".viewer-name")).to_have_text(f"{n}.png")
    assert await page.evaluate("liveUrls.size") == 2
    assert await page.locator(".file img").count() == 0
    await page.get_by_role("button", name="Clear").click()
    await expect(page.locator("#work")).to_be_hidden()
    assert await page.evaluate("liveUrls.size") == 0


async def test_what_browsers_cannot_show_is_said(visit: Visit, address: str) -> None:
    page = await visit(address)
    tiff = encode(photo(64, 48), "TIFF")
    await give(page, file("scan.tiff", tiff, "image/tiff"))
    await settled(page, 1)
    said = page.locator(".stage-said")
    await expect(said).to_contain_text("Browsers cannot show TIFF")
    await expect(page.locator(".split")).to_be_hidden()
    await page.get_by_label("Format").select_option("webp")
    await page.get_by_role("button", name="Optimize again").click()
    await expect(said).to_have_text("Browsers cannot show TIFF. This is the result.")
    assert await page.locator(".after img").evaluate("image => image.naturalWidth") == 64


async def test_thirty_megabytes(visit: Visit, address: str, tmp_path: Path) -> None:
    page = await visit(address)
    large = tmp_path / "large.bmp"
    large.write_bytes(encode(Image.new("RGB", (3600, 2800), "teal"), "BMP"))
    assert 30_000_000 < large.stat().st_size < 32 << 20
    await page.set_input_files("#pick", large)
    await settled(page, 1)
    await expect(page.locator("#totals-sub")).to_contain_text("1 image done")


async def test_too_large_is_refused_before_it_is_sent(visit: Visit, address: str, tmp_path: Path) -> None:
    page = await visit(address)
    queries = await asked(page)
    (tmp_path / "huge.jpg").write_bytes(bytes(34 << 20))
    (tmp_path / "nothing.jpg").write_bytes(b"")
    await page.set_input_files("#pick", [tmp_path / "huge.jpg", tmp_path / "nothing.jpg"])
    await settled(page, 2, "failed")
    await expect(rows(page).first).to_contain_text("this service takes at most 33.6 MB")
    await expect(rows(page).last).to_contain_text("The file is empty")
    assert queries == []


async def test_no_image_costs_one_question(visit: Visit, address: str) -> None:
    page = await visit(address)
    queries = await asked(page)
    await give(page, file("notes.txt", b"no picture", "text/plain"), file("cut.png", LOGO[:50], "image/png"))
    await settled(page, 2, "failed")
    await expect(rows(page).first).to_contain_text("Not an image in a format that this service knows")
    await expect(rows(page).last).to_contain_text("cannot be decoded")
    assert queries == []
