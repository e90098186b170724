// Lists: search as one types, turn pages in place, select rows, open them in place, put them in order.
"use strict";
(() => {
  // Pages and orders of a list come in its place; its address stays one to send to somebody. htmx does the fetching.
  function turn(list, address, focus) {
    const where = `#${list.id}`;
    const asked = window.htmx.ajax("GET", address, { source: list, target: where, select: where, swap: "outerHTML" });
    asked.then(() => {
      history.pushState({ turned: true }, "", address);
      here = page();
      const newer = document.querySelector(where);
      const again = focus && newer?.querySelector(focus);
      if (!again) return newer?.querySelector(".scroll")?.scrollTo({ top: 0 });
      again.focus();
      if (again.type === "search") again.setSelectionRange(again.value.length, again.value.length);
    }).catch(() => location.assign(address));
  }
  // Going back leads to a list as it was. A place within the page is no other page: it keeps its focus.
  const page = () => location.pathname + location.search;
  let here = page();
  addEventListener("popstate", (event) => {
    if (page() !== here && (event.state?.turned || document.querySelector(".listing"))) location.reload();
    here = page();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-turn]");
    const list = link?.closest(".listing");
    if (!list || list.closest("dialog") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    turn(list, link.href);
  });
  const address = (form) => {
    const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    return `${location.pathname}?${asked}`;
  };
  let waits;
  function search(form, focus) {
    const list = document.getElementById(form.dataset.list);
    if (list && !form.closest("dialog")) turn(list, address(form), focus);
  }
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-list]");
    if (!form || event.target.type !== "search" || event.isComposing) return;
    clearTimeout(waits);
    waits = setTimeout(() => search(form, "[type=search]"), 450);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-list]");
    if (form && event.target.matches("select, input[list]")) search(form);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-list]") || event.target.closest("dialog")) return;
    event.preventDefault();
    clearTimeout(waits);
    search(event.target, "[type=search]");
  });

  // Selecting.
  const picks = (list) => [...list.querySelectorAll("tbody .pick input")];
  function count(list) {
    const all = picks(list);
    const chosen = all.filter((each) => each.checked).length;
    const every = list.querySelector("[data-all]");
    if (every) {
      every.checked = chosen > 0 && chosen === all.length;
      every.indeterminate = chosen > 0 && chosen < all.length;
    }
    const bulk = list.querySelector("[data-bulk]");
    const matching = bulk?.querySelector("[name=all]")?.checked;
    if (!bulk) return;
    bulk.querySelector("[data-chosen]").textContent = chosen ? `${chosen} ${document.body.dataset.said.split("|")[3]}` : "";
    for (const button of bulk.querySelectorAll("button")) button.disabled = !chosen && !matching;
  }
  const counted = () => document.querySelectorAll(".listing:has([data-bulk])").forEach(count);
  let last;
  document.addEventListener("click", (event) => {
    const pick = event.target.closest("tbody .pick input");
    const list = pick?.closest(".listing");
    if (!pick || !list) return;
    const all = picks(list);
    if (event.shiftKey && last?.isConnected) {
      const [from, to] = [all.indexOf(last), all.indexOf(pick)].sort((one, other) => one - other);
      if (from >= 0) all.slice(from, to + 1).forEach((each) => (each.checked = pick.checked));
    }
    last = pick;
    count(list);
  });
  document.addEventListener("change", (event) => {
    const list = event.target.closest(".listing");
    if (!list) return;
    if (event.target.matches("[data-all]")) picks(list).forEach((each) => (each.checked = event.target.checked));
    if (event.target.matches("[data-all], [name=all]")) count(list);
  });
  document.addEventListener("htmx:afterSettle", counted);
  addEventListener("pageshow", counted);

  // Opening in place.
  async function open(link) {
    const row = link.closest("tr");
    const below = row.nextElementSibling;
    if (below?.classList.contains("opened")) {
      below.remove();
      return link.setAttribute("aria-expanded", "false");
    }
    link.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(link.href, { headers: { "X-Part": "1", Accept: "text/html" } });
      if (answer.redirected || !answer.ok) return location.assign(link.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const opened = document.createElement("tr");
      opened.className = "opened";
      const cell = opened.insertCell();
      cell.colSpan = row.cells.length;
      cell.append(...page.querySelectorAll("main .sections"));
      for (const form of cell.querySelectorAll("form:not([action])")) form.action = link.href;
      row.after(opened);
      link.setAttribute("aria-expanded", "true");
    } catch {
      location.assign(link.href);
    } finally {
      link.removeAttribute("aria-busy");
    }
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-open]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open(link);
  });

  // Order.
  let dragged;
  document.addEventListener("pointerdown", (event) => {
    const row = event.target.closest("[data-handle]")?.closest("tr");
    if (row) row.draggable = true;
  });
  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("tr[draggable=true]");
    if (!dragged) return;
    dragged.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
  });
  document.addEventListener("dragover", (event) => {
    const over = event.target.closest?.("tr");
    if (!dragged || !over || over.parentElement !== dragged.parentElement) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    if (over !== dragged) over[event.clientY > box.top + box.height / 2 ? "after" : "before"](dragged);
  });
  document.addEventListener("drop", (event) => dragged && event.preventDefault());
  document.addEventListener("dragend", () => {
    if (!dragged) return;
    const form = dragged.closest(".listing").querySelector("[data-sorting]");
    dragged.classList.remove("dragged");
    dragged.draggable = false;
    dragged = null;
    form?.requestSubmit();
  });
})();
