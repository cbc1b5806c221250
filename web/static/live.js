// Keeps the open page up to the log. The stream only says that something is stale; the page then asks
// for its live part again, and htmx with idiomorph puts it in place node by node.

const APART = 300; // the least time between two questions
const RETRY_AFTER = 2000; // between two tries to reach the server again
const LOOK_AGAIN = 5000; // how long what changes without an event may lag, unless the page says
const SPEAK_AFTER = 5000; // the least time between two announcements
const NOT_SIGNED_IN = 401;

const live = document.getElementById("live");
const connection = document.getElementById("connection");
const announcement = document.getElementById("announcement");
const root = document.body.dataset.root;

let due = 0; // the timer of the next question
let asking = false;
let stale = false;
let askedAt = 0;
let wasLost = false;
let isOver = false; // the session: whatever is asked is refused from then on
let speaking = 0;
let spokeAt = 0;

const standing = () => document.getElementById("standing").dataset;

function show(state, text) {
  connection.dataset.state = state;
  if (connection.textContent !== text) connection.textContent = text;
}

/** Ask for the live part: at most one question at a time, and not more often than is of use. */
function refresh(soonest = APART) {
  if (isOver) return;
  if (asking) {
    stale = true;
    return;
  }
  due ||= setTimeout(() => {
    due = 0;
    asking = true;
    stale = false;
    askedAt = Date.now();
    htmx.trigger(live, "stale");
  }, Math.max(0, askedAt + soonest - Date.now()));
}

function answered(isFine, text) {
  asking = false;
  if (!isFine) return lost(text);
  if (wasLost) show("live", "Connected again");
  else if (connection.dataset.state !== "live") show("live", "Live");
  wasLost = false;
  if (stale) refresh();
}

function lost(text) {
  if (isOver) return;
  wasLost = true;
  show("lost", text);
  refresh(RETRY_AFTER);
}

/** Say that the session has ended, and where another begins; nothing is asked any more. */
function end() {
  isOver = true;
  show("lost", "You are signed out. ");
  const link = document.createElement("a");
  link.href = `${root}sign-in`;
  link.textContent = "Sign in";
  connection.append(link);
}

/** Tell people who listen to the page what it shows now, but not faster than they hear. */
function announce() {
  speaking ||= setTimeout(() => {
    speaking = 0;
    spokeAt = Date.now();
    announcement.textContent = document.getElementById("standing").textContent;
  }, Math.max(0, spokeAt + SPEAK_AFTER - Date.now()));
}

/** Tell whether this page shows anything that changed; it may be about some runs only. */
function concerns(change) {
  const { run, position } = standing();
  if (change.position <= Number(position) && !wasLost) return false;
  return !run || !change.runs || run.split(" ").some((each) => change.runs.includes(each));
}

function listen() {
  const source = new EventSource(`${root}api/pipeline/stream`);
  source.addEventListener("position", (event) => {
    if (isOver) source.close();
    else if (concerns(JSON.parse(event.data))) refresh();
    else if (connection.dataset.state === "asking") show("live", "Live");
  });
  source.addEventListener("error", () => {
    lost("Connection lost, trying again");
    if (isOver) source.close();
    else if (source.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_AFTER);
  });
}

/** What goes on changes without an event. */
function refreshWhileRunning() {
  if ("running" in standing() && !document.hidden && !wasLost) refresh();
}

function lookAgain() {
  refreshWhileRunning();
  setTimeout(lookAgain, Number(standing().running) || LOOK_AGAIN);
}

let before = "";
live.addEventListener("htmx:beforeSwap", () => {
  before = document.getElementById("standing").textContent;
});
live.addEventListener("htmx:afterSwap", () => {
  if (document.getElementById("standing").textContent !== before) announce();
});
live.addEventListener("htmx:afterRequest", ({ target, detail }) => {
  if (target !== live) return;
  const status = detail.xhr?.status;
  if (status === NOT_SIGNED_IN) return end();
  answered(
    detail.successful,
    status ? `The server answers ${status}, trying again` : "Connection lost, trying again",
  );
});
document.getElementById("new-rows")?.addEventListener("click", () => refresh(0));

if ("past" in standing()) {
  show("past", "The past does not change");
} else {
  show("asking", "Connecting");
  listen();
  lookAgain();
  document.addEventListener("visibilitychange", refreshWhileRunning);
}
