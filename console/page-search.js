// Everything that a word leads to, on a page of its own: "#/search?q=SN-7".
import { h, replace } from "./dom.js";
import { find } from "./find.js";
import { historyCard } from "./kit-history.js";
import { may } from "./kit.js";
import { t } from "./texts.js";
import { field } from "./forms.js";
import { badge, empty, header, icon, loading } from "./ui.js";

export const title = t("search.title");
export const needs = [];

const PAUSE_MS = 200;
const ICONS = { thing: "things", certificate: "certificates", claim: "claims", pairing: "pairings", user: "users", template: "templates", policy: "policies" };

const item = (hit) => h("li", h("a", { href: hit.href, "data-test": "search-hit" }, icon(ICONS[hit.kind]), h("span", hit.text, hit.more ? h("span", { class: "muted small" }, ` ${hit.more}`) : null), h("span", { class: "kind" }, t(`search.${hit.kind}`))));

export async function render(root, params, signal) {
    root.classList.add("page");
    const can = await may();
    const input = field({ name: "q", type: "search", label: t("search.label"), value: params.query.get("q") ?? "", autofocus: true, autocomplete: "off", "data-test": "search-text" });
    const results = h("div", { class: "stack", "aria-live": "polite" });
    let running = null;
    const look = async () => {
        running?.abort();
        const mine = running = new AbortController();
        const word = input.value.trim();
        history.replaceState(null, "", word ? `#/search?q=${encodeURIComponent(word)}` : "#/search");
        if (!word) return replace(results, h("p", { class: "muted" }, t("find.hint")));
        replace(results, loading());
        const list = h("ul", { class: "results card" });
        for await (const hits of find(word, can, mine.signal)) {
            if (mine.signal.aborted || signal.aborted) return;
            list.append(...hits.map(item));
            if (list.parentNode !== results) replace(results, list);
        }
        if (mine.signal.aborted || signal.aborted) return;
        const told = await historyCard(word, can).catch(() => null);
        if (mine.signal.aborted || signal.aborted) return;
        replace(results, list.childElementCount ? [h("p", { class: "muted small" }, badge(t("find.count", { count: list.childElementCount }))), list] : empty({ icon: "search", title: t("search.none"), text: t("find.hint") }), told);
    };
    let timer = 0;
    input.input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(look, PAUSE_MS);
    });
    signal.addEventListener("abort", () => running?.abort(), { once: true });
    replace(root, header(title), input, results);
    input.input.focus();
    await look();
}
