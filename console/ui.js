// What pages are made of. Every part returns a node (some with methods on it); nothing here knows an operation of the server.
import { h, s, replace } from "./dom.js";
import { t } from "./texts.js";

let serial = 0;
const id = (word) => `${word}-${++serial}`;

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
        if (node.isConnected) node.dataset.seen = "1";
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

// Counts down to a time and says so once: countdown(expiration, {onEnd, signal}).
export function countdown(until, { onEnd, label } = {}) {
    const end = dateOf(until).getTime();
    const node = h("span", { class: "countdown", role: "timer", "aria-label": label });
    const tick = () => {
        const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
        node.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
        node.classList.toggle("short", left <= 60);
        if (left > 0 && (node.isConnected || !node.dataset.seen)) return;
        clearInterval(timer);
        if (left === 0 && node.isConnected) onEnd?.();
    };
    const timer = setInterval(() => {
        if (node.isConnected) node.dataset.seen = "1";
        tick();
    }, 1000);
    tick();
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

// tabs([{id, title, render(panel)}], {selected, onSelect}): a panel is filled when it is first shown.
export function tabs(list, { selected, onSelect, label } = {}) {
    const group = id("tabs");
    const panel = h("div", { class: "tab-panel", role: "tabpanel", id: `${group}-panel`, tabindex: "0" });
    const show = (tab, focus) => {
        for (const [i, node] of buttons.entries()) {
            const on = list[i] === tab;
            node.setAttribute("aria-selected", on);
            node.tabIndex = on ? 0 : -1;
            if (on && focus) node.focus();
            if (on) panel.setAttribute("aria-labelledby", node.id);
        }
        replace(panel);
        tab.render(panel);
    };
    const move = (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const at = buttons.indexOf(event.target);
        const next = list[(at + step + list.length) % list.length];
        show(next, true);
        onSelect?.(next.id);
    };
    const buttons = list.map((tab, i) => h("button", { type: "button", role: "tab", id: `${group}-${i}`, "aria-controls": `${group}-panel`, onclick: () => { show(tab); onSelect?.(tab.id); } }, tab.title));
    const node = h("div", { class: "tabs" }, h("div", { role: "tablist", "aria-label": label, onkeydown: move }, buttons), panel);
    show(list.find((tab) => tab.id === selected) ?? list[0]);
    return node;
}

/* ---- dialogs ---- */

// dialog({title, body, buttons, wide, onClose}): opens at once; {node, close(result)}. `buttons` may be a function of close.
export function dialog({ title, body, buttons, wide, onClose }) {
    const label = id("dialog");
    let result;
    const close = (value) => {
        result = value;
        node.close();
    };
    const foot = typeof buttons === "function" ? buttons(close) : buttons;
    const node = h("dialog", { class: ["dialog", wide && "wide"], "aria-labelledby": label },
        h("header", h("h2", { id: label }, title), h("button", { type: "button", class: "button icon-only quiet", "aria-label": t("ui.close"), onclick: () => close() }, icon("close"))),
        h("div", { class: "dialog-body" }, typeof body === "function" ? body(close) : body), foot ? h("footer", foot) : null);
    node.addEventListener("close", () => {
        if (toasts && node.contains(toasts)) document.body.append(toasts);
        node.remove();
        onClose?.(result);
    });
    node.addEventListener("click", (event) => {
        if (event.target === node) close(); // beside it
    });
    document.body.append(node);
    node.showModal();
    (node.querySelector("[autofocus]") ?? node.querySelector(".dialog-body input, .dialog-body select, .dialog-body textarea") ?? node.querySelector("footer button"))?.focus();
    return { node, close };
}

// await confirm({title, text, action, danger, word, body, cli: "vouch …"}): true or false. With `word` it must be typed.
export function confirm({ title, text, action = t("ui.yes"), danger, word, body, cli: command }) {
    return new Promise((resolve) => {
        const typed = word ? field({ name: "word", label: t("ui.type.to.confirm", { word }), autocomplete: "off" }) : null;
        const go = (close) => button(action, () => close(true), { kind: danger ? "danger" : "primary", disabled: Boolean(word) });
        dialog({
            title,
            body: h("div", { class: "stack" }, text ? h("p", text) : null, body, typed, command ? cli(command) : null),
            buttons: (close) => {
                const yes = go(close);
                typed?.input.addEventListener("input", () => (yes.disabled = typed.value !== word));
                return [button(t("ui.cancel"), () => close(false), { kind: "quiet" }), yes];
            },
            onClose: (result) => resolve(result === true),
        });
    });
}

/* ---- forms ---- */

// field({name, label, type, value, hint, required, options, placeholder, pattern, rows, checked, …}): the wrapper, with
// .name, .input, .value (checkboxes: boolean) and .error(text). type: text, password, number, select, textarea, checkbox, …
// options: texts, or [value, text], or {value, text, disabled}.
export function field({ name, label, type = "text", value, hint: help, options, oninput, input: given, wide, star = true, ...attributes }) {
    const own = id(`field-${name}`);
    const described = h("p", { class: "field-hint", id: `${own}-hint` }, help);
    const problem = h("p", { class: "field-error", id: `${own}-error`, role: "alert" });
    const common = { id: own, name, "aria-describedby": `${own}-hint ${own}-error`, oninput, ...attributes };
    const input = given ?? control(type, common, value, options);
    if (given) for (const key of ["id", "name", "aria-describedby"]) given.setAttribute(key, common[key]);
    const caption = h("label", { for: own }, label, attributes.required && star ? h("span", { class: "needed", "aria-hidden": "true" }, " *") : null);
    const node = h("div", { class: ["field", `field-${type}`, wide && "wide"] }, type === "checkbox" ? [input, caption] : [caption, input], described, problem);
    const error = (text) => {
        problem.textContent = text ?? "";
        input.setAttribute("aria-invalid", Boolean(text));
    };
    input.addEventListener("input", () => error(""));
    Object.assign(node, { input, error, fieldName: name });
    Object.defineProperty(node, "value", { get: () => read(input), set: (next) => (input[input.type === "checkbox" ? "checked" : "value"] = next) });
    return node;
}

function read(input) {
    if (input.type === "checkbox") return input.checked;
    if (input.type === "number") return input.value === "" ? undefined : Number(input.value);
    return input.value;
}

function control(type, common, value, options) {
    if (type === "select") return h("select", { ...common, value }, (options ?? []).map(optionOf));
    if (type === "textarea") return h("textarea", { spellcheck: "false", rows: 6, ...common, value: value ?? "" });
    if (type === "checkbox") return h("input", { ...common, type, checked: Boolean(value) });
    return h("input", { autocapitalize: "off", spellcheck: "false", ...common, type, value: value ?? "" });
}

function optionOf(option) {
    if (Array.isArray(option)) return h("option", { value: option[0] }, option[1]);
    if (option !== null && typeof option === "object") return h("option", { value: option.value, disabled: option.disabled }, option.text);
    return h("option", { value: option }, option);
}

// form({fields, submit: "Create", onSubmit(values), cancel(), cli(values), kind}): .values, .error(problem). onSubmit may
// throw: what the server said is shown, at the field whose name it begins with.
export function form({ fields, submit = t("ui.save"), onSubmit, cancel, cli: command, kind = "primary", extra }) {
    const inputs = fields.flat(3).filter((node) => node?.fieldName);
    const values = () => Object.fromEntries(inputs.map((node) => [node.fieldName, node.value]));
    const problem = h("div", { "aria-live": "assertive" });
    const line = h("div");
    const go = h("button", { type: "submit", class: ["button", kind] }, h("span", submit));
    const error = (thrown) => replace(problem, thrown ? errorBox(thrown) : null);
    const node = h("form", { class: "form", novalidate: true }, fields, extra, problem, line,
        h("div", { class: "actions" }, cancel ? button(t("ui.cancel"), () => cancel(), { kind: "quiet" }) : null, go));
    const refresh = () => command && replace(line, cli(command(values())));
    node.addEventListener("input", refresh);
    node.addEventListener("submit", (event) => {
        event.preventDefault();
        if (sound(inputs)) void submitted(go, () => onSubmit(values()), error);
    });
    refresh();
    return Object.assign(node, { error, refresh, button: go, read: values });
}

function sound(inputs) {
    const bad = inputs.filter((node) => !node.input.checkValidity());
    for (const node of bad) node.error(node.input.validationMessage);
    bad[0]?.input.focus();
    return bad.length === 0;
}

async function submitted(go, work, error) {
    if (go.getAttribute("aria-busy") === "true") return;
    go.setAttribute("aria-busy", "true");
    error(null);
    try {
        await work();
    } catch (thrown) {
        if (thrown.name !== "AbortError") error(thrown);
    } finally {
        go.removeAttribute("aria-busy");
    }
}

/* ---- tables ---- */

// table({columns, rows | load, onRow(row), empty: {title, text, action}, caption, name, rowKey}): .reload(), .rows.
// columns: [{title, value(row) -> text or node, class, text(row) for exports}]. load(marker, signal) -> {rows, next}: pages
// with Previous and Next; see pager() of api.js. name: with it, what is shown can be exported under that name.
export function table({ columns, rows, load, onRow, hrefOf, empty: nothing, caption, name, signal }) {
    const node = h("div", { class: "table" });
    const markers = [undefined];
    let page = 0;
    const show = async (at) => {
        if (node.childElementCount === 0) replace(node, loading());
        node.setAttribute("aria-busy", "true");
        try {
            const found = load ? await load(markers[at], signal) : { rows: rows ?? [], next: null };
            page = at;
            markers[at + 1] = found.next ?? undefined;
            node.rows = found.rows;
            replace(node, found.rows.length || at ? [grid(found.rows), foot(found)] : empty(nothing));
        } catch (error) {
            if (error.name !== "AbortError") replace(node, errorBox(error, () => show(at)));
        } finally {
            node.removeAttribute("aria-busy");
        }
    };
    const grid = (list) => h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": caption ?? name ?? t("app.console") }, h("table",
        caption ? h("caption", { class: "visually-hidden" }, caption) : null,
        h("thead", h("tr", columns.map((column) => h("th", { scope: "col", class: column.class }, column.title || h("span", { class: "visually-hidden" }, t("ui.actions")))))),
        h("tbody", list.map(line))));
    const line = (row) => h("tr", { class: onRow && "clickable", onclick: onRow && ((event) => event.target.closest("a,button,input,select,label") || getSelection().toString() || onRow(row)) },
        columns.map((column, i) => h("td", { class: column.class, dataset: { label: column.title } }, i === 0 ? first(row, column) : column.value(row))));
    // The first cell can be reached by keyboard.
    const first = (row, column) => {
        const value = column.value(row);
        if (hrefOf && !(value instanceof Node)) return h("a", { href: hrefOf(row) }, value);
        return onRow && !(value instanceof Node) ? h("button", { type: "button", class: "row-link", onclick: () => onRow(row) }, value) : value;
    };
    const foot = (found) => (found.next || page || name) && h("div", { class: "table-foot" },
        name ? exportAs(() => node.rows.map((row) => plainRow(columns, row)), name) : h("span"),
        found.next || page ? h("nav", { class: "pager", "aria-label": caption }, button(t("ui.previous"), () => show(page - 1), { kind: "quiet", disabled: page === 0 }),
            h("span", { "aria-live": "polite" }, t("ui.page", { page: page + 1 })), button(t("ui.next"), () => show(page + 1), { kind: "quiet", disabled: !found.next })) : null);
    node.rows = rows ?? [];
    node.reload = () => show(page);
    node.first = () => show(0);
    void show(0);
    return node;
}

