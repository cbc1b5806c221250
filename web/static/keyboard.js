// Everything by the keyboard: rows, search, comparison, pages and help.

const help = document.getElementById("help");
let going = 0; // when `g` was pressed, as the first of two keys

const rows = () => [...document.querySelectorAll("[data-row]:has([data-open])")];
const opener = (row) => row.querySelector("[data-open]");

function currentRow() {
  return document.activeElement?.closest("[data-row]:has([data-open])") ?? null;
}

function move(step) {
  const all = rows();
  const at = all.indexOf(currentRow());
  const row = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step];
  if (!row) return;
  opener(row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function select() {
  currentRow()?.querySelector("input[type=checkbox]")?.click();
}

function compare() {
  const form = document.querySelector("[data-compare]");
  const button = form && document.querySelector(`[form="${form.id}"][type=submit]`);
  if (button && !button.disabled) button.click();
}

function search(event) {
  const field = document.querySelector("[data-search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}

function goTo(key) {
  document.querySelector(`.navigation a[data-key="${CSS.escape(key)}"]`)?.click();
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  x: select,
  c: compare,
  "/": search,
  "?": () => help.showModal(),
};

function isWriting(target) {
  return target.matches("textarea, select, [contenteditable]") ||
    (target.matches("input") && !["checkbox", "radio", "range", "submit"].includes(target.type));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (isWriting(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (Date.now() - going < 1500) {
    going = 0;
    return goTo(event.key);
  }
  if (event.key === "g") going = Date.now();
  else KEYS[event.key]?.(event);
});

const helpButton = document.getElementById("help-button");
helpButton.hidden = false;
helpButton.addEventListener("click", () => help.showModal());
