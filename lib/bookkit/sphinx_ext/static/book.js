// Small helps for readers: scroll areas are reachable by keyboard, links into a closed card open it.
(() => {
  const areas = "div.highlight pre, .math-scroll, .table-scroll, .cell_output pre";
  const reach = () => {
    for (const area of document.querySelectorAll(areas)) {
      if (area.scrollWidth > area.clientWidth + 1) area.tabIndex = 0;
      else area.removeAttribute("tabindex");
    }
  };
  const open = () => {
    if (location.hash.length < 2) return;
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  };
  // Drawings of the other theme stay unloaded; those of this one are ready before they are scrolled to or printed.
  const draw = () => {
    for (const image of document.querySelectorAll(".book-picture img")) {
      if (getComputedStyle(image).display !== "none") image.loading = "eager";
    }
  };
  // Copy buttons are drawings alone, made by a script when the page is ready.
  const name = () => {
    for (const button of document.querySelectorAll("button.copybtn")) button.setAttribute("aria-label", "Copy this code");
  };
  // Paper is light: a page that is dark on the screen is printed in the light theme.
  const root = document.documentElement;
  let shown;
  addEventListener("beforeprint", () => {
    shown ??= root.dataset.theme;
    root.dataset.theme = "light";
    draw();
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = shown;
    shown = undefined;
  });
  addEventListener("load", () => { reach(); open(); draw(); name(); });
  addEventListener("resize", reach);
  addEventListener("hashchange", open);
  document.addEventListener("toggle", reach, true);
})();
