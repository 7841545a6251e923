// One box for names and ids, from anywhere: pages first, then what find.js finds for this user.
import { h } from "./dom.js";
import { allowed } from "./api.js";
import { t } from "./texts.js";
import { find } from "./find.js";
import { dialog } from "./forms.js";
import { icon } from "./ui.js";

const DELAY_MS = 180;
const MAX = 20;
const ICONS = { policy: "policies" };

const pagesOf = (routes, text) => routes.filter((one) => one.key && t(one.title).toLowerCase().includes(text.toLowerCase()))
    .map((one) => ({ kind: "page", icon: one.name, text: t(one.title), href: `#/${one.name}` }));

export function open(rights, routes) {
    const input = h("input", { type: "search", autofocus: true, autocomplete: "off", spellcheck: "false", "aria-label": t("search.label"), placeholder: t("search.label"), "aria-describedby": "search-said", "data-test": "search" });
    const results = h("ul", { class: "results", id: "search-results", "aria-label": t("search.title") });
    const said = h("p", { class: "muted small", role: "status", id: "search-said" }, t("search.hint"));
    const box = dialog({ title: t("search.title"), body: h("div", { class: "stack" }, input, results, said), onClose: () => asking?.abort() });
    const links = () => [...results.querySelectorAll("a")];
    const line = (one) => h("li", h("a", { href: one.href, onclick: () => box.close() }, icon(one.icon ?? ICONS[one.kind] ?? `${one.kind}s`),
        h("span", one.text, one.more ? h("span", { class: "muted small" }, ` ${one.more}`) : null), h("span", { class: "kind" }, t(`search.${one.kind}`))));
    const all = (text) => results.append(h("li", { class: "all" }, h("a", { href: `#/search?q=${encodeURIComponent(text)}`, "data-test": "search-all", onclick: () => box.close() }, icon("search"), h("span", t("search.all", { text })))));
    const add = (hits) => results.append(...hits.slice(0, MAX - results.childElementCount).map(line));

    let asking = null;
    const ask = async () => {
        const text = input.value.trim();
        asking?.abort();
        asking = new AbortController();
        const { signal } = asking;
        results.replaceChildren();
        if (text) add(pagesOf(routes, text));
        said.textContent = text ? t("app.loading") : t("search.hint");
        for await (const hits of find(text, (action) => allowed(rights, action), signal)) {
            if (signal.aborted) return;
            add(hits);
        }
        if (signal.aborted || !text) return;
        const { length } = links();
        all(text);
        said.textContent = length ? t("search.found", { count: length }) : t("search.none");
    };
    let timer;
    input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(ask, DELAY_MS);
    });
    box.node.addEventListener("keydown", async (event) => {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step) {
            event.preventDefault();
            const all = [input, ...links()];
            all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
        } else if (event.key === "Escape") {
            event.preventDefault(); // a search field would first empty itself
            box.close();
        } else if (event.key === "Enter" && event.target === input) {
            event.preventDefault();
            clearTimeout(timer);
            await ask();
            links()[0]?.click();
        }
    });
}
