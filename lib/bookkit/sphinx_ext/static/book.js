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
  addEventListener("load", () => { reach(); open(); });
  addEventListener("resize", reach);
  addEventListener("hashchange", open);
  document.addEventListener("toggle", reach, true);
})();
