// The frame of the console: navigation, routes after the "#", keyboard, search, account.
//
// A page module exports `render(root, params, signal)`: it fills root, may be async, and stops what it began when signal
// aborts. params = {name, path, query}: of "#/things/lamp%201/shadow?tab=x" name is "lamp 1", path ["lamp 1", "shadow"],
// query a URLSearchParams. `title` is the page's own, a text or a function of params.
import { h, replace } from "./dom.js";
import { allowed, allowedAll, patient, rights, session, wasAway } from "./api.js";
import { t } from "./texts.js";
import { brand } from "./brand.js";
import { routes } from "./routes.js";
import { button, empty, errorBox, icon, linkButton, loading } from "./ui.js";

const GROUPS = ["", "fleet", "provisioning", "insight", "server"];
const frame = { side: null, main: null, user: null, rights: null };
let running = null; // what aborts the page of now
let order = 0;      // of visits, so that a slow page does not overwrite a later one

/* ---- navigation ---- */

export const offered = () => routes.filter((one) => allowedAll(frame.rights, one.needs));
const mayVouch = () => allowed(frame.rights, "iot:CreateProvisioningClaim") || allowed(frame.rights, "vouch:ApprovePairing");

function navigation() {
    const item = (one) => h("li", h("a", { href: `#/${one.name}`, dataset: { page: one.name }, onclick: () => openMenu(false), onpointerenter: () => early(one) }, icon(one.name), t(one.title)));
    const group = (name) => {
        const items = offered().filter((one) => one.group === name);
        if (!items.length) return null;
        return h("div", name ? h("h2", t(`nav.group.${name}`)) : null, h("ul", items.map(item)));
    };
    return h("div", { class: "nav" }, GROUPS.map(group));
}

function openMenu(open) {
    frame.side.classList.toggle("open", open);
    document.querySelector(".veil")?.remove();
    frame.menuButton.setAttribute("aria-expanded", open);
    if (!open) return;
    document.body.append(h("div", { class: "veil", onclick: () => openMenu(false) }));
    frame.side.querySelector("a")?.focus();
}

function markCurrent(name) {
    for (const link of frame.side.querySelectorAll("[data-page]")) {
        if (link.dataset.page === name) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
}

/* ---- routes ---- */

function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

export function parse(hash) {
    const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
    const [page = "", ...rest] = path.split("/").map(decoded);
    return { page, params: { name: rest[0] ?? "", path: rest, query: new URLSearchParams(query) } };
}

// goto("things", "lamp 1"): what stands in a path is escaped.
export const hrefOf = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;
export const goto = (...parts) => void (location.hash = hrefOf(...parts));

const absent = () => empty({ title: t("app.nothing"), text: t("app.nothing.text"), action: linkButton(t("app.nothing.go"), `#/${offered()[0]?.name ?? ""}`) });
const refused = (one) => empty({ icon: "policies", title: t("app.refused"), text: t("app.refused.text", { actions: one.needs.join(", ") }) });

// pages.css is not for the first view; early.js begins with it where it knows that it is wanted.
function pagesSheet() {
    const known = document.querySelector('link[href="/assets/pages.css"]');
    if (known?.sheet) return null;
    const link = known ?? document.head.appendChild(h("link", { rel: "stylesheet", href: "/assets/pages.css" }));
    return new Promise((resolve, reject) => {
        link.addEventListener("load", resolve, { once: true });
        link.addEventListener("error", () => { link.remove(); reject(new TypeError("no style")); }, { once: true });
    });
}

// A page, and what it looks like. A browser may keep in mind that a module did not come: where the server was away, the page begins anew.
async function load(one) {
    try {
        return (await Promise.all([one.load(), one.name === "overview" ? null : pagesSheet()]))[0];
    } catch (error) {
        if (!(error instanceof TypeError) || !await wasAway()) throw error;
        location.reload();
        return new Promise(() => {});
    }
}
const early = (one) => void one.load().catch(() => {}); // what is soon wanted; what fails is told when it is

async function show(one, params, signal, root) {
    if (!one) return replace(root, absent());
    if (!allowedAll(frame.rights, one.needs)) return replace(root, refused(one));
    const module = await load(one);
    if (signal.aborted) return;
    const own = typeof module.title === "function" ? module.title(params) : module.title;
    document.title = `${own ?? t(one.title)} · ${t("app.name")}`;
    replace(root);
    await module.render(root, params, signal);
}

async function visit() {
    const { page, params } = parse(location.hash);
    const mine = ++order;
    running?.abort();
    running = new AbortController();
    const one = page ? routes.find((each) => each.name === page) : offered()[0];
    const bar = document.body.appendChild(h("div", { class: "progress" }));
    const root = h("div", { class: "page" });
    document.title = one ? `${t(one.title)} · ${t("app.name")}` : t("app.name");
    markCurrent(one?.name);
    const slow = setTimeout(() => mine === order && replace(frame.main, root), 120); // what takes long shows its own loading
    try {
        await show(one, params, running.signal, root);
        if (mine === order && root.parentNode !== frame.main) replace(frame.main, root);
    } catch (error) {
        if (mine === order && error.name !== "AbortError") replace(frame.main, errorBox(error, visit));
    } finally {
        clearTimeout(slow);
        bar.remove();
    }
    if (mine !== order) return;
    document.documentElement.dataset.ready = page || one?.name || "";
    if (!document.querySelector("dialog[open]") && visited) ((matchMedia("(pointer: fine)").matches && frame.main.querySelector("[autofocus]")) || frame.main.querySelector("h1") || frame.main).focus({ preventScroll: true });
    if (visited) scrollTo(0, 0);
    visited = true;
}
let visited = false;

/* ---- keyboard ---- */

const typing = (event) => event.target.closest?.("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]");
let prefixAt = 0;

function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) {
        if ((event.ctrlKey || event.metaKey) && event.key === "k") { event.preventDefault(); void search(); }
        return;
    }
    if (event.key === "Escape") return openMenu(false);
    if (typing(event)) return;
    const target = prefixAt && Date.now() - prefixAt < 1500 && offered().find((one) => one.key === event.key);
    prefixAt = event.key === "g" && !target ? Date.now() : 0;
    if (target) location.hash = `#/${target.name}`;
    else if (event.key === "/") void search();
    else if (event.key === "?") void import("./account.js").then((module) => module.shortcuts(offered()));
    else return;
    event.preventDefault();
}

