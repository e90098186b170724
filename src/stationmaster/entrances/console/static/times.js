// Keeps "3 minutes ago" true while a page stands open.
"use strict";
(() => {
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  function said(at) {
    const seconds = Math.round((at - Date.now()) / 1000);
    const [unit, size] = units.find(([, each]) => Math.abs(seconds) >= each) || units[3];
    return words.format(Math.round(seconds / size), unit);
  }
  function renew() {
    if (document.hidden) return;
    for (const time of document.querySelectorAll("time[datetime][title]")) {
      const at = Date.parse(time.dateTime);
      if (at && Math.abs(at - Date.now()) > 5000) time.textContent = said(at);
    }
  }
  setInterval(renew, 30000);
})();
