// What pages are made of. Every part returns a node (some with methods on it); nothing here knows an operation of the server.
import { h, s, replace } from "./dom.js";
import { t } from "./texts.js";

let serial = 0;
export const id = (word) => `${word}-${++serial}`;

/* ---- small things ---- */

const SHAPES = {
    overview: "M3 11.5 10 4l7 7.5M5 10v6h10v-6", live: "M2 10h4l2-6 4 12 2-6h4", things: "M4 7l6-3.5L16 7v6l-6 3.5L4 13zM4 7l6 3.5L16 7M10 10.5v6",
    groups: "M3 4h6v5H3zM11 4h6v5h-6zM7 11h6v5H7z", certificates: "M4 3h12v9H4zM7 6.5h6M10 10.5a2 2 0 1 0 .01 0M8.8 13.5V18l1.2-1 1.2 1v-4.5",
    pairings: "M8 12 12 8M7 9l-2.5 2.5a2.8 2.8 0 0 0 4 4L11 13M13 11l2.5-2.5a2.8 2.8 0 0 0-4-4L9 7", claims: "M3 6h14v2.5a1.5 1.5 0 0 0 0 3V14H3v-2.5a1.5 1.5 0 0 0 0-3zM12 6v8",
    templates: "M5 3h7l3 3v11H5zM8 10h4M8 13h4", policies: "M10 2.5 16 5v4.5c0 4-2.5 6.5-6 8-3.5-1.5-6-4-6-8V5zM7.5 10l2 2 3.5-4",
    hooks: "M7 4v6a4 4 0 0 0 8 0V8M13 10l2-2 2 2", users: "M7.5 9a2.8 2.8 0 1 0-.01 0M2.5 16c.5-3 2.5-4.5 5-4.5s4.5 1.5 5 4.5M13 4a2.6 2.6 0 0 1 0 5M14.5 11.5c2 .5 3 2 3.5 4.5",
    ledger: "M4 3h10l2 2v12H4zM7 7h6M7 10h6M7 13h4", why: "M7.5 7.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M10 14.5v.1M10 2.5a7.5 7.5 0 1 0 .01 0",
    settings: "M3 6h8M15 6h2M3 14h2M9 14h8M13 4a2 2 0 1 0 .01 0M7 12a2 2 0 1 0 .01 0", search: "M9 3.5a5.5 5.5 0 1 0 .01 0M13 13l4 4", menu: "M3 5.5h14M3 10h14M3 14.5h14",
    close: "M5 5l10 10M15 5 5 15", copy: "M7 7h9v9H7zM13 7V4H4v9h3", check: "M4 10.5l4 4 8-9", sun: "M10 6.5a3.5 3.5 0 1 0 .01 0M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1 1M14.7 14.7l1 1M4.3 15.7l1-1M14.7 5.3l1-1",
    moon: "M16 11.5A6.5 6.5 0 1 1 8.5 4a5 5 0 0 0 7.5 7.5z", auto: "M10 3a7 7 0 1 0 .01 0M10 3v14", user: "M10 9.5a3 3 0 1 0-.01 0M4 17c.5-3.5 3-5 6-5s5.5 1.5 6 5",
    camera: "M3 6h3l1.5-2h5L14 6h3v10H3zM10 8a3 3 0 1 0 .01 0", download: "M10 3v9M6 9l4 4 4-4M4 16h12", warn: "M10 3l7.5 13.5h-15zM10 8v4M10 14.2v.1", keyboard: "M2.5 5h15v10h-15zM5 8h.1M8 8h.1M11 8h.1M14 8h.1M6 12h8", back: "M12 4l-6 6 6 6", next: "M8 4l6 6-6 6", plus: "M10 4v12M4 10h12", terminal: "M3 4h14v12H3zM6 8l2.5 2L6 12M10.5 12.5h3.5",
};

export function icon(name, label) {
    const shape = s("path", { d: SHAPES[name] ?? SHAPES.overview });
    return s("svg", { class: ["icon", `icon-${name}`], viewBox: "0 0 20 20", role: label ? "img" : null, "aria-label": label, "aria-hidden": label ? null : "true" }, shape);
}

// kind: "" plain, "good", "warn", "bad", "accent".
export const badge = (text, kind = "") => h("span", { class: ["badge", kind] }, text);

// button("Save", save, {kind: "primary" | "danger" | "quiet", icon, …attributes}); while a promise runs it is busy.
export function button(text, onclick, { kind, icon: shape, ...attributes } = {}) {
    const node = h("button", { type: "button", class: ["button", kind], ...attributes }, shape ? icon(shape) : null, h("span", text));
    if (onclick) node.addEventListener("click", (event) => void during(node, () => onclick(event)));
    return node;
}

async function during(node, work) {
    if (node.getAttribute("aria-busy") === "true") return;
    const result = work();
    if (!(result instanceof Promise)) return;
    node.setAttribute("aria-busy", "true");
    try {
        await result;
    } catch (error) {
        if (error.name !== "AbortError") toast(error.message, "bad");
    } finally {
        node.removeAttribute("aria-busy");
    }
}

