"""Is text on a page easy to read?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def faint(page: Page, selector: str) -> list[str]:
    """Return the visible elements with text of less contrast than 4.5 to 1 (WCAG 2.1, AA)."""
    found: list[str] = page.evaluate(_FAINT, selector)
    return found


_FAINT = """(selector) => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    const c = parse(getComputedStyle(e).backgroundColor);
    return c.length < 4 || c[3] > 0 || !e.parentElement ? c : behind(e.parentElement);
  };
  return [...document.querySelectorAll(selector)]
    .filter((e) => e.offsetParent
      && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .filter((e) => {
      const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))]
        .sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05) < 4.5;
    })
    .map((e) => e.outerHTML.slice(0, 80));
}"""
