// Questions with fields, their command line and what the server says to them; lists that can be searched.
import { h, replace } from "./dom.js";
import { t } from "./texts.js";
import "./texts-3.js";
import { dialog, field, form } from "./forms.js";
import { table } from "./table.js";
import { button, cli } from "./ui.js";

/* ---- fields ---- */

// Rows of name and value. The group's .value is [[name, value]].
export function pairs({ value = {}, label, test }) {
    const rows = h("div", { class: "pairs-rows" });
    const row = (name, text, hint) => {
        const names = h("input", {
            type: "text",
            value: name,
            "aria-label": t("parts.pair.name"),
            placeholder: t("parts.pair.name"),
            class: "code",
            autocapitalize: "off",
            spellcheck: "false",
            "data-test": `${test}-name`,
        });
        const values = h("input", {
            type: "text",
            value: text,
            "aria-label": t("parts.pair.value", { name }),
            placeholder: hint ?? t("parts.pair.value.short"),
            autocapitalize: "off",
            spellcheck: "false",
            "data-test": `${test}-value`,
        });
        names.addEventListener("input", () => values.setAttribute("aria-label", t("parts.pair.value", { name: names.value })));
        const node = h(
            "div",
            { class: "pair" },
            names,
            values,
            h("button", { type: "button", class: "button quiet icon-only", "aria-label": t("parts.pair.remove", { name }), onclick: () => removed(node) }, "×"),
        );
        node.pair = () => [names.value.trim(), values.value];
        return node;
    };
    const tell = () => group.dispatchEvent(new Event("input", { bubbles: true }));
    const removed = (node) => (node.remove(), tell());
    const group = h(
        "div",
        { class: "pairs", role: "group", "aria-label": label },
        rows,
        button(t("parts.pair.add"), () => (rows.append(row("", "")), rows.lastChild.querySelector("input").focus()), {
            kind: "quiet",
            "data-test": `${test}-add`,
        }),
    );
    const read = () => [...rows.children].map((node) => node.pair()).filter(([name]) => name);
    rows.append(...Object.entries(value).map(([name, text]) => row(name, text)));
    Object.defineProperty(group, "value", { get: read });
    // Other rows, keeping what was typed for names that stay.
    group.fillWith = (list) => {
        const typed = Object.fromEntries(read().filter(([, text]) => text));
        const others = Object.entries(typed).filter(([name]) => !list.some((one) => one.name === name));
        replace(
            rows,
            list.map((one) => row(one.name, typed[one.name] ?? one.value ?? "", one.hint)),
            others.map(([name, text]) => row(name, text)),
        );
        tell();
    };
    group.checkValidity = () => true;
    return group;
}

// What is left empty was not meant.
export const toPairs = (list) => Object.fromEntries((list ?? []).filter(([, value]) => value !== ""));

function chooseFile(node, accept) {
    const input = h("input", { type: "file", accept, class: "visually-hidden", "aria-label": t("parts.file"), tabindex: "-1" });
    input.addEventListener("change", async () => {
        const [file] = input.files;
        if (!file) return;
        node.value = await file.text();
        node.input.dispatchEvent(new Event("input", { bubbles: true }));
    });
    node.append(
        h(
            "div",
            {},
            input,
            button(t("parts.file"), () => input.click(), { kind: "quiet" }),
        ),
    );
}

// A JSON document, with the server's findings while one types. The editor is given, so that only pages with one load it.
function documentOf(spec, test) {
    const editor = spec.editor({ label: spec.label, value: spec.value ?? "", kind: spec.kind ?? "iam", starters: spec.starters, test: `${test}-${spec.name}` });
    const node = h("div", { class: "field wide" }, editor.node);
    editor.area.required = Boolean(spec.required);
    Object.assign(node, { input: editor.area, fieldName: spec.name, error: () => {}, spec });
    Object.defineProperty(node, "value", { get: () => editor.value });
    return node;
}

function fieldOf(spec, test) {
    if (spec.editor) return documentOf(spec, test);
    const { show, depends, of, key, code, file, type, readonly, ...rest } = spec; // the others are ui.js's
    const given = type === "pairs" ? pairs({ value: spec.value, label: spec.label, test: `${test}-${spec.name}` }) : undefined;
    const value = given ? undefined : spec.value;
    const node = field({
        ...rest,
        value,
        type: given ? "text" : type,
        input: given,
        name: key ?? spec.name,
        class: code ? "code" : null,
        readonly: readonly ? true : null,
        "data-test": `${test}-${key ?? spec.name}`,
    });
    if (given) node.classList.add("wide");
    if (file) chooseFile(node, file);
    node.spec = spec;
    return node;
}

const listOfValues = (nodes) => Object.fromEntries(nodes.filter((node) => !node.hidden).map((node) => [node.spec.name, node.value ?? ""]));

function follow(nodes) {
    const values = listOfValues(nodes);
    for (const node of nodes) {
        if (!node.spec.show) continue;
        node.hidden = !node.spec.show(values);
        node.input.disabled = node.hidden;
    }
}