export const actions = (...children) => h("div", { class: "actions" }, children);
export const linkButton = (text, href, { kind, icon: shape, ...attributes } = {}) =>
    h("a", { class: ["button", kind], href, ...attributes }, shape ? icon(shape) : null, h("span", text));

async function toClipboard(text) {
    try {
        await navigator.clipboard.writeText(text);
        toast(t("ui.copied"));
    } catch {
        toast(t("ui.copy.failed"), "bad");
    }
}

// A button that copies; `text` may be a function.
export function copy(text, label = t("ui.copy")) {
    return h("button", { type: "button", class: "button icon-only quiet", title: label, "aria-label": label, onclick: () => toClipboard(typeof text === "function" ? text() : text) }, icon("copy"));
}

// A value that people copy: an id, an ARN, an address.
export const copyable = (text, shown = text) => h("span", { class: "copyable" }, h("code", { title: text }, shown), copy(text));

// The equivalent command line, with a button that copies it. A string, or words of which each is quoted where it must be.
export function cli(command) {
    const line = Array.isArray(command) ? command.map(shellWord).join(" ") : command;
    return h("div", { class: "cli", role: "group", "aria-label": t("ui.cli") }, icon("terminal"), h("code", line), copy(line));
}
export const shellWord = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${String(word).replaceAll("'", `'\\''`)}'`);

/* ---- times ---- */

// Seconds since 1970 as the server gives them, a date, or its text.
export function dateOf(time) {
    if (time instanceof Date) return time;
    return new Date(typeof time === "number" ? time * 1000 : time);
}
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const UNITS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export function agoText(time, now = Date.now()) {
    const seconds = (dateOf(time).getTime() - now) / 1000;
    if (Math.abs(seconds) < 5) return t("ui.now");
    const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS.at(-1);
    return relative.format(Math.round(seconds / size), unit);
}

const watched = new Set();
function refreshTimes() {
    for (const node of watched) {
        if (node.isConnected) node.textContent = agoText(Number(node.dataset.at) / 1000);
        else if (node.dataset.seen) watched.delete(node);
        node.dataset.seen = "1";
    }
}
setInterval(refreshTimes, 10000);

export const dateText = (time) => full.format(dateOf(time));
export function timeAgo(time) {
    if (time === undefined || time === null || Number.isNaN(dateOf(time).getTime())) return h("span", { class: "muted" }, "–");
    const date = dateOf(time);
    const node = h("time", { datetime: date.toISOString(), title: full.format(date), dataset: { at: String(date.getTime()) } }, agoText(date));
    watched.add(node);
    return node;
}

/* ---- messages ---- */

let toasts = null;
export function toast(text, kind = "") {
    toasts ??= document.body.appendChild(h("div", { class: "toasts", role: "status", "aria-live": "polite" }));
    const open = [...document.querySelectorAll("dialog[open]")].at(-1);
    (open ?? document.body).append(toasts); // above the dialog that is open
    const node = h("div", { class: ["toast", kind] }, text);
    toasts.append(node);
    setTimeout(() => node.remove(), 4000 + 40 * text.length);
}

export const empty = ({ title = t("ui.empty"), text, action, icon: shape = "overview" } = {}) =>
    h("div", { class: "empty" }, h("div", { class: "empty-mark" }, icon(shape)), h("h2", title), text ? h("p", text) : null, action);

export const hint = (...children) => h("p", { class: "hint" }, children);

// What was refused, and what to do: an error of api.js, or a text.
export function errorBox(error, retry) {
    const message = typeof error === "string" ? error : error.message;
    const code = typeof error === "string" ? null : [error.code, error.reason].filter(Boolean).join(" · ");
    return h("div", { class: "error-box", role: "alert" }, icon("warn"),
        h("div", h("p", message), code ? h("p", { class: "small muted" }, code) : null),
        retry ? button(t("ui.retry"), retry, { kind: "quiet" }) : null);
}

export const loading = (text = t("app.loading")) => h("p", { class: "loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), text);

/* ---- frames ---- */

export function header(title, { text, actions: buttons, back } = {}) {
    return h("header", { class: "page-head" },
        h("div", back ? h("a", { class: "back", href: back.href }, icon("back"), back.text) : null, h("h1", { tabindex: "-1" }, title), text ? h("p", { class: "lead" }, text) : null),
        buttons ? actions(buttons) : null);
}

export const card = (title, ...children) => h("section", { class: "card" }, title ? h("h2", title) : null, children);

// facts({Name: node or text, …}), or a list of such pairs where names may come twice; what is null or undefined is left out.
export const facts = (pairs) => h("dl", { class: "facts" }, (Array.isArray(pairs) ? pairs : Object.entries(pairs)).filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => h("div", h("dt", name), h("dd", value))));
