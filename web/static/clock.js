// What the clock moves without an event: how long ago, how long so far, and bars that grow.

const TICK = 1000;
const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

const still = matchMedia("(prefers-reduced-motion: reduce)");

let loadedAt = performance.now();
let serverNow = 0;

/** The server's clock, which may differ from this machine's. */
function now() {
  const told = Number(document.getElementById("standing").dataset.now);
  if (told !== serverNow) {
    serverNow = told;
    loadedAt = performance.now();
  }
  return serverNow + performance.now() - loadedAt;
}

function ago(seconds) {
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) < length) continue;
    const amount = `${Math.floor(Math.abs(seconds) / length)} ${unit}`;
    return seconds > 0 ? `${amount} ago` : `in ${amount}`;
  }
  return "just now";
}

function two(number) {
  return String(number).padStart(2, "0");
}

/** As the pages write it: as `duration_text` in wording.py does, with no line ending within it. */
function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)}\u00a0s`;
  const whole = Math.round(seconds);
  const [days, hours] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24];
  if (days) return `${days}\u00a0d\u00a0${hours}\u00a0h`;
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}\u00a0h\u00a0${two(minutes)}\u00a0m` : `${minutes}\u00a0m\u00a0${two(whole % 60)}\u00a0s`;
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  const at = now();
  for (const each of document.querySelectorAll("[data-ago]")) {
    put(each, ago((at - Number(each.dataset.ago)) / 1000));
  }
  for (const each of document.querySelectorAll("[data-since]")) {
    put(each, duration(Math.max(0, at - Number(each.dataset.since)) / 1000));
  }
}

/** A bar that grows knows its width, how much it gains in a millisecond, and where it must end. */
function grow() {
  const passed = now() - serverNow;
  const bars = document.querySelectorAll("[data-grows]");
  for (const bar of bars) {
    const { grows, width, most } = bar.dataset;
    const wide = Math.min(Number(most), Number(width) + Number(grows) * passed);
    bar.setAttribute("width", `${wide}%`);
  }
  if (still.matches || bars.length === 0) setTimeout(grow, TICK);
  else requestAnimationFrame(grow);
}

setInterval(tick, TICK);
grow();
