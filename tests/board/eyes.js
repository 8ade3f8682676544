// What the tests ask of a page, put into each before it is drawn.

const eyes = {
  /** The shown element of this selector that says these words, or has them as its label. */
  find(selector, words) {
    const says = (node) => [node.innerText?.trim(), node.getAttribute("aria-label")].includes(words);
    return [...document.querySelectorAll(selector)].find((node) => node.checkVisibility() && (words === null || says(node)));
  },

  /** The shown field of this label. */
  field(label) {
    const has = (node) => node.getAttribute("aria-label") === label || eyes.labels(node).includes(label);
    return [...document.querySelectorAll("input, textarea, select")].find((node) => node.checkVisibility() && has(node));
  },

  /** What the first element of this selector says. */
  text: (selector) => document.querySelector(selector)?.innerText ?? "",

  labels: (node) => [...(node.labels ?? [])].map((label) => label.innerText.trim()),

  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),

  /** Where to click; what still moves is not clicked. */
  async middle(selector, words) {
    for (let before = ""; ; ) {
      const node = eyes.find(selector, words);
      node.scrollIntoView({ block: "center" });
      const box = node.getBoundingClientRect();
      const middle = [box.x + box.width / 2, box.y + box.height / 2];
      if (String(middle) === before) return middle;
      before = String(middle);
      await eyes.pause(40);
    }
  },

  /** Whether this page is drawn, and nothing more has been asked for a moment. */
  async isAt(page) {
    const body = document.querySelector("#page .body");
    if (document.querySelector("nav [aria-current]")?.dataset.page !== page || !body?.hasChildNodes()) return false;
    const asked = () => performance.getEntriesByType("resource").length;
    const before = asked();
    await eyes.pause(150);
    return before === asked();
  },

  /** All shown things to press, to fill in or to read off that have no name for who does not see them. */
  nameless() {
    const named = (node) => node.getAttribute("aria-label") || node.innerText?.trim() || eyes.labels(node).some(Boolean);
    return [...document.querySelectorAll("button, a, input, select, textarea, [role=meter], svg[role=img]")]
      .filter((node) => node.checkVisibility() && !named(node))
      .map((node) => node.outerHTML.slice(0, 120));
  },

  /** All shown text that stands out too little from what is behind it (WCAG: 4.5, or 3 where it is large). */
  faint() {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const colour = (text) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const linear = (part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const behind = (node) => {
      for (; node; node = node.parentElement) {
        const found = colour(getComputedStyle(node).backgroundColor);
        if (found[3] === 255) return found;
      }
      return colour("Canvas");
    };
    const found = [];
    for (const node of document.querySelectorAll("body *")) {
      const isText = [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.textContent.trim());
      if (!isText || !node.checkVisibility() || node.closest(":disabled, .away, .skip")) continue;
      const style = getComputedStyle(node);
      const lights = [colour(node instanceof SVGElement ? style.fill : style.color), behind(node)].map(light);
      const contrast = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
      const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
      if (contrast < least) found.push(`${node.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
    }
    return found;
  },
};
