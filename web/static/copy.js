// Buttons that copy a text, which also stands on the page to be selected by hand.

const SHOWN = 1500;

function reveal() {
  if (!navigator.clipboard) return; // only where the page comes by a safe way
  for (const button of document.querySelectorAll("button.copy[hidden]")) button.hidden = false;
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("button.copy");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.dataset.done = "";
  setTimeout(() => delete button.dataset.done, SHOWN);
});

reveal();
document.addEventListener("htmx:afterSwap", reveal);
