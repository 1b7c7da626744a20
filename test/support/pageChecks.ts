/** Expressions that a test evaluates in a page. */

/** Every text that is shown, with its contrast to what lies behind it (WCAG 2.2, relative luminance). */
export const CONTRASTS = `(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = parts(color).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      const alpha = parts(color)[3] ?? 1;
      if (alpha === 1) return color;
      if (alpha > 0) throw new Error("half transparent: " + one.outerHTML);
    }
    throw new Error("nothing opaque behind " + element.outerHTML);
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (texts.currentNode.data.trim() === "" || element.getClientRects().length === 0) continue;
    const [ink, ground] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    found.push({ text: texts.currentNode.data, ratio });
  }
  return found;
})()`;

/** What sticks out of the window sideways, or is cut off within its own box. */
export const OVERFLOWING = `[document.documentElement, ...document.body.querySelectorAll("*")]
  .filter((one) => one.getClientRects().length > 0 && getComputedStyle(one).display !== "inline")
  .filter((one) => one.scrollWidth > Math.max(one.clientWidth, one.getBoundingClientRect().width) + 1)
  .map((one) => one.tagName + "#" + one.id)`;

/** What moves. */
export const MOVING = `[...document.querySelectorAll("*")].map((one) => getComputedStyle(one))
  .filter((style) => style.animationName !== "none" || parseFloat(style.transitionDuration) > 0).length`;

/** What has the focus, and whether it is seen to. */
export const FOCUSED = `(() => {
  const one = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  return { text: one.textContent.trim(), outlined: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
})()`;
