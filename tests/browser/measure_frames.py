"""How smoothly the console draws: frame times while a fleet moves, at an address that is served.

    python tests/browser/measure_frames.py http://127.0.0.1:8080 [SECONDS]

The dispatcher must run for development. What the browser does in software here (no graphics card)
is in the figures; "scripts" is the console's own part.
"""

import sys
from typing import Any

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
FRAMES = """seconds => new Promise(done => {
  const times = []; let last = performance.now(); const end = last + seconds * 1000;
  const frame = now => {
    times.push(now - last); last = now;
    if (now < end) requestAnimationFrame(frame); else done(times.slice(1));
  };
  requestAnimationFrame(frame);
})"""


def percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def metrics(client: Any) -> dict[str, float]:
    told = client.send("Performance.getMetrics")["metrics"]
    return {each["name"]: each["value"] for each in told}


def measure(address: str, seconds: float) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        blank = browser.new_page(viewport={"width": 1280, "height": 800})
        tell(blank, "a blank page, for comparison", seconds / 3)
        blank.close()
        page = browser.new_page(base_url=address, viewport={"width": 1280, "height": 800})
        page.set_default_timeout(120_000)
        page.goto("/ops")
        page.locator("#login button[type=submit]").click()
        page.locator("#panel-shuttles tbody tr").first.wait_for()
        page.wait_for_timeout(5_000)
        print(page.locator("#panel-shuttles .table-tools .soft").inner_text())
        for tab in ("shuttles", "lanes"):
            page.locator(f"#tab-{tab}").click()
            tell(page, tab, seconds)
        page.emulate_media(reduced_motion="reduce")
        tell(page, "lanes, motion reduced", seconds)
        browser.close()


def tell(page: Any, what: str, seconds: float) -> None:
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable")
    before = metrics(client)
    times = sorted(page.evaluate(FRAMES, seconds))
    after = metrics(client)
    frames = len(times)
    parts = {
        name: 1000 * (after[f"{name}Duration"] - before[f"{name}Duration"]) / frames
        for name in ("Script", "Layout", "Task")
    }
    print(
        f"{what}: {frames} frames, p50/p95/p99/max "
        + "/".join(f"{percentile(times, p):.0f}" for p in (50, 95, 99, 100))
        + " ms; of the main thread in each: "
        + ", ".join(f"{name} {each:.1f} ms" for name, each in parts.items())
    )


if __name__ == "__main__":
    measure(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 20.0)
