// What the device does once somebody vouched: asked every second, and at once when the server says that something happened.
import { h, replace } from "./dom.js";
import { allowed, call, events } from "./api.js";
import { t } from "./texts.js";
import { countdown } from "./countdown.js";
import { button, facts, icon, timeAgo } from "./ui.js";
import { dock, nextAction, remember } from "./install-parts.js";

const STEPS = ["code-shown", "looked-at", "approved", "claim-taken", "connected", "certificate-made", "registered", "done"];
const OVER = new Set(["DONE", "DENIED", "EXPIRED", "FAILED"]);
const EVERY_MS = 1000;
const BRISK_MS = 200; // while it moves: a device needs some tenths of a second for all of it
const BRISK_FOR_MS = 5000;

const wait = (ms, signal) => new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});

function stepLine(name, i, dates, next) {
    const state = dates[name] ? "past" : name === next ? "now" : "ahead";
    return h("li", { class: ["step", state], "aria-current": name === next ? "step" : null, "data-test": `install-step-${name}` },
        h("span", { class: "step-mark", "aria-hidden": "true" }, dates[name] ? icon("check") : String(i + 1)),
        h("span", { class: "step-name" }, t(`install.${name === next ? "waiting" : "step"}.${name}`)),
        dates[name] ? h("span", { class: "muted small" }, timeAgo(dates[name])) : null);
}

function ending(pairing, go) {
    const name = pairing.thingName || pairing.serialNumber;
    if (pairing.state === "DONE") {
        remember(name, pairing.model);
        navigator.vibrate?.(60);
        return [
            h("div", { class: "finish good", "data-test": "install-done" }, h("div", { class: "finish-mark" }, icon("check")), h("h1", { tabindex: "-1" }, t("install.done")), h("p", t("install.done.text", { device: name }))),
            h("div", { class: "card" }, facts({ [t("install.serial")]: pairing.serialNumber, [t("install.done.thing")]: pairing.thingName, [t("install.done.certificate")]: h("code", { title: pairing.certificateId }, `${(pairing.certificateId ?? "").slice(0, 16)}…`) })),
            dock(button(t("install.next"), () => go("home"), { kind: "primary big" })),
        ];
    }
    return [
        h("div", { class: "finish bad", "data-test": "install-failed" }, h("div", { class: "finish-mark" }, icon("warn")), h("h1", { tabindex: "-1" }, t(`install.end.${pairing.state}`)),
            pairing.message ? h("p", pairing.message) : null, h("p", { class: "muted" }, nextAction(pairing.reason) ?? t(`install.end.${pairing.state}.next`))),
        dock(button(t("install.again"), () => go("home"), { kind: "primary big" })),
    ];
}

export async function progress(root, { pairingId, found, go, signal, first }) {
    const said = h("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
    const trouble = h("div", { role: "status" });
    const list = h("ol", { class: "steps" });
    const head = h("h1", { tabindex: "-1", "data-test": "install-progress" });
    const bar = h("progress", { class: "meter", max: STEPS.length, value: 0, "aria-label": t("install.title") });
    const name = h("p", { class: "lead" });
    const left = h("p", { class: "muted" });
    replace(root, h("div", { class: "stack" }, h("div", name, head), bar, list, trouble, left), said);
    let shown = "";
    let claimEnd = 0;
    let movedAt = Date.now();

    const show = (pairing) => {
        replace(trouble);
        const dates = Object.fromEntries((pairing.steps ?? []).map((step) => [step.name, step.date]));
        const done = STEPS.filter((step) => dates[step]).length;
        const next = STEPS.find((step) => !dates[step]);
        if (OVER.has(pairing.state)) {
            replace(root, ending(pairing, go));
            root.querySelector("h1").focus();
            return true;
        }
        if (`${done}${pairing.state}` === shown) return false;
        shown = `${done}${pairing.state}`;
        movedAt = Date.now();
        replace(name, [pairing.serialNumber, pairing.model].filter(Boolean).join(" · "));
        head.textContent = t("install.progress", { step: Math.min(done + 1, STEPS.length), steps: STEPS.length });
        bar.value = done;
        replace(list, STEPS.map((step, i) => stepLine(step, i, dates, next)));
        said.textContent = `${head.textContent}: ${t(`install.waiting.${next}`)}`;
        if (pairing.claimExpiration && pairing.claimExpiration !== claimEnd) {
            claimEnd = pairing.claimExpiration;
            replace(left, t("install.progress.claim"), " ", countdown(claimEnd, { label: t("install.progress.claim") }));
        }
        return false;
    };

    let wake = () => {};
    const close = allowed(found, "vouch:WatchEvents") ? events(() => wake(), { query: { pairingId }, signal }) : () => {};
    if (first && show(first)) return close();
    while (!signal.aborted) {
        try {
            if (show(await call("GET", `/_vouch/pairings/${encodeURIComponent(pairingId)}`, { signal }))) break;
        } catch (error) {
            if (signal.aborted) break;
            if (error.status && error.status < 500 && error.status !== 429) {
                replace(trouble, h("p", { class: "note" }, error.status === 403 ? t("install.unseen") : error.message), dock(button(t("install.next"), () => go("home"), { kind: "big" })));
                break;
            }
            replace(trouble, h("p", { class: "note warn" }, t("install.unreachable")));
        }
        await Promise.race([wait(Date.now() - movedAt < BRISK_FOR_MS ? BRISK_MS : EVERY_MS, signal), new Promise((resolve) => (wake = resolve))]);
    }
    close();
}
