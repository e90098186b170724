// Follows what happens: new rows come on top of their list, new lines below their log. The browser reconnects by itself.
"use strict";
(() => {
  const MOST = 500;
  const parsed = (data) => new DOMParser().parseFromString(data, "text/html");
  function rows(table, page) {
    const body = table.tBodies[0];
    const newer = [...page.querySelectorAll("tbody > tr")];
    newer.forEach((row) => row.classList.add("new"));
    body.prepend(...newer);
    while (body.rows.length > MOST) body.rows[body.rows.length - 1].remove();
  }
  function lines(log, page) {
    const below = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(...page.querySelectorAll(".log > li"));
    while (log.children.length > 5000) log.firstElementChild.remove();
    if (below) log.scrollTop = log.scrollHeight;
  }
  function live(event, name) {
    const there = document.getElementById(`live-${name}`);
    const page = parsed(event.data);
    if (there && !there.contains(document.activeElement)) there.replaceChildren(...page.body.childNodes);
  }
  function follow(place) {
    const events = new EventSource(place.dataset.stream);
    const names = [...document.querySelectorAll("[id^=live-]")].map((each) => each.id.slice(5));
    events.addEventListener("rows", (event) => !place.dataset.paused && rows(place, parsed(event.data)));
    events.addEventListener("lines", (event) => lines(place, parsed(event.data)));
    for (const name of names) events.addEventListener(`live-${name}`, (event) => live(event, name));
    events.addEventListener("end", () => {
      events.close();
      place.removeAttribute("data-stream");
    });
    events.addEventListener("full", () => events.close());
    addEventListener("pagehide", () => events.close(), { once: true });
    return events;
  }
  document.querySelectorAll("[data-stream]").forEach((place) => {
    if (place.matches(".log")) place.scrollTop = place.scrollHeight;
    follow(place);
  });
})();
