// Pages that open above the one they were asked from. What is sent in them goes to their own page, never to the one below;
// an answer that leads on leads the whole window there, every other is shown in place.
"use strict";
(() => {
  const [, leave, closing, , away] = document.body.dataset.said.split("|");
  const HEADERS = { "X-Part": "1", Accept: "text/html" };
  let dialog, place, address, sent, from;

  function made() {
    dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", "dialog-title");
    const head = document.createElement("div");
    head.className = "closes";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-icon";
    button.setAttribute("aria-label", closing);
    button.textContent = "×";
    button.addEventListener("click", close);
    place = document.createElement("div");
    place.className = "holds";
    head.append(button);
    dialog.append(head, place);
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      close();
    });
    dialog.addEventListener("mousedown", (event) => {
      const box = dialog.getBoundingClientRect();
      const outside = event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
      if (event.target === dialog && outside) close();
    });
    dialog.addEventListener("click", clicked);
    dialog.addEventListener("submit", submitted);
    document.body.append(dialog);
  }
  function close() {
    const seen = place.querySelector(".once");
    if ((window.unsaved(place) || (seen && !seen.dataset.copied)) && !confirm(leave)) return;
    dialog.close();
    place.replaceChildren();
    if (sent) return location.reload();
    from?.focus();
  }
  function show(text, where) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const main = page.querySelector("main");
    if (!main) return location.assign(where);
    address = where;
    main.querySelectorAll("script, noscript").forEach((each) => each.remove());
    for (const form of main.querySelectorAll("form:not([action])")) form.setAttribute("action", where);
    for (const each of main.querySelectorAll("[id]")) rename(main, each);
    const title = main.querySelector("h1");
    if (title) title.id = "dialog-title";
    place.replaceChildren(...main.childNodes);
    place.querySelectorAll("[data-live]").forEach((each) => each.removeAttribute("data-live"));
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    const first = place.querySelector("[role=alert], [autofocus], .sections input:not([type=hidden]), .sections select, .sections textarea, .sections button, .once button");
    const wrong = place.querySelector("[aria-invalid]");
    (wrong || first)?.focus();
    document.dispatchEvent(new CustomEvent("shown", { detail: place }));
  }
  // Ids stay apart from those of the page below.
  function rename(main, each) {
    const now = `in-${each.id}`;
    for (const name of ["for", "form", "list", "aria-describedby", "aria-labelledby", "data-list"]) {
      for (const one of main.querySelectorAll(`[${name}="${CSS.escape(each.id)}"]`)) one.setAttribute(name, now);
    }
    each.id = now;
  }
  async function load(where, options) {
    if (!dialog) made();
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(where, { headers: HEADERS, ...options });
      if (options && answer.redirected) return location.assign(answer.url);
      if (answer.redirected && new URL(answer.url).pathname.startsWith("/login")) return location.assign(answer.url);
      if (!(answer.headers.get("content-type") || "").startsWith("text/html")) return location.assign(where);
      if (options) sent = answer.ok || sent;
      show(await answer.text(), options ? where : answer.url);
    } catch {
      if (options || dialog.open) return window.tell(away);
      location.assign(where);
    } finally {
      place.removeAttribute("aria-busy");
    }
  }
  function clicked(event) {
    if (event.target.closest("[data-copy]")) event.target.closest(".once")?.setAttribute("data-copied", "yes");
    const link = event.target.closest("a[href]");
    if (!link || event.ctrlKey || event.metaKey || link.download || link.target) return;
    const to = new URL(link.href, location.href);
    const within = link.matches("[data-dialog], [data-turn]") || to.pathname === new URL(address, location.href).pathname;
    if (!within || to.origin !== location.origin) return;
    event.preventDefault();
    event.stopPropagation();
    load(to.href);
  }
  function submitted(event) {
    const { target: form, submitter } = event;
    if (submitter?.hasAttribute("data-try")) return;
    event.preventDefault();
    if (form.method === "post" && place.hasAttribute("aria-busy")) return; // it is on its way
    const fields = new FormData(form, submitter);
    const where = new URL(submitter?.getAttribute("formaction") || form.getAttribute("action"), location.href);
    if (form.method !== "post") {
      where.search = new URLSearchParams([...fields].filter(([, value]) => value !== ""));
      return load(where.href);
    }
    const upload = form.enctype === "multipart/form-data";
    load(where.href, { method: "POST", body: upload ? fields : new URLSearchParams(fields) });
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    from = link;
    sent = false;
    load(link.href);
  });
  document.addEventListener("submit", (event) => {
    if (!event.submitter?.matches("form[data-bulk] [data-dialog]") || event.target.closest("dialog")) return;
    event.preventDefault();
    from = event.submitter;
    sent = false;
    const where = new URL(event.submitter.getAttribute("formaction"), location.href);
    where.search = new URLSearchParams(new FormData(event.target, event.submitter));
    load(where.href);
  });
})();