function dependants(nodes) {
    for (const node of nodes.filter((one) => one.spec.of)) {
        const on = nodes.find((one) => one.spec.name === node.spec.depends);
        let seen;
        const look = async () => {
            if (on.value === seen) return;
            seen = on.value;
            const list = await node.spec.of(listOfValues(nodes));
            if (on.value === seen) node.input.fillWith(list);
        };
        on.input.addEventListener("change", look);
        void look();
    }
}

// Fields in a form; `fields` say which and when they show. submitted(values).
export function questions({ fields, submit, danger, cli: words, run, cancel, test }) {
    const nodes = fields.filter(Boolean).map((spec) => fieldOf(spec, test));
    const values = () => listOfValues(nodes);
    const node = form({
        fields: nodes,
        submit,
        kind: danger ? "danger" : "primary",
        cancel,
        cli: words && (() => words(values())),
        onSubmit: () => run(values()),
    });
    node.button.dataset.test = test;
    if (nodes.length > 3) node.classList.add("columns");
    node.addEventListener("input", () => follow(nodes));
    node.addEventListener("input", () => node.refresh());
    follow(nodes);
    node.refresh();
    dependants(nodes);
    return node;
}

// A dialog that asks, shows the equivalent command line and does it. Gives what `run` gave (true for nothing), or null.
export function ask({ title, text, action: submit, danger, fields = [], cli: words, run, test, wide, extra }) {
    return new Promise((resolve) => {
        dialog({
            title,
            wide,
            body: (close) => [
                text ? h("p", { class: "muted" }, text) : null,
                extra ?? null,
                questions({ fields, submit, danger, cli: words, test, cancel: () => close(null), run: async (values) => close((await run(values)) ?? true) }),
            ],
            onClose: (result) => resolve(result ?? null),
        });
    });
}

// The same without fields, for what cannot be taken back.
export const sure = ({ danger = true, cli: words, run, ...others }) => ask({ ...others, danger, cli: words && (() => words), run: () => run() });

// Shown once: labels and values that can be copied.
export function tellOnce({ title, text, body, test }) {
    return new Promise((resolve) => {
        dialog({
            title,
            body: h("div", { class: "stack" }, h("p", { class: "notice warn" }, text), body),
            buttons: (close) => button(t("parts.noted"), () => close(true), { kind: "primary", "data-test": test }),
            onClose: () => resolve(true),
        });
    });
}

/* ---- lists ---- */

const PAGES_SEARCHED = 10;
const ENOUGH = 50;
const plain = (column, row) => (column.text ? column.text(row) : column.text === null ? "" : row[column.key]) ?? "";

// Pages of the server until enough rows hold the words, or so many pages were looked through.
function searching(load, matches) {
    return async (at, signal) => {
        let found = await load(at, signal);
        const rows = found.rows.filter(matches);
        for (let page = 1; found.next && rows.length < ENOUGH && page < PAGES_SEARCHED; page++) {
            found = await load(found.next, signal);
            rows.push(...found.rows.filter(matches));
        }
        return { rows, next: found.next };
    };
}

function columnOf({ key, label, cell, number, ...column }) {
    return {
        title: label,
        class: number ? "number" : null,
        value: (row) => {
            const shown = cell ? cell(row) : (row[key] ?? "");
            return Array.isArray(shown) ? h("span", { class: "cell" }, shown) : shown;
        },
        text: (row) => plain({ key, ...column }, row),
    };
}

// {node, reload()}. columns: [{key, label, cell(row), text(row) | null, number}]; filter: {label, test} searches the
// rows' texts; choice: {label, key, options, test} one column's.
export function browse({ columns, load, open, name, cli: words, signal, filter, choice, empty: nothing, tools = [] }) {
    const search = filter ? field({ name: "filter", label: filter.label, type: "search", autocomplete: "off", "data-test": filter.test }) : null;
    const select = choice
        ? field({ name: choice.key, label: choice.label, type: "select", options: [["", t("parts.all")], ...choice.options], "data-test": choice.test })
        : null;
    const matches = (row) => {
        const wanted = search?.value.trim().toLowerCase() ?? "";
        if (select?.value && row[choice.key] !== select.value) return false;
        return (
            !wanted || columns.some((column) => String(plain(column, row)).toLowerCase().includes(wanted)) || JSON.stringify(row).toLowerCase().includes(wanted)
        );
    };
    const all = (at, stop) => (search?.value || select?.value ? searching(load, matches)(at, stop) : load(at, stop));
    const grid = table({
        columns: columns.map(columnOf),
        load: all,
        onRow: open && ((row) => (location.hash = `#/${open(row)}`)),
        hrefOf: open && ((row) => `#/${open(row)}`),
        name,
        caption: name,
        signal,
        empty: nothing,
    });
    let timer;
    search?.input.addEventListener("input", () => (clearTimeout(timer), (timer = setTimeout(() => grid.first(), 250))));
    select?.input.addEventListener("change", () => grid.first());
    const bar = search || select || tools.length ? h("div", { class: "toolbar" }, search, select, tools) : null;
    return { node: h("div", { class: "browse" }, bar, grid, words ? cli(words) : null), reload: () => grid.reload(), first: () => grid.first() };
}
