// Renews the parts of a page that change by themselves, every so many seconds, while somebody looks at it. Without it the page
// says to the browser to load it anew.
"use strict";
(() => {
  const main = document.querySelector("main[data-refresh]");
  if (!main) return;
  const every = 1000 * Number(main.dataset.refresh);
  const again = () => setTimeout(renew, every);
  // What somebody is at work with stays: the part that holds the focus, rows that are selected or open.
  const used = (part) => part.contains(document.activeElement) || part.querySelector(".pick input:checked, .opened, details[open], [data-stream]");
  async function renew() {
    if (document.hidden || document.querySelector("dialog[open]")) return again();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html", "X-Part": "1" } });
      if (answer.redirected) return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const newer = page.getElementById(part.id);
        if (newer && !used(part)) part.replaceChildren(...newer.childNodes);
      }
      if (!page.querySelector("main[data-refresh]")) return location.reload();
    } catch {
      // The control plane is away: it is asked again.
    }
    again();
  }
  again();
})();
