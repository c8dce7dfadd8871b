// Excerpts under the results of a search, from the texts of all pages, which are loaded once there is something to find.
(() => {
  const LENGTH = 240, BEFORE = 80;
  const results = document.getElementById("search-results");
  const terms = (new URLSearchParams(location.search).get("q") || "").toLowerCase().match(/[\p{L}\p{N}_]+/gu) || [];
  if (!results || !terms.length) return;
  // As in the index, a word is found by its stem as well.
  const patterns = terms.map((term) => {
    const forms = [...new Set([term, new Stemmer().stemWord(term)])].join("|");
    return `(?<![\\p{L}\\p{N}])(?:${forms})[\\p{L}\\p{N}]*`;
  });
  const tests = patterns.map((pattern) => new RegExp(pattern, "iu"));
  const every = new RegExp(patterns.join("|"), "giu");

  // The text with most of the words; one of the section that the result leads to comes first.
  const best = (sections, anchor) => {
    let chosen, most = 0;
    for (const [id, title, texts] of sections) {
      for (const text of texts) {
        const words = tests.filter((test) => test.test(text)).length;
        const score = words && words + (id === anchor ? 0.5 : 0);
        if (score > most) [chosen, most] = [{ id, title, text }, score];
      }
    }
    return chosen;
  };

  const cut = (text) => {
    const at = Math.min(...tests.map((test) => text.search(test)).filter((place) => place >= 0), text.length);
    const near = at === text.length ? 0 : at;
    const from = near > BEFORE ? Math.min(text.indexOf(" ", near - BEFORE) + 1 || near, near) : 0;
    const end = from + LENGTH;
    const to = end < text.length ? Math.max(text.lastIndexOf(" ", end), from + 1) : text.length;
    return (from ? "… " : "") + text.slice(from, to) + (to < text.length ? " …" : "");
  };

  const marked = (text) => {
    const parts = document.createDocumentFragment();
    let done = 0;
    for (const match of text.matchAll(every)) {
      const mark = Object.assign(document.createElement("mark"), { textContent: match[0] });
      parts.append(text.slice(done, match.index), mark);
      done = match.index + match[0].length;
    }
    parts.append(text.slice(done));
    return parts;
  };

  const explain = (item) => {
    const [page, anchor] = (item.querySelector("a")?.getAttribute("href") || "").split("#");
    const sections = BOOK_TEXTS[page];
    if (!sections?.length || item.querySelector(".context")) return;
    const [first, , texts] = sections[0];
    const place = best(sections, anchor) || { id: first, text: texts[0] };
    if (!place.text) return;
    const excerpt = Object.assign(document.createElement("p"), { className: "context" });
    if (place.id !== first && place.id !== anchor) {
      const link = Object.assign(document.createElement("a"), { href: `${page}#${place.id}`, textContent: place.title });
      excerpt.append(link, ": ");
    }
    excerpt.append(marked(cut(place.text)));
    item.append(excerpt);
  };

  const explainAll = () => results.querySelectorAll("ul.search > li").forEach(explain);
  const begin = () => {
    new MutationObserver(explainAll).observe(results, { childList: true, subtree: true });
    explainAll();
  };
  const src = new URL("searchtexts.js", document.currentScript.src).href;
  document.head.append(Object.assign(document.createElement("script"), { src, onload: begin }));
})();
