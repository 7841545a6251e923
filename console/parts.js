// What pages begin with: headings, cards, buttons, command lines; and being told of changes.
import { h } from "./dom.js";
import { listen } from "./live.js";
import { actions, button, card as plainCard, cli, facts as plainFacts, header, shellWord, toast } from "./ui.js";

/* ---- words ---- */

export const command = (...words) => ["vouch", ...words.map(shellWord)].join(" ");
export const line = (text) => cli(text);

// A button; one that opens a dialog is not busy for as long as that is open, `busy` says which is.
export function action(label, { onclick, kind = "", test, busy = false, ...others }) {
    const begun = async (event) => onclick(event);
    const apart = (event) => void begun(event).catch((error) => error.name === "AbortError" || toast(error.message, "bad"));
    return button(label, busy ? begun : apart, { kind, "data-test": test, ...others });
}

export function heading({ title, lead, back, badge, actions: buttons = [] }) {
    const shown = buttons.filter(Boolean);
    const node = header(title, { text: lead, actions: shown.length ? shown : null, back: back && { href: `#/${back[0]}`, text: back[1] } });
    if (badge) node.querySelector("h1").append(" ", badge);
    return node;
}

// [[label, value]]; what is empty is left out.
export const facts = (rows) => plainFacts(rows.filter(([, value]) => value || value === 0));

export function card(title, { text, actions: buttons = [], test, tone } = {}, ...children) {
    const shown = buttons.filter(Boolean);
    const node = plainCard(
        null,
        h("div", { class: "card-head" }, h("h2", title), shown.length ? actions(shown) : null),
        text ? h("p", { class: "muted" }, text) : null,
        children,
    );
    if (test) node.dataset.test = test;
    if (tone) node.classList.add(tone);
    return node;
}

// Pages that belong together: [[hash, label, whether it is this one]].
export const subnav = (list) =>
    h(
        "nav",
        { class: "pagenav" },
        list.filter(Boolean).map(([hash, label, on]) => h("a", { href: `#/${hash}`, "aria-current": on ? "page" : null }, label)),
    );

/* ---- what changes meanwhile ---- */

const SOON_MS = 250; // one change of a plan seldom comes alone

// Calls back, a moment later, when a row of the ledger is of interest; and once after so many milliseconds. Rows that follow do not
// put it off: where much happens, it is called four times a second.
export function whenChanged(signal, isOfInterest, then, afterMs) {
    let soon = 0;
    const call = () => {
        soon = 0;
        if (!signal.aborted) then();
    };
    const later = afterMs === undefined ? 0 : setTimeout(call, Math.min(afterMs, 0x7fffffff));
    listen({ onRow: (row) => { if (isOfInterest(row)) soon ||= setTimeout(call, SOON_MS); } }, signal);
    signal.addEventListener("abort", () => [soon, later].forEach(clearTimeout), { once: true });
}
