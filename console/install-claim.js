// The other hand-over: a claim made here, shown as a QR code for the device's camera, or taken as a file.
import { h, replace } from "./dom.js";
import { allowed, call } from "./api.js";
import { t } from "./texts.js";
import { countdown } from "./countdown.js";
import { download } from "./export.js";
import { button, errorBox, hint, icon } from "./ui.js";
import { bundleOf } from "./handover.js";
import { qr } from "./qr.js";
import { dock, nextAction, templateFields } from "./install-parts.js";

const EVERY_MS = 2000;

const make = (values, found) => allowed(found, "vouch:CreateClaim")
    ? call("POST", "/_vouch/claims", { body: values })
    : call("POST", `/provisioning-templates/${encodeURIComponent(values.templateName)}/provisioning-claim`);

async function picture(claim) {
    if (!claim.claimText) return hint(t("install.claim.plain"));
    try {
        return await qr(claim.claimText, t("install.claim.qr"));
    } catch {
        return hint(t("install.claim.big"));
    }
}

const awsOf = ({ certificateId, certificatePem, keyPair, expiration }) => ({ certificateId, certificatePem, keyPair, expiration });
const json = (value, name) => download(`${JSON.stringify(value, null, 2)}\n`, name, "application/json");

// Tells when it was used, to whom that may be told.
async function follow(claim, found, signal, onSpent) {
    if (!allowed(found, "vouch:DescribeClaim")) return;
    while (!signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
        if (signal.aborted) return;
        const now = await call("GET", `/_vouch/claims/${claim.certificateId}`, { signal }).catch(() => null);
        if (now?.state === "SPENT") return onSpent();
    }
}

async function show(root, claim, { templateName, found, go, signal }) {
    const over = (title, text, good) => !signal.aborted && replace(root, h("div", { class: ["finish", good ? "good" : ""], role: "status", "data-test": good ? "install-claim-spent" : "install-claim-over" },
        h("div", { class: "finish-mark" }, icon(good ? "check" : "claims")), h("h1", { tabindex: "-1" }, t(title)), h("p", t(text))), dock(button(t("install.next"), () => go("home"), { kind: "primary big" })));
    replace(root, h("div", { class: "stack" },
        h("div", h("h1", { tabindex: "-1" }, t("install.claim.scan")), h("p", { class: "lead" }, t("install.claim.left"), " ",
            countdown(claim.expiration, { label: t("install.claim.left"), onEnd: () => over("install.claim.over", "install.claim.over.text", false) }))),
        h("div", { class: "card", "data-test": "install-claim-qr" }, await picture(claim)),
        h("p", { class: "note warn small" }, t("install.claim.secret")),
        h("div", { class: "row" },
            button(t("install.claim.file"), async () => json(await bundleOf(claim, templateName), "bundle.json"), { icon: "download" }),
            button(t("install.claim.aws"), () => json(awsOf(claim), "claim.json"), { icon: "download" })),
        dock(button(t("install.home"), () => go("home"), { kind: "quiet" }))));
    root.querySelector("h1").focus();
    void follow(claim, found, signal, () => over("install.claim.spent", "install.claim.spent.text", true));
}

export async function claim(root, { found, go, signal }) {
    const template = await templateFields(found);
    if (!template) return replace(root, errorBox(t("install.template.none")), dock(button(t("install.home"), () => go("home"), { kind: "big" })));
    const problem = h("div", { "aria-live": "assertive" });
    const submit = async () => {
        const values = template.values();
        if (!values.templateName) return template.choice.error(t("install.template.choose"));
        try {
            await show(root, await make(values, found), { templateName: values.templateName, found, go, signal });
        } catch (error) {
            replace(problem, errorBox(error), nextAction(error.reason) ? hint(nextAction(error.reason)) : null);
        }
    };
    return replace(root, h("div", { class: "stack" }, h("div", h("h1", { tabindex: "-1" }, t("install.claim")), h("p", { class: "lead" }, t("install.claim.text"))), template.node, problem,
        dock(button(t("install.claim.make"), submit, { kind: "primary big", "data-test": "install-claim-make" }), button(t("install.home"), () => go("home"), { kind: "quiet" }))));
}
