"""Sound on the pages plays in a reader's browser, has a name, and lies in the page itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PLAYED = """
async audio => {
  if (audio.readyState < 1) await new Promise(done => {
    audio.onloadedmetadata = done; audio.onerror = done; audio.load();
  });
  audio.muted = true;
  await audio.play().catch(() => null);
  await new Promise(later => setTimeout(later, 400));
  return {length: audio.duration, at: audio.currentTime, error: audio.error && audio.error.message};
}
"""


def test_every_clip_plays_has_a_name_and_needs_no_server(
    browser: Any, address: str, site: Path, pages: list[str]
) -> None:
    with_sound = [name for name in pages if "<audio" in (site / name).read_text(encoding="utf-8")]
    assert with_sound, "no page of the book holds a clip"
    for name in with_sound:
        page = browser.new_context().new_page()
        page.goto(f"{address}/{name}")
        for clip in page.locator("audio").all():
            assert (clip.get_attribute("aria-label") or "").strip(), name
            assert (clip.get_attribute("src") or "").startswith("data:audio/wav;base64,"), name
            played = clip.evaluate(PLAYED)
            assert played["error"] is None, name
            assert 1 < played["length"] < 20, name
            assert played["at"] > 0, name
        page.context.close()