/* ---- the frame ---- */

const search = () => import("./search.js").then((module) => module.open(frame.rights, offered()));
const account = () => import("./account.js").then((module) => module.open(frame.user));

function build() {
    frame.menuButton = button("", () => openMenu(true), { kind: "icon-only quiet menu-button", icon: "menu", "aria-label": t("app.menu"), "aria-expanded": "false" });
    frame.side = h("nav", { class: "side", "aria-label": t("app.navigation") }, brand("#/"), navigation(),
        h("div", { class: "side-foot" }, `${frame.user.account ?? ""} · ${frame.user.region ?? ""}`, h("br"), frame.user.version ? `vouch ${frame.user.version}` : null));
    frame.main = h("main", { class: "main", id: "main", tabindex: "-1" }, loading());
    const find = h("button", { type: "button", class: "button search-button", onclick: search, "aria-label": t("search.title"), "aria-keyshortcuts": "/" }, icon("search"), h("span", t("search.short")), h("kbd", "/"));
    const top = h("header", { class: "top" }, frame.menuButton, find, h("div", { class: "top-right" },
        mayVouch() ? h("a", { class: "button quiet install-link", href: "/install", "aria-label": t("app.install") }, icon("check"), h("span", { class: "long" }, t("app.install")), h("span", { class: "brief" }, t("app.install.short"))) : null,
        button(frame.user.userName, account, { kind: "quiet account-button", icon: "user", "aria-label": t("account.menu", { user: frame.user.userName }) })));
    // In this order for the keyboard; the grid puts them in place.
    replace(document.body, h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); frame.main.focus(); } }, t("app.skip")),
        h("div", { class: "frame" }, frame.side, top, frame.main));
}

// Calm while the server is away: what is shown stays, and goes on by itself.
const away = h("div", { class: "away", role: "status" });
function tellAway(isAway) {
    if (!away.isConnected) document.body.append(away);
    replace(away, isAway ? [h("span", { class: "spinner", "aria-hidden": "true" }), t("app.away")] : t("app.back"));
    if (!isAway) setTimeout(() => away.textContent === t("app.back") && replace(away), 3000);
}

async function start() {
    patient(tellAway);
    try {
        const first = routes.find((one) => one.name === parse(location.hash).page);
        if (first) early(first);
        [frame.user, frame.rights] = await Promise.all([session(), rights()]);
        build();
        addEventListener("hashchange", visit);
        document.addEventListener("keydown", onKey);
        await visit();
    } catch (error) {
        replace(document.body, h("main", { class: "sheet" }, errorBox(error, () => location.reload())));
    }
}

void start();
