// What of the page belongs to its reader, and stays when the page is brought up to date: what is
// unfolded, chosen and written, and where the rows are that are being looked at.

const button = document.getElementById("new-rows");
const arrived = new Set();
let held = false;
let released = false;
let top = null; // where the rows are that must not move

/** Tell whether somebody is at the list now, so that nothing in it should move. */
function isLookedAt(list) {
  return (
    list.matches(":hover") ||
    list.contains(document.activeElement) ||
    list.getBoundingClientRect().top < 0 ||
    list.querySelector("input:checked") !== null
  );
}

/** Tell whether new rows must wait: as the list says, or while somebody is at it. */
function mustWait(list) {
  const { hold } = list.dataset;
  return hold ? hold === "always" : isLookedAt(list);
}

/** Say how many rows wait; a page holds no more than so many. */
function countText({ rows, most }) {
  const noun = rows || "run";
  const count = arrived.size >= Number(most || Infinity) ? `${most} or more` : arrived.size;
  return `${count} new ${arrived.size === 1 ? noun : `${noun}s`}`;
}

/** Before the page is brought up to date: decide whether new rows wait behind a button. */
function holdNewRows() {
  const list = document.querySelector("[data-rows]");
  held = Boolean(button && list?.querySelector("[data-row]") && !released && mustWait(list));
  released = false;
  arrived.clear();
  if (button) button.hidden = true;
}

/** Rows that change places by how they stand keep them while somebody is at them. */
function keepOrder(detail) {
  const list = document.querySelector("[data-keep-order]");
  top = list && isLookedAt(list) ? list.getBoundingClientRect().top : null;
  if (top === null) return;
  const part = new DOMParser().parseFromString(detail.serverResponse, "text/html");
  const next = part.querySelector("[data-keep-order]");
  if (!next) return;
  const known = [...list.children].map(({ id }) => part.getElementById(id)).filter(Boolean);
  next.prepend(...known);
  detail.serverResponse = part.body.innerHTML;
}

/** What came or went above the rows that are looked at does not move them, as far as the page scrolls. */
function keepPlace() {
  const list = document.querySelector("[data-keep-order]");
  if (top !== null && list) scrollBy(0, list.getBoundingClientRect().top - top);
}

/** Let the rows in that wait, the next time. */
function releaseRows() {
  released = true;
  scrollTo({ top: 0 });
}

const isRow = (node) => node.nodeType === Node.ELEMENT_NODE && node.matches("[data-row]");

Object.assign(Idiomorph.defaults.callbacks, {
  beforeNodeAdded(node) {
    if (!isRow(node)) return true;
    if (!held) {
      node.classList.add("new");
      return true;
    }
    arrived.add(node.id);
    button.hidden = false;
    button.textContent = countText(document.querySelector("[data-rows]").dataset);
    return false;
  },
  beforeNodeRemoved: (node) => !(held && isRow(node)),
  beforeAttributeUpdated(name, node) {
    if (name === "open") return node.nodeName !== "DETAILS";
    if (name === "name") return !node.matches("[data-chosen]");
    if (name === "hidden") return !node.matches("button.copy");
    if (name === "value" && node.type === "range") return node !== document.activeElement;
    return !(["checked", "value"].includes(name) && node.nodeName === "INPUT");
  },
});

const live = document.getElementById("live");
live.addEventListener("htmx:beforeSwap", ({ detail }) => {
  holdNewRows();
  keepOrder(detail);
});
live.addEventListener("htmx:afterSwap", keepPlace);
button?.addEventListener("click", releaseRows);
