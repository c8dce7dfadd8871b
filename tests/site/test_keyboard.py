"""The keyboard's way through a page: each stop is seen, light and dark, and each control has a name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from test_browser import first_figure_page

STOPS = 400
FOCUSED = """
() => {
  const tag = document.activeElement;
  if (!tag || tag === document.body) return null;
  const {outlineStyle, outlineWidth, outlineColor, opacity} = getComputedStyle(tag);
  const ground = getComputedStyle(document.documentElement).getPropertyValue('--pst-color-background');
  const probe = document.head.appendChild(document.createElement('i'));
  probe.style.color = ground;
  const ring = {style: outlineStyle, width: parseFloat(outlineWidth), ink: outlineColor, opacity: Number(opacity)};
  ring.ground = getComputedStyle(probe).color;
  probe.remove();
  const box = tag.getBoundingClientRect();
  return {...ring, html: tag.outerHTML.slice(0, 120), kind: tag.className, seen: box.width * box.height > 0};
}
"""


def luminance(colour: str) -> float:
    channels = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_every_stop_of_the_tab_key_has_a_ring(
    scheme: str, width: int, browser: Any, address: str, site: Path, pages: list[str]
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{address}/{first_figure_page(site, pages)}", wait_until="load")
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    page.add_style_tag(content="*, ::before, ::after { transition: none !important; }")
    stops: list[dict[str, Any]] = []
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None:
            break
        stops.append(stop)
    ringless = [stop["html"] for stop in stops if stop["style"] != "solid" or stop["width"] < 2 or stop["opacity"] < 1]
    assert ringless == []
    assert min(contrast(stop["ink"], stop["ground"]) for stop in stops) >= 3
    assert [stop["html"] for stop in stops if not stop["seen"]] == []
    kinds = " ".join(str(stop["kind"]) for stop in stops)
    for kind in ("primary-toggle", "theme-switch-button", "dropdown-toggle", "book-picture-open", "copybtn"):
        assert kind in kinds
    page.close()


def test_every_control_has_a_name(browser: Any, address: str, site: Path, pages: list[str]) -> None:
    page = browser.new_page()
    page.goto(f"{address}/{first_figure_page(site, pages)}", wait_until="load")
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    names: dict[str, list[str]] = {"button": [], "link": [], "DisclosureTriangle": []}
    for node in nodes:
        role = node.get("role", {}).get("value")
        if role in names and not node.get("ignored"):
            names[role].append(node.get("name", {}).get("value", "").strip())
    assert all(all(found) for found in names.values()), names
    assert "Copy this code" in names["button"]
    assert any(re.search(r"\. Full size of figure \d+$|Full size of figure \d+$", name) for name in names["link"])
    assert page.locator("button.copybtn:not([aria-label])").count() == 0
    page.close()
