// Forms: what was changed is not lost unasked, nothing is sent twice; and what can be copied is, seen or not.
"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const [copied] = document.body.dataset.said.split("|");
  const changed = new Set();
  const guarded = (form) => form && form.method === "post" && !form.matches(".inline, [data-sorting]");
  document.addEventListener("input", (event) => {
    if (guarded(event.target.form) && event.target.type !== "hidden") changed.add(event.target.form);
  });
  document.addEventListener("reset", (event) => changed.delete(event.target));
  document.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("data-try")) return;
    changed.delete(event.target);
    if (event.defaultPrevented || event.target.method !== "post") return;
    if (event.target.dataset.sent) return event.preventDefault();
    event.target.dataset.sent = "yes";
    setTimeout(() => delete event.target.dataset.sent, 5000);
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
  addEventListener("beforeunload", (event) => {
    if ([...changed].some((form) => form.isConnected && !form.closest("dialog"))) event.preventDefault();
  });
  // For dialogs: whether something in this place was changed and not sent.
  window.unsaved = (place) => [...changed].some((form) => form.isConnected && place.contains(form));
  window.tell = (words) => {
    const place = document.getElementById("said");
    place.textContent = "";
    setTimeout(() => (place.textContent = words), 50);
  };
  async function copy(button) {
    const held = button.closest(".copied")?.querySelector(".secret, pre, code, span:not(.icon)");
    if (!held) return;
    try {
      await navigator.clipboard.writeText(held.textContent);
    } catch {
      const field = document.createElement("textarea");
      field.value = held.textContent;
      field.className = "visually-hidden";
      button.after(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    button.title = copied;
    button.classList.add("btn-copied");
    setTimeout(() => button.classList.remove("btn-copied"), 1500);
    window.tell(copied);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
})();
