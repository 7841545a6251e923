// One stream of events for all that a page shows: opened with the first who listens, closed with the last, and while nobody looks at the page
// (a browser allows six connections to a server, over all its tabs).
import { events } from "./api.js";

const listeners = new Set();
let close = null;
let lastId;
let state = "waiting";

function tell(word) {
    state = word;
    for (const one of listeners) one.onState?.(word);
}

function pass(event) {
    if (event.id) lastId = event.id;
    for (const one of [...listeners]) (event.type === "ledger" ? one.onRow : one.onConnection)?.(event.data);
}

function follow() {
    const wanted = listeners.size > 0 && !document.hidden;
    if (wanted && !close) close = events(pass, { query: { after: lastId }, onState: tell });
    if (wanted || !close) return;
    close();
    close = null;
    if (listeners.size === 0) lastId = undefined;
}

document.addEventListener("visibilitychange", follow);

// {onRow, onConnection, onState}, each optional, until the signal says stop.
export function listen(listener, signal) {
    if (signal.aborted) return;
    listeners.add(listener);
    listener.onState?.(state);
    follow();
    signal.addEventListener(
        "abort",
        () => {
            listeners.delete(listener);
            setTimeout(follow, 300); // the next page may listen too
        },
        { once: true },
    );
}
