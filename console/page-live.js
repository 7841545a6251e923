// What happens now: rows of the ledger as they are written, and devices that come and go.
import { connectionSentence, sentence, tone } from "./activity.js";
import { allowed, call, rights } from "./api.js";
import { h, replace } from "./dom.js";
import { listen } from "./live.js";
import { card, heading } from "./parts.js";
import { t } from "./texts.js";
import { field } from "./forms.js";
import { exportAs } from "./table.js";
import { badge, button, cli, empty, timeAgo } from "./ui.js";

export const title = t("live.title");
const KEPT = 300;
const BEFORE = 30;
const STATES = { open: ["live.state.open", "good"], waiting: ["live.state.waiting", "warn"], off: ["live.state.off", "bad"] };

const ledgerItem = (row) => ({
    tone: tone(row),
    time: row.time,
    row,
    node: () => [
        h("span", { class: "activity-text" }, sentence(row)),
        h("a", { class: "muted small nowrap", href: `#/ledger/${row.sequence}` }, timeAgo(row.time)),
    ],
});
const connectionItem = (change) => ({
    tone: change.connected ? "good" : "",
    time: change.atMillis / 1000,
    row: change,
    node: () => [
        h("span", { class: "activity-text" }, connectionSentence(change)),
        h("span", { class: "muted small nowrap" }, timeAgo(change.atMillis / 1000)),
    ],
});

// Text of everything that a row says, to search in.
const textOf = (item) => JSON.stringify(item.row).toLowerCase();

export async function render(root, params, signal) {
    const items = [];
    let paused = false;
    const state = h("span", { role: "status", "data-test": "live-state" });
    const counts = h("span", { class: "muted", "data-test": "live-count" });
    const search = field({
        name: "filter",
        label: t("live.filter"),
        type: "search",
        value: params.query.get("filter") ?? "",
        autocomplete: "off",
        "data-test": "live-filter",
    });
    const kinds = field({
        name: "kind",
        label: t("live.kind"),
        type: "select",
        options: [
            ["", t("parts.all")],
            ["ledger", t("live.kind.ledger")],
            ["connection", t("live.kind.connection")],
            ["bad", t("live.kind.bad")],
        ],
        "data-test": "live-kind",
    });
    const feed = h("ol", { class: "activities feed", "data-test": "live-feed" });

    const wanted = (item) => {
        const kind = kinds.value;
        if (kind === "bad" && item.tone !== "bad") return false;
        if ((kind === "ledger" || kind === "connection") && item.kind !== kind) return false;
        return !search.value || textOf(item).includes(search.value.trim().toLowerCase());
    };
    const itemNode = (item) => h("li", { class: ["activity", item.tone, item.kind] }, item.node());
    const draw = () => {
        const shown = items.filter(wanted);
        replace(feed, shown.map(itemNode));
        replace(counts, t("live.count", { count: shown.length }));
        none.hidden = shown.length > 0;
    };
    const add = (item, kind) => {
        item.kind = kind;
        items.unshift(item);
        items.length = Math.min(items.length, KEPT);
        if (paused || !wanted(item)) return;
        feed.prepend(itemNode(item));
        while (feed.childElementCount > KEPT) feed.lastElementChild.remove();
        replace(counts, t("live.count", { count: feed.childElementCount }));
        none.hidden = true;
    };
    const pause = button(
        t("live.pause"),
        () => {
            paused = !paused;
            pause.querySelector("span").textContent = t(paused ? "live.resume" : "live.pause");
            pause.setAttribute("aria-pressed", paused);
            if (!paused) draw();
        },
        { "data-test": "live-pause", "aria-pressed": "false" },
    );
    const newest = () => items.find((item) => item.row.sequence)?.row.sequence;
    const clear = button(t("live.clear"), () => ((items.length = 0), draw()), { kind: "quiet", "data-test": "live-clear" });
    const none = empty({ title: t("live.none"), text: t("live.none.text"), icon: "live" });

    search.input.addEventListener("input", draw);
    kinds.input.addEventListener("change", draw);
    const head = heading({ title, lead: t("live.lead"), actions: [pause, clear] });
    head.querySelector("h1").append(" ", state);
    replace(
        root,
        head,
        h("div", { class: "toolbar" }, search, kinds),
        card(t("live.feed"), { actions: [counts] }, none, h("div", { role: "log", "aria-live": "off", "aria-label": title }, feed)),
        h(
            "div",
            { class: "table-foot" },
            exportAs(() => items.map((item) => item.row), "activity"),
        ),
        cli("vouch ledger list --newest"),
    );
    // What was just before, so that the page is not empty on a quiet day.
    if (allowed(await rights(), "vouch:ListLedger")) {
        const { entries } = await call("GET", "/_vouch/ledger", { query: { newestFirst: true, maxResults: BEFORE }, signal });
        for (const row of entries.reverse()) add(ledgerItem(row), "ledger");
    }
    listen(
        {
            onRow: (row) => row.sequence > (newest() ?? 0) && add(ledgerItem(row), "ledger"),
            onConnection: (change) => add(connectionItem(change), "connection"),
            onState: (word) => replace(state, badge(t(STATES[word][0]), STATES[word][1])),
        },
        signal,
    );
}
