// The installer's page, for one hand and a phone: find the device by its code, look at it, vouch, watch it come to life.
//
// "#c=CODE&k=…&r=…" is what a device's QR code opens; "#p=ID" is a pairing under way, so that a reload goes on with it.
import { h, replace, s } from "./dom.js";
import { allowed, call, rights, session } from "./api.js";
import { addTexts, t } from "./texts.js";
import texts from "./texts-install.js";
import { brand } from "./brand.js";
import { field } from "./forms.js";
import { button, errorBox, empty, hint, icon, loading, timeAgo } from "./ui.js";
import { dock, forgetRecent, nextAction, recent } from "./install-parts.js";
import { judge, parseHandover, spelled, symbols } from "./pair-code.js";
import { canScan, scan } from "./scan.js";

addTexts(texts);
const page = { user: null, found: null, main: null, scans: false };
let running = null;

const steps = {
    home,
    look,
    device: async (root, given) => (await import("./install-device.js")).device(root, given),
    progress: async (root, given) => (await import("./install-progress.js")).progress(root, given),
    claim: async (root, given) => (await import("./install-claim.js")).claim(root, given),
};

// What stands in the address is for this step alone; a code does not stay there.
const place = (hash) => history.replaceState(null, "", location.pathname + (hash ? `#${hash}` : ""));

export async function go(step, given = {}) {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const root = h("div", { class: "step-body" });
    place(step === "progress" ? `p=${encodeURIComponent(given.pairingId)}` : "");
    const slow = setTimeout(() => replace(page.main, loading()), 150);
    try {
        // Progress shows itself as it goes; the others when they are ready.
        if (step === "progress") { clearTimeout(slow); replace(page.main, root); }
        const done = steps[step](root, { ...given, found: page.found, go, signal });
        if (step !== "progress") await done;
        else void done.catch((error) => replace(root, errorBox(error)));
        if (signal.aborted) return;
        replace(page.main, root);
        document.documentElement.dataset.ready = `install-${step}`;
        if (step !== "home") root.querySelector("h1")?.focus();
        scrollTo(0, 0);
    } catch (error) {
        if (!signal.aborted) replace(page.main, h("div", { class: "stack" }, errorBox(error), dock(button(t("install.home"), () => go("home"), { kind: "big" }))));
    } finally {
        clearTimeout(slow);
    }
}

/* ---- the beginning ---- */

// A device that shows a code, and a phone that vouches for it.
const picture = () => s("svg", { class: "picture", viewBox: "0 0 200 120", "aria-hidden": "true" },
    s("rect", { class: "fill", x: 8, y: 22, width: 112, height: 78, rx: 12 }), s("rect", { class: "soft", x: 22, y: 36, width: 84, height: 34, rx: 6 }),
    s("path", { class: "strong", d: "M32 53h6M44 53h6M56 53h6M70 53h6M82 53h6M94 53h2" }), s("path", { d: "M26 85h.1M38 85h22" }),
    s("rect", { class: "fill", x: 134, y: 8, width: 54, height: 98, rx: 11 }), s("path", { d: "M154 16h14" }),
    s("circle", { class: "seal", cx: 161, cy: 56, r: 17 }), s("path", { class: "tick", d: "M153 56.5l5.5 5.5 11-12" }));

function recentList() {
    const list = recent();
    if (!list.length) return null;
    const node = h("section", { class: "recent", "aria-label": t("install.recent") }, h("h2", t("install.recent")),
        h("ul", list.map((one) => h("li", h("span", one.name), h("span", { class: "muted small" }, one.model), timeAgo(one.at)))),
        button(t("install.recent.clear"), () => { forgetRecent(); node.remove(); }, { kind: "quiet" }));
    return node;
}

function openCamera(problem) {
    const accept = (text) => {
        const qr = parseHandover(text);
        if (!qr) return t("install.scan.other");
        setTimeout(() => go("look", { qr }), 0);
        return true;
    };
    return scan(accept).catch((error) => replace(problem, h("p", { class: "note warn" }, t("install.scan.denied", { text: error.message }))));
}

