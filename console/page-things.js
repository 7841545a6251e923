// Things: a fleet of any size a page at a time, searched by the server. thing.js shows one.
import { call, pager } from "./api.js";
import { h, replace } from "./dom.js";
import { act, chips, enc, go, href, may, nameField, pairsOf, pairWordsOfText, vouch } from "./kit.js";
import { listen } from "./live.js";
import { t } from "./texts.js";
import { field } from "./forms.js";
import { table } from "./table.js";
import { badge, button, cli, header } from "./ui.js";

export const title = t("things.title");
export const nav = "things";
export const needs = ["iot:ListThings"];

const PAGE = 100;
const SEARCH_PAUSE_MS = 250;
const RELOAD_PAUSE_MS = 500;
const SEEN_MAX = 200;
// The server looks through so many things a call; a query that few fit is asked on, for as long as one would wait.
const SOME_MS = 1500;
const FIRST_MS = 10000;

/* ---- list ---- */

// What one types is the beginning of a name, unless it has a ":" and so is a query of fields.
export function queryOf(text) {
    const word = text.trim();
    if (!word) return "thingName:*";
    if (/(^|[\s(])[\w.]+:\S/.test(word)) return word;
    return `thingName:${word.replace(/[\\"*?:()\s]/g, "\\$&")}*`;
}

function loader(can, words) {
    if (!can("iot:SearchIndex")) return pager("/things", { list: "things", size: PAGE });
    return async (at, signal) => {
        const queryString = queryOf(words());
        const began = Date.now();
        const rows = [];
        let next = at;
        do {
            const body = { queryString, maxResults: PAGE - rows.length, ...(next ? { nextToken: next } : {}) };
            const found = await call("POST", "/indices/search", { body, signal });
            rows.push(...(found.things ?? []));
            next = found.nextToken ?? null;
        } while (next && rows.length < PAGE && Date.now() - began < (rows.length ? SOME_MS : FIRST_MS));
        return { rows, next };
    };
}

export function connectivityBadge(state) {
    if (!state) return badge("–");
    return badge(t(state.connected ? "things.connected" : "things.disconnected"), state.connected ? "good" : "");
}

const columns = [
    { title: t("things.name"), value: (row) => h("a", { href: href("things", row.thingName), "data-test": "thing-link" }, row.thingName) },
    { title: t("things.connection"), value: (row) => connectivityBadge(row.connectivity), text: (row) => (row.connectivity ? (row.connectivity.connected ? "connected" : "disconnected") : "") },
    { title: t("things.type"), value: (row) => row.thingTypeName ?? "" },
    { title: t("things.attributes"), value: (row) => chips(row.attributes, 3), text: (row) => JSON.stringify(row.attributes ?? {}) },
    { title: t("things.groups"), value: (row) => (row.thingGroupNames?.length ? h("span", { class: "chips" }, row.thingGroupNames.map((name) => h("a", { class: "chip", href: href("groups", name) }, name))) : ""), text: (row) => (row.thingGroupNames ?? []).join(" ") },
];

function created(rows) {
    const names = [...new Set(rows.map((row) => row.thingName))];
    if (!names.length) return null;
    return h("div", { class: "note", role: "status", "data-test": "things-new" }, t("things.new"), " ",
        names.slice(-5).map((name, i) => [i ? ", " : "", h("a", { href: href("things", name) }, name)]), names.length > 5 ? ` +${names.length - 5}` : "");
}

function createDialog() {
    return act({
        title: t("things.create"), action: t("things.create"), test: "thing-create-confirm",
        fields: [
            field({ name: "thingName", label: t("things.name"), required: true, pattern: "[a-zA-Z0-9:_\\-]{1,128}", hint: t("things.name.hint"), "data-test": "thing-name" }),
            ...nameField("type", { name: "thingTypeName", label: t("things.type"), hint: t("things.type.hint"), "data-test": "thing-type" }),
            field({ name: "attributes", type: "textarea", rows: 3, label: t("things.attributes"), hint: t("things.attributes.hint"), class: "code", "data-test": "thing-attributes" }),
        ],
        cli: (values) => vouch("thing", "create", values.thingName || "NAME", values.thingTypeName && ["--type", values.thingTypeName], pairWordsOfText("--attribute", values.attributes)),
        run: ({ thingName, thingTypeName, attributes }) => call("POST", `/things/${enc(thingName)}`, { body: {
            ...(thingTypeName ? { thingTypeName } : {}), ...(attributes.trim() ? { attributePayload: { attributes: pairsOf(attributes) } } : {}),
        } }),
        done: t("kit.created.done"),
    });
}

async function list(root, params, signal) {
    const can = await may();
    const search = field({ name: "query", type: "search", label: t("things.search"), hint: t("things.search.hint"), value: params.query.get("q") ?? "", autocomplete: "off", "data-test": "things-search" });
    const news = h("div", { "aria-live": "polite" });
    const line = h("div");
    const grid = table({
        columns: can("iot:SearchIndex") ? columns : columns.filter((column, i) => i !== 1 && i !== 4),
        load: loader(can, () => search.value), signal, name: "things", caption: title, onRow: (row) => go("things", row.thingName),
        empty: { icon: "things", title: t("things.none"), text: t("things.none.text") },
    });
    const show = () => replace(line, cli(search.value.trim() ? vouch("search", queryOf(search.value)) : vouch("thing", "list")));
    let timer = 0;
    search.input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
            grid.first();
            show();
            history.replaceState(null, "", search.value ? `${href("things")}?q=${enc(search.value)}` : href("things"));
        }, SEARCH_PAUSE_MS);
    });
    show();
    const seen = [];
    let reloading = 0; // not put off by what follows: a busy fleet never rests
    const soon = () => {
        reloading ||= setTimeout(() => {
            reloading = 0;
            if (!signal.aborted) grid.reload();
        }, RELOAD_PAUSE_MS);
    };
    let opened = true; // what happened before the stream opened is read once more
    if (can("vouch:WatchEvents")) listen({
        onState: (word) => {
            if (word === "open" && !opened) soon();
            opened = word === "open";
        },
        onRow: (row) => {
            if (!["thing-registered", "thing-created"].includes(row.event) || !row.thingName || row.outcome !== "ok") return;
            seen.push(row);
            if (seen.length > SEEN_MAX) seen.shift();
            replace(news, created(seen));
            soon();
        },
        onConnection: (change) => grid.rows.some((row) => row.thingName === change.thingName) && soon(),
    }, signal);
    replace(root,
        header(title, { text: t("things.lead"), actions: can("iot:CreateThing") ? button(t("things.create"), async () => {
            const made = await createDialog();
            if (made) go("things", made.values.thingName);
        }, { icon: "plus", "data-test": "thing-create" }) : null }),
        can("iot:SearchIndex") ? search : null, news, grid, line);
}

export function render(root, params, signal) {
    root.classList.add("page");
    return params.name ? import("./thing.js").then((module) => module.show(root, params.name, signal)) : list(root, params, signal);
}
