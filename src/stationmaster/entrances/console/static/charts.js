// Draws each chart from the table below it; colours are the theme's.
"use strict";
(() => {
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const drawn = new Map();
  function read(figure) {
    const rows = [...figure.querySelectorAll("tbody tr")];
    const heads = [...figure.querySelectorAll("thead th")];
    const cells = rows.map((row) => [...row.querySelectorAll("td")]);
    return {
      labels: rows.map((row) => row.querySelector("th").textContent.trim()),
      hrefs: rows.map((row) => row.querySelector("th a")?.href || ""),
      series: heads.map((head, place) => ({
        label: head.textContent.trim(),
        data: cells.map((row) => (row[place].dataset.value === "" ? null : Number(row[place].dataset.value))),
        words: cells.map((row) => row[place].textContent.trim()),
      })),
    };
  }
  function tick(unit) {
    const short = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact", maximumSignificantDigits: 3 });
    const sign = { usd: ["$", ""], percent: ["", " %"], seconds: ["", " s"], number: ["", ""] }[unit];
    return (value) => sign[0] + short.format(value) + sign[1];
  }
  function datasets(found, line) {
    return found.series.map((each, place) => {
      const colour = style(`--series-${(place % 8) + 1}`);
      const shape = line ? { borderWidth: 2, pointRadius: found.labels.length > 40 ? 0 : 2.5, pointStyle: ["circle", "rect", "triangle", "rectRot", "cross", "star"][place % 6], borderDash: place > 3 ? [6, 3] : [], tension: .2, spanGaps: false } : { borderWidth: { top: 1 }, borderColor: style("--surface"), maxBarThickness: 44 };
      return { label: each.label, data: each.data, words: each.words, backgroundColor: colour, borderColor: colour, ...shape, ...(line ? {} : { borderColor: style("--surface") }) };
    });
  }
  function draw(figure) {
    drawn.get(figure)?.destroy();
    const found = read(figure);
    const line = figure.dataset.chart === "line";
    const sets = datasets(found, line);
    if (figure.dataset.limit) {
      const limit = Number(figure.dataset.limit);
      sets.push({ type: "line", label: figure.dataset.limitWords, data: found.labels.map(() => limit), borderColor: style("--bad"), backgroundColor: "transparent", borderDash: [4, 4], borderWidth: 2, pointRadius: 0, stack: "limit" });
    }
    const quiet = style("--quiet");
    const grid = { color: style("--line"), drawTicks: false };
    window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    drawn.set(figure, new window.Chart(figure.querySelector("canvas"), {
      type: line ? "line" : "bar",
      data: { labels: found.labels, datasets: sets },
      options: {
        maintainAspectRatio: false, animation: still ? false : { duration: 200 }, interaction: { mode: "index", intersect: false },
        scales: {
          x: { stacked: !line, grid: { display: false }, border: { color: style("--edge") }, ticks: { color: quiet, maxRotation: 0, autoSkipPadding: 14 } },
          y: { stacked: !line, beginAtZero: true, grid, border: { display: false }, ticks: { color: quiet, maxTicksLimit: 6, padding: 6, callback: tick(figure.dataset.unit) } },
        },
        plugins: {
          legend: { display: sets.length > 1, position: "bottom", labels: { color: style("--text"), usePointStyle: line, boxWidth: line ? 8 : 12, boxHeight: line ? 7 : 12, padding: 14 } },
          tooltip: { callbacks: { label: (at) => `${at.dataset.label}: ${at.dataset.words?.[at.dataIndex] ?? at.formattedValue}` }, filter: (at) => !at.dataset.words || at.parsed.y !== 0 || sets.length < 3 },
        },
        onClick: (event, hits) => hits.length && found.hrefs[hits[0].index] && location.assign(found.hrefs[hits[0].index]),
        onHover: (event, hits) => (event.native.target.style.cursor = hits.length && found.hrefs[hits[0].index] ? "pointer" : ""),
      },
    }));
  }
  const all = () => document.querySelectorAll("figure[data-chart]").forEach(draw);
  all();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
})();
