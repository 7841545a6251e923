// The device that shows a code: who it is, whether it sees this very server, and then the vouching.
import { h, replace } from "./dom.js";
import { allowed, call } from "./api.js";
import { t } from "./texts.js";
import { countdown } from "./countdown.js";
import { confirm, field } from "./forms.js";
import { button, cli, errorBox, facts, hint, icon } from "./ui.js";
import { dock, fingerprint, nextAction, rootFingerprint, templateFields } from "./install-parts.js";
import { spelled } from "./pair-code.js";

const WAITS = new Set(["WAITING", "LOOKED_AT"]);
const path = (pairing, word) => `/_vouch/pairings/${encodeURIComponent(pairing.pairingId)}/${word}`;

// "root" or "key": what the device's QR says is not so; null: nothing speaks against it. The server is asked twice, by two
// ways, what its root is.
export function mismatch(pairing, qr, root) {
    if (qr.root && (qr.root !== root || qr.root !== pairing.serverFingerprint)) return "root";
    if (qr.key && !pairing.keyFingerprint.startsWith(qr.key)) return "key";
    return null;
}

const alarm = (what, pairing, qr, root, go) => [
    h("div", { class: "finish bad", role: "alert", "data-test": "install-refused" },
        h("div", { class: "finish-mark" }, icon("warn")), h("h1", { tabindex: "-1" }, t(`install.${what}.title`)), h("p", t(`install.${what}.text`)), h("p", h("strong", t(`install.${what}.next`)))),
    what === "root" ? h("div", { class: "card" }, facts({ [t("install.root.device")]: fingerprint(qr.root), [t("install.root.server")]: fingerprint(root) })) : null,
    dock(button(t("install.deny"), () => call("POST", path(pairing, "deny")).then(() => go("home")), { kind: "danger big" }), button(t("install.home"), () => go("home"), { kind: "quiet" })),
];

async function deny(pairing, go) {
    const sure = await confirm({ title: t("install.deny.title"), text: t("install.deny.text"), action: t("install.deny"), danger: true });
    if (!sure) return;
    await call("POST", path(pairing, "deny"));
    go("progress", { pairingId: pairing.pairingId });
}

const checked = (node, text) => h("div", node, h("p", { class: "checked small" }, icon("check"), text));

function identity(pairing, qr, root, go) {
    const left = countdown(pairing.expiration, { label: t("install.code.left"), onEnd: () => go("progress", { pairingId: pairing.pairingId }) });
    const who = h("div", { class: "who" }, h("strong", { class: "serial", title: t("install.serial") }, h("span", { class: "visually-hidden" }, t("install.serial"), " "), pairing.serialNumber), left,
        h("span", { class: "muted" }, [pairing.model, t("install.from", { address: pairing.sourceIp })].filter(Boolean).join(" · ")));
    return h("section", { class: "card", "aria-label": t("install.device") }, who, facts({
        [t("install.key")]: qr.key ? checked(fingerprint(pairing.keyFingerprint), t("install.key.checked")) : h("div", fingerprint(pairing.keyFingerprint), h("p", { class: "small muted" }, t("install.key.hint"))),
        [t("install.server")]: qr.root ? h("span", { class: "checked" }, icon("check"), t("install.server.checked")) : h("div", fingerprint(root), h("p", { class: "small muted" }, t("install.server.unchecked"))),
    }));
}

const words = (pairing, values) => ["vouch", "pair", "approve", spelled(pairing.userCode), "--template", values.templateName || "NAME",
    ...(values.thingName ? ["--thing-name", values.thingName] : []), ...Object.entries(values.parameters ?? {}).flatMap(([name, value]) => ["--parameter", `${name}=${value}`])];

export async function device(root, { pairing, qr, found, go }) {
    const own = await rootFingerprint();
    const wrong = mismatch(pairing, qr, own);
    if (wrong) return replace(root, h("div", { class: "stack" }, alarm(wrong, pairing, qr, own, go)));
    if (!WAITS.has(pairing.state)) return go("progress", { pairingId: pairing.pairingId, first: pairing });
    const template = await templateFields(found, { suggested: pairing.suggestedParameters, serial: pairing.serialNumber });
    if (!template || !allowed(found, "vouch:ApprovePairing")) {
        return replace(root, h("div", { class: "stack" }, h("h1", { tabindex: "-1" }, t("install.device")), identity(pairing, qr, own, go),
            errorBox(t(template ? "install.no.right.text" : "install.template.none")), dock(button(t("install.home"), () => go("home"), { kind: "big" }))));
    }
    const thing = field({ name: "thingName", label: t("install.thing"), hint: t("install.thing.hint"), autocomplete: "off", maxlength: 128 });
    const line = h("div");
    const problem = h("div", { "aria-live": "assertive" });
    const values = () => ({ ...template.values(), ...(thing.value ? { thingName: thing.value } : {}) });
    const vouch = async () => {
        if (!values().templateName) return template.choice.error(t("install.template.choose"));
        try {
            const first = await call("POST", path(pairing, "approve"), { body: { keyFingerprint: pairing.keyFingerprint, ...values() } });
            go("progress", { pairingId: pairing.pairingId, first });
        } catch (error) {
            replace(problem, errorBox(error), nextAction(error.reason) ? hint(nextAction(error.reason)) : null);
            problem.scrollIntoView({ block: "nearest" });
        }
    };
    const submit = button(t("install.vouch"), vouch, { kind: "primary big", "data-test": "install-vouch" });
    const form = h("form", { class: "stack", onsubmit: (event) => { event.preventDefault(); submit.click(); }, oninput: () => replace(line, cli(words(pairing, values()))) },
        template.node, h("details", h("summary", t("install.more")), h("div", { class: "stack" }, thing, line)), problem);
    replace(line, cli(words(pairing, values())));
    replace(root, h("div", { class: "stack" }, h("div", h("h1", { tabindex: "-1" }, t("install.device")), h("p", { class: "lead" }, t("install.device.text"))), identity(pairing, qr, own, go), form,
        dock(submit, button(t("install.deny"), () => deny(pairing, go), { kind: "quiet", "data-test": "install-deny" }))));
    return undefined;
}