// In groups of four as it is typed; the check symbol tells a slip before the server is asked.
function codeField(found) {
    const code = field({ name: "code", label: t("install.code"), hint: t("install.code.hint"), class: "code-input", autocomplete: "off", autocapitalize: "characters", enterkeyhint: "go", maxlength: 12, "data-test": "install-code" });
    code.input.addEventListener("input", () => {
        const { value } = code.input;
        if (code.input.selectionStart === value.length && /^[^-]{5,8}$/.test(symbols(value))) code.input.value = spelled(value);
        const verdict = judge(value);
        if (verdict === "form" || verdict === "mistyped") code.error(t(`install.code.${verdict}`));
        found(verdict === "good");
    });
    return code;
}

async function home(root, { trouble }) {
    const mayPair = allowed(page.found, "vouch:LookUpPairing");
    const mayClaim = allowed(page.found, "iot:CreateProvisioningClaim");
    if (!mayPair && !mayClaim) return replace(root, empty({ icon: "policies", title: t("install.no.right"), text: t("install.no.right.text") }));
    if (!mayPair) return go("claim");
    const problem = h("div", { "aria-live": "polite" }, trouble ? h("p", { class: "note warn", role: "alert" }, trouble) : null);
    const submit = h("button", { type: "submit", class: ["button big", !page.scans && "primary"], "data-test": "install-look-up" }, h("span", t("install.look.up")));
    const code = codeField((good) => good && submit.focus());
    const typed = (event) => {
        event.preventDefault();
        const verdict = judge(code.value);
        if (verdict === "good") return go("look", { qr: { code: symbols(code.value) } });
        code.error(t(verdict === "mistyped" ? "install.code.mistyped" : "install.code.form"));
        return code.input.focus();
    };
    return replace(root, h("div", { class: "stack" },
        h("div", h("h1", { tabindex: "-1" }, t("install.title")), h("p", { class: "lead" }, t("install.lead"))), recentList() ?? picture(),
        // Below, where the thumb is.
        h("form", { class: "dock", novalidate: true, onsubmit: typed }, problem, page.scans ? button(t("install.scan"), () => openCamera(problem), { kind: "primary big", icon: "camera" }) : null,
            code, submit, page.scans ? null : hint(t("install.scan.phone")),
            mayClaim ? button(t("install.other"), () => go("claim"), { kind: "quiet", "data-test": "install-claim" }) : null)));
}

/* ---- a code: whose is it? ---- */

async function look(root, { qr }) {
    if (qr.host && qr.host !== location.host && !qr.root) return replace(root, errorBox(t("install.host", { host: qr.host })), dock(button(t("install.home"), () => go("home"), { kind: "big" })));
    try {
        const pairing = await call("POST", "/_vouch/pairings/lookup", { body: { userCode: qr.code } });
        return void go("device", { pairing, qr });
    } catch (error) {
        return replace(root, h("div", { class: "stack" }, h("h1", { tabindex: "-1" }, spelled(qr.code)), errorBox(error), nextAction(error.reason) ? h("p", nextAction(error.reason)) : null,
            dock(button(t("install.again"), () => go("home"), { kind: "primary big" }))));
    }
}

/* ---- the frame ---- */

const account = () => import("./account.js").then((module) => module.open(page.user));

function build() {
    page.main = h("main", { id: "main" });
    replace(document.body, h("div", { class: "sheet install" },
        h("header", brand("/install"), button("", account, { kind: "icon-only quiet", icon: "user", "aria-label": t("account.menu", { user: page.user.userName }) })), page.main,
        h("footer", h("a", { href: "/console" }, t("install.console")), ` · ${page.user.userName}`)));
}

function begin() {
    const words = new URLSearchParams(location.hash.slice(1));
    if (words.get("p")) return go("progress", { pairingId: words.get("p") });
    if (!words.has("c")) return go("home");
    const qr = parseHandover(location.href);
    return qr ? go("look", { qr }) : go("home", { trouble: t(judge(words.get("c")) === "mistyped" ? "install.code.mistyped" : "install.scan.other") });
}

async function start() {
    try {
        [page.user, page.found, page.scans] = await Promise.all([session(), rights(), canScan()]);
        build();
        addEventListener("hashchange", begin); // another QR code, scanned with the phone's own camera
        await begin();
    } catch (error) {
        replace(document.body, h("main", { class: "sheet" }, errorBox(error, () => location.reload())));
    }
}

void start();
