// Answers a form's further buttons ("Test connection") without leaving the page, so that a secret that was typed stays typed.
// Without it the page comes anew, and the secret has to be typed again.
"use strict";
(() => {
  const placed = (button) => (button.closest("dialog") || document).querySelector("#live-tried, #in-live-tried");
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.hasAttribute("data-try") || !placed(button)) return;
    event.preventDefault();
    answer(button, placed(button));
  }, true);
  async function answer(button, place) {
    button.disabled = true;
    place.setAttribute("role", "status");
    place.setAttribute("aria-busy", "true");
    try {
      const sent = new URLSearchParams(new FormData(button.form));
      sent.set("do", button.value);
      const got = await fetch(button.form.getAttribute("action") || location.href, { method: "POST", body: sent, headers: { "X-Part": "1" } });
      const page = new DOMParser().parseFromString(await got.text(), "text/html");
      const newer = page.getElementById("live-tried");
      if (got.redirected || !newer) return location.reload();
      place.replaceChildren(...newer.childNodes);
      place.scrollIntoView({ block: "nearest" });
    } catch {
      // The control plane is away: the button is there to be pressed again.
    } finally {
      button.disabled = false;
      place.removeAttribute("aria-busy");
    }
  }
})();
