// What the ledger says of a name, newest first.
import { sentence, tone } from "./activity.js";
import { call } from "./api.js";
import { h, replace } from "./dom.js";
import { section, small, vouch } from "./kit.js";
import { t } from "./texts.js";
import { cli, timeAgo } from "./ui.js";

const PAGE = 50;
const PAGES_MAX = 10; // a page may hold fewer rows than asked for: the server looks through so many at a time

async function more(name, at) {
    const rows = [];
    let next = at;
    for (let i = 0; i < PAGES_MAX && rows.length < PAGE; i++) {
        const found = await call("GET", "/_vouch/ledger", { query: { any: name, newestFirst: true, maxResults: PAGE - rows.length, nextToken: next } });
        rows.push(...found.entries);
        next = found.nextToken;
        if (!next) break;
    }
    return { rows, next };
}

const item = (row) => h("li", { class: ["activity", tone(row)] }, h("span", { class: "activity-text" }, sentence(row)), h("a", { class: "activity-time", href: `#/ledger/${row.sequence}` }, timeAgo(row.time)));

export async function historyCard(name, can) {
    if (!can("vouch:ListLedger")) return null;
    const list = h("ol", { class: "activities" });
    const foot = h("div", { class: "actions start" });
    const load = async (at) => {
        const { rows, next } = await more(name, at);
        list.append(...rows.map(item));
        replace(foot, next ? small(t("kit.history.more"), () => load(next), { "data-test": "history-more" }) : null);
        return list.childElementCount;
    };
    const count = await load();
    return section(t("kit.history"), null, count ? list : h("p", { class: "muted" }, t("kit.history.none")), foot, cli(vouch("ledger", "list", name, "--newest")));
}
