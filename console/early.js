// Before the first paint, so that nobody sees the other colours flash by; and what can be under way while the modules come: who
// this is and what they may do (api.js takes the answers), and the modules of the page that the address names. Not a module: modules wait.
(function () {
    var theme = null;
    try {
        theme = localStorage.getItem("vouch-theme");
    } catch (error) { /* storage is off: as the system has it */ }
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

    var early = (globalThis.vouchEarly = {});
    var ask = function (path) {
        early[path] = fetch(path, { headers: { accept: "application/json" }, credentials: "same-origin", redirect: "error", cache: "no-store" });
        early[path].catch(function () { /* who takes it is told */ });
    };
    if (location.pathname === "/sign-in") return;
    ask("/_vouch/session");
    ask("/_vouch/session/rights");
    if (location.pathname !== "/console") return;

    var link = function (rel, href) {
        document.head.append(Object.assign(document.createElement("link"), { rel: rel, href: "/assets/" + href, onerror: function () { this.remove(); } }));
    };
    var told = "activity texts-2 ", seen = "live parts ", kit = "forms kit texts-1 ", ask3 = seen + "ask forms table texts-3 ";
    var document_ = kit + "diff editor json-at table tabs texts-documents ", people = ask3 + kit + "editor export json-at people texts-documents ", claim = told + ask3 + "claim-new countdown export handover qr ";
    var more = {
        overview: told + seen + "metrics", live: told + seen + "forms table", things: kit + "live table", certificates: kit + seen + "export table texts-certificates", groups: kit + "table",
        pairings: claim + "pair-code", claims: claim, templates: document_ + "export", policies: document_, hooks: ask3, ledger: told + ask3 + "export",
        why: told + ask3, users: people, settings: kit + "export texts-settings", search: told + kit + "find kit-history texts-account",
    };
    var page = (/^#\/(\w+)/.exec(location.hash) || ["", "overview"])[1];
    if (!Object.hasOwn(more, page)) return;
    if (page !== "overview") link("stylesheet", "pages.css");
    (more[page].trim() + " page-" + page).split(" ").forEach(function (name) {
        link("modulepreload", name + ".js");
    });
})();
