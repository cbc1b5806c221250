// Two runs that are chosen in a list, to be compared: `a` is the one that was chosen first.

const NAMES = ["a", "b"];
const chosen = [];

/** Of more than two, keep those that were chosen last; the button waits for two. */
function settle() {
  while (chosen.length > NAMES.length) chosen.shift().checked = false;
  chosen.forEach((each, place) => { each.name = NAMES[place]; });
  const button = document.getElementById("compare-button");
  if (button) button.disabled = chosen.length !== NAMES.length;
}

document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-chosen]")) return;
  const at = chosen.indexOf(target);
  if (at >= 0) chosen.splice(at, 1);
  if (target.checked) chosen.push(target);
  settle();
});

// A row may have left the list, and the button was drawn anew.
document.addEventListener("htmx:afterSwap", () => {
  const here = chosen.filter((each) => each.isConnected);
  chosen.splice(0, chosen.length, ...here);
  settle();
});

// What a browser remembers of a form when somebody comes back to it.
chosen.push(...document.querySelectorAll("[data-chosen]:checked"));
settle();
