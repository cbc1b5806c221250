// Buttons that copy a text, which also stands on the page, or behind a link, to be selected by hand.

const SHOWN = 1500;
const PLAIN = "text/plain";

async function textAt(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  return new Blob([await answer.text()], { type: PLAIN });
}

function reveal() {
  if (!navigator.clipboard) return; // only where the page comes by a safe way
  for (const button of document.querySelectorAll("button.copy[hidden]")) button.hidden = false;
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("button.copy");
  if (!button) return;
  const { copy, copyFrom } = button.dataset;
  // As a promise: a browser lets the clipboard be written only while the click is fresh.
  const text = copyFrom ? textAt(copyFrom) : new Blob([copy], { type: PLAIN });
  try {
    await navigator.clipboard.write([new ClipboardItem({ [PLAIN]: text })]);
  } catch {
    button.dataset.failed = "";
    return;
  }
  delete button.dataset.failed;
  button.dataset.done = "";
  setTimeout(() => delete button.dataset.done, SHOWN);
});

reveal();
document.addEventListener("htmx:afterSwap", reveal);