function plainRow(columns, row) {
    const text = (column) => {
        const value = column.text ? column.text(row) : column.value(row);
        if (!(value instanceof Node)) return value ?? "";
        return value.querySelector?.("time")?.dateTime ?? value.dateTime ?? value.textContent;
    };
    return Object.fromEntries(columns.filter((column) => column.title).map((column) => [column.title, text(column)]));
}

/* ---- exports ---- */

// A cell that a spreadsheet would take for a formula is made text.
export function csvCell(value) {
    const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvText(rows) {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    return [names, ...rows.map((row) => names.map((name) => row[name]))].map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

export function download(text, name, type = "text/plain") {
    const address = URL.createObjectURL(text instanceof Blob ? text : new Blob([text], { type }));
    const link = h("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// Two buttons; rows: a list of objects, or a function that gives one (or a promise of one).
export function exportAs(rows, name) {
    const given = async () => (typeof rows === "function" ? rows() : rows);
    return h("div", { class: "export", role: "group", "aria-label": t("ui.export") }, icon("download"),
        button(t("ui.export.csv"), async () => download(csvText(await given()), `${name}.csv`, "text/csv"), { kind: "quiet" }),
        button(t("ui.export.json"), async () => download(JSON.stringify(await given(), null, 2) + "\n", `${name}.json`, "application/json"), { kind: "quiet" }));
}

/* ---- charts ---- */

// A line of the last values, with a name for who does not see it: chart([1, 2, 3], {label: "Connections", width, height, max}).
export function chart(values, { label, width = 160, height = 40, max, kind = "" } = {}) {
    const numbers = values.filter(Number.isFinite);
    const top = Math.max(max ?? 0, ...numbers, 1e-9);
    const step = width / Math.max(1, numbers.length - 1);
    const points = numbers.map((value, i) => `${(i * step).toFixed(1)},${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`);
    const line = points.length === 1 ? [`0,${points[0].split(",")[1]}`, `${width},${points[0].split(",")[1]}`] : points;
    return s("svg", { class: ["chart", kind], viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
        line.length ? [s("polygon", { points: `0,${height} ${line.join(" ")} ${width},${height}` }), s("polyline", { points: line.join(" ") })] : null);
}
