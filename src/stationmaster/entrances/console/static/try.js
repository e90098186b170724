// Answers a form's further buttons ("Test connection") without leaving the page, so that a secret that was typed stays typed.
// Without it the page comes anew, and the secret has to be typed again.
"use strict";
(() => {
  const place = document.getElementById("live-tried");
  if (!place) return;
  place.setAttribute("role", "status");
  for (const button of document.querySelectorAll("button[data-try]")) {
    button.form.addEventListener("submit", (event) => {
      if (event.submitter !== button) return;
      event.preventDefault();
      answer(button);
    });
  }
  async function answer(button) {
    button.disabled = true;
    place.setAttribute("aria-busy", "true");
    try {
      const sent = new URLSearchParams(new FormData(button.form));
      sent.set("do", button.value);
      const got = await fetch(button.form.action || location.href, { method: "POST", body: sent });
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
