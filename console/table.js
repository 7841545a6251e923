// Lists of rows, page by page, and files of them.
import { h, replace } from "./dom.js";
import { t } from "./texts.js";
import { button, empty, errorBox, icon, loading } from "./ui.js";

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
    const plain = (list) => list.map((row) => plainRow(columns, row));
    const everything = async function* (stop) {
        let at;
        do {
            const found = await load(at, stop);
            yield plain(found.rows);
            at = found.next;
        } while (at);
    };
    const foot = (found) => (found.next || page || name) && h("div", { class: "table-foot" },
        name ? exportAs(() => plain(node.rows), name, found.next || page ? everything : null) : h("span"),
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

// Two buttons; rows: a list of objects, or a function that gives one (or a promise of one). all(signal): pages of them, from the
// first row to the last; offered beside them.
export function exportAs(rows, name, all) {
    const whole = all && h("input", { type: "checkbox" });
    const said = h("span", { class: "muted small", role: "status" });
    const one = async () => [typeof rows === "function" ? await rows() : rows];
    const save = async (form) => {
        const { save: write } = await import("./export.js");
        if (!whole?.checked) return void await write(await one(), name, form);
        await following(said, (options) => write(all(options.signal), name, form, options));
    };
    return h("div", { class: "export", role: "group", "aria-label": t("ui.export") }, icon("download"),
        button(t("ui.export.csv"), () => save("csv"), { kind: "quiet" }), button(t("ui.export.json"), () => save("json"), { kind: "quiet" }),
        whole ? h("label", { class: "small" }, whole, " ", t("ui.export.all")) : null, said);
}

// How far it is, and a way out.
async function following(said, work) {
    const stop = new AbortController();
    const count = h("span");
    replace(said, count, button(t("ui.cancel"), () => stop.abort(), { kind: "quiet", "data-test": "export-stop" }));
    const number = new Intl.NumberFormat("en");
    try {
        const { rows, more } = await work({ signal: stop.signal, onRows: (done) => (count.textContent = t("ui.export.rows", { count: number.format(done) })) });
        replace(said, t(more ? "ui.export.most" : "ui.export.done", { count: number.format(rows) }));
    } catch (error) {
        replace(said, stop.signal.aborted ? t("ui.export.stopped") : error.message);
    }
}
