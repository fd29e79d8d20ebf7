"""The README's pictures of the page: python -m tests.web.screenshots [FOLDER] (docs/images)."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from config import ROOT
from tests.helpers import encode
from tests.web.conftest import browser_options, running_service
from tests.web.scenes import DRAWING, landscape, logo, spheres

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}
LOOKS: dict[str, dict[str, Any]] = {
    "page-desktop": DESKTOP,
    "page-dark": {**DESKTOP, "color_scheme": "dark"},
    "page-phone": {**PHONE, "is_mobile": True},
}
WIDE = (1500, 1000)


def pictures() -> list[FilePayload]:
    """What is dropped onto the page."""
    dawn = landscape(*WIDE, 4, ("#5d84b5", "#f7c9a0"), ("#a9a7b8", "#1c2b2e"))
    dusk = landscape(*WIDE, 9, ("#2c2f5c", "#e58b6b"), ("#8c6f86", "#1a1626"))
    files = {
        "alpine-dawn.jpg": ("image/jpeg", encode(dawn, "JPEG", quality=94)),
        "spheres.png": ("image/png", encode(spheres(1200, 800), "PNG")),
        "evening-ridge.jpg": ("image/jpeg", encode(dusk, "JPEG", quality=90)),
        "logo@2x.png": ("image/png", encode(logo(512), "PNG")),
        "hills.svg": ("image/svg+xml", DRAWING),
        "print-master.tiff": ("image/tiff", encode(dawn.resize((600, 400), Image.Resampling.LANCZOS), "TIFF")),
        "thumbnail.webp": ("image/webp", encode(dusk.resize((720, 480)), "WEBP", quality=92)),
    }
    return [{"name": name, "mimeType": kind, "buffer": data} for name, (kind, data) in files.items()]


def filled(browser: Browser, address: str, look: dict[str, Any], files: list[FilePayload]) -> Page:
    """The page with every picture done and the first one shown."""
    page = browser.new_context(**look).new_page()
    page.goto(address)
    page.set_input_files("#pick", files)
    expect(page.locator('.file[data-state="done"]')).to_have_count(len(files), timeout=120_000)
    page.locator(".file").first.click()
    expect(page.locator(".viewer-name")).to_have_text(files[0]["name"])
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
    page.wait_for_timeout(500)  # for what moves to come to rest
    return page


def main(folder: Path) -> None:
    """Writes one PNG for each look, as small as the service makes it."""
    files = pictures()
    with tempfile.TemporaryDirectory() as data, running_service(Path(data)) as (address, _), sync_playwright() as play:
        browser = play.chromium.launch(**browser_options())
        for name, look in LOOKS.items():
            shot = filled(browser, address, look, files).screenshot()
            made = httpx.post(
                f"{address}/optimize?quality=auto&min_score=90", content=shot, timeout=60, trust_env=False
            )
            (folder / f"{name}.png").write_bytes(made.raise_for_status().content)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
