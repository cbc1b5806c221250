// Draws the durations over time, from the data that stands on the page; a table says the same.

const DAY = 86400;
const MARKERS = ["none", "solid", "dashed", "dotted"];
// Steps of an axis of durations: those of a clock, from a second on.
const STEPS = [0.001, 0.01, 0.1].flatMap((part) => [part, 2 * part, 5 * part])
  .concat([1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200])
  .concat([1, 2, 5, 10, 20, 50, 100].map((days) => days * DAY));
const HOURS = [1, 2, 3, 6, 12, 24].map((hours) => hours * 3600);
const DAYS = [1, 2, 7, 14, 30, 60, 90].map((days) => days * DAY);
const DASHES = { p50: [], p90: [7, 3], p99: [2, 3] };

let plot = null;
let drawn = "";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Colours are given for two themes, of which the canvas must be told one. */
function resolved(name) {
  const probe = document.createElement("i");
  probe.style.color = colour(name);
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** As `duration_text` in wording.py writes it, in short. */
function duration(seconds) {
  if (seconds === 0) return "0";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  if (seconds < 3600) return `${Number((seconds / 60).toPrecision(3))} m`;
  return `${Number((seconds / 3600).toPrecision(3))} h`;
}

function moment(seconds, span) {
  const text = new Date(seconds * 1000).toISOString();
  return span > 2 * DAY ? text.slice(5, 10) : text.slice(11, 16);
}

/** The newest values stand in the legend until somebody points at others. */
function tellNewest(drawn) {
  const newest = { idx: drawn.data[0].length - 1 };
  drawn.setLegend(newest, false);
  drawn.over.addEventListener("mouseleave", () => drawn.setLegend(newest, false));
}

function options(place, data) {
  const [text, line, muted] = ["--link", "--line-soft", "--muted"].map(resolved);
  // One bucket alone has no span, so it stands in the middle of a few days.
  const span = data.at.length === 1 ? 4 * DAY : data.at[data.at.length - 1] - data.at[0];
  const axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  return {
    width: place.clientWidth,
    height: 200,
    legend: { markers: { width: 2, dash: (_plot, series) => MARKERS[series] } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    hooks: { ready: [tellNewest] },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { range: (_plot, low, high) => (data.at.length === 1 ? [low - 2 * DAY, low + 2 * DAY] : [low, high]) },
      y: { range: (_plot, _low, high) => [0, (high || 1) * 1.08] },
    },
    axes: [
      { ...axis, incrs: span > 2 * DAY ? DAYS : HOURS, values: (_plot, ticks) => ticks.map((at) => moment(at, span)) },
      { ...axis, size: 64, incrs: STEPS, values: (_plot, ticks) => ticks.map(duration) },
    ],
    series: [
      { label: "UTC", value: (_plot, at) => (at == null ? "–" : `${new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ")}`) },
      ...Object.keys(DASHES).map((name) => ({
        label: name,
        stroke: text,
        width: name === "p50" ? 2 : 1.4,
        dash: DASHES[name],
        points: { show: data.at.length < 40, size: name === "p50" ? 5 : 4 },
        value: (_plot, seconds) => (seconds == null ? "–" : duration(seconds)),
      })),
    ],
  };
}

function draw() {
  const place = document.getElementById("trend");
  if (!place) return;
  const given = place.dataset.trend;
  if (given === drawn && place.firstChild) return;
  drawn = given;
  const data = JSON.parse(given);
  plot?.destroy();
  place.replaceChildren();
  plot = new uPlot(options(place, data), [data.at, ...Object.keys(DASHES).map((name) => data[name])], place);
  // What is drawn is told by the caption and the table.
  place.firstChild.setAttribute("aria-hidden", "true");
}

// What is drawn here is not on the page that the server sends, and stays when that is put in place.
Idiomorph.defaults.callbacks.beforeNodeRemoved = ((before) => (node) =>
  !node.parentElement?.closest(".trend") && (before?.(node) ?? true)
)(Idiomorph.defaults.callbacks.beforeNodeRemoved);

let width = 0;
new ResizeObserver(() => {
  // Where nothing is drawn yet, nobody asks for its width, which would have to be laid out.
  const place = plot && document.getElementById("trend");
  if (!place || place.clientWidth === width) return;
  width = place.clientWidth;
  plot.setSize({ width, height: 200 });
}).observe(document.getElementById("live"));

// Far down the page it is drawn when somebody comes near.
const near = new IntersectionObserver((seen) => {
  if (seen.at(-1).isIntersecting) draw();
}, { rootMargin: "300px" });

/** Have it drawn, now or when it is near: from the start again where that is so. */
function look(anew = false) {
  const place = document.getElementById("trend");
  if (anew) drawn = "";
  near.disconnect();
  if (place) near.observe(place);
}

document.addEventListener("htmx:afterSwap", () => look());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => look(true));
new MutationObserver(() => look(true)).observe(document.documentElement, { attributeFilter: ["data-theme"] });
addEventListener("beforeprint", draw);
look();
