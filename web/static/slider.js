// The slider through the events of a run: it says where it is, and all the way to the right is now.

const find = () => document.getElementById("as-of-event");

document.addEventListener("input", ({ target }) => {
  if (target !== find()) return;
  const words = document.getElementById("as-of-words");
  words.textContent = `${Number(target.value).toLocaleString("en")} of ${Number(target.max).toLocaleString("en")}`;
});

document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
  if (target !== find()?.form || !detail.successful) return;
  history.replaceState(null, "", detail.pathInfo.finalRequestPath);
});

document.addEventListener("htmx:configRequest", ({ target, detail }) => {
  const slider = find();
  if (slider && target === slider.form && slider.value === slider.max) delete detail.parameters.event;
});
