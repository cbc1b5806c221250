// Keeps the open page up to the log. The stream only says that something is stale; what changed is
// asked for again and put in place node by node, so that scroll, focus and selection stay.

const RETRY_AFTER = 3000; // between two tries to reach the server again
const LOOK_AGAIN = 5000; // how long the duration of a run that goes on may lag
const SPEAK_AFTER = 5000; // the least time between two announcements

const connection = document.getElementById("connection");
const announcement = document.getElementById("announcement");

let asking = false;
let stale = false;
let wasLost = false;
let retrying = 0;
let speaking = 0;
let spokeAt = 0;

/** Make `from` equal to `to`, and keep every node that still has its place. */
function morph(from, to) {
  if (from.isEqualNode(to)) return;
  if (from.nodeName !== to.nodeName) return void from.replaceWith(to);
  if (from.nodeType !== Node.ELEMENT_NODE) return void (from.data = to.data);
  for (const name of from.getAttributeNames()) {
    if (!to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const name of to.getAttributeNames()) {
    if (from.getAttribute(name) !== to.getAttribute(name)) {
      from.setAttribute(name, to.getAttribute(name));
    }
  }
  morphChildren(from, to);
}

/** Children with an id are matched by it, others by their order. */
function morphChildren(from, to) {
  const known = new Map([...from.children].filter((each) => each.id).map((each) => [each.id, each]));
  let place = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const alike = place && !place.id && place.nodeName === wanted.nodeName ? place : null;
    const kept = wanted.id ? known.get(wanted.id) : alike;
    if (!kept) {
      if (wanted.nodeName === "TR") wanted.classList.add("new");
      from.insertBefore(wanted, place);
      continue;
    }
    if (kept === place) place = place.nextSibling;
    else from.insertBefore(kept, place);
    morph(kept, wanted);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

/** Tell people who listen to the page how many runs there are now, but not faster than they hear. */
function announce() {
  speaking ||= setTimeout(() => {
    speaking = 0;
    spokeAt = Date.now();
    announcement.textContent = document.getElementById("runs").dataset.summary;
  }, Math.max(0, spokeAt + SPEAK_AFTER - Date.now()));
}

function show(state, text) {
  connection.dataset.state = state;
  if (connection.textContent !== text) connection.textContent = text;
}

/** Ask for the list until nothing has become stale in the meantime. One question at a time. */
async function refresh() {
  stale = true;
  if (asking) return;
  asking = true;
  try {
    while (stale) {
      stale = false;
      const answer = await fetch("fragments/runs");
      if (!answer.ok) return lost(`The server answers ${answer.status}, trying again`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const runs = document.getElementById("runs");
      const before = runs.dataset.summary;
      morph(runs, document.adoptNode(page.getElementById("runs")));
      if (runs.dataset.summary !== before) announce();
    }
    show("live", wasLost ? "Connected again" : "Live");
    wasLost = false;
  } catch {
    lost("Connection lost, trying again");
  } finally {
    asking = false;
  }
}

function lost(text) {
  wasLost = true;
  show("lost", text);
  retrying ||= setTimeout(() => {
    retrying = 0;
    refresh();
  }, RETRY_AFTER);
}

function listen() {
  const source = new EventSource("api/pipeline/stream");
  source.addEventListener("position", refresh);
  source.addEventListener("error", () => {
    lost("Connection lost, trying again");
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_AFTER);
  });
}

/** What depends on the clock alone changes without an event. */
function refreshWhileRunning() {
  const running = document.getElementById("runs").dataset.running !== "0";
  if (running && !document.hidden && connection.dataset.state === "live") refresh();
}

show("asking", "Connecting");
listen();
setInterval(refreshWhileRunning, LOOK_AGAIN);
document.addEventListener("visibilitychange", refreshWhileRunning);
