// Making a claim with all that it may be bound to, and handing it over: QR, files, JSON. The private key lives in this page alone.
import { allowed, call, rights } from "./api.js";
import { ask, toPairs } from "./ask.js";
import { h } from "./dom.js";
import { bundleOf, filesOf } from "./handover.js";
import { action, card, command, facts, heading, line } from "./parts.js";
import { qr } from "./qr.js";
import { t } from "./texts.js";
import { countdown } from "./countdown.js";
import { download } from "./export.js";
import { copyable, errorBox } from "./ui.js";

const USUAL_LIFE = "300";
const LIVES = [
    ["300", "5"],
    ["900", "15"],
    ["3600", "60"],
    ["28800", "480"],
    ["86400", "1440"],
];

// What the user may make claims for: names, or null when only typing tells.
export async function templateNames(found) {
    if (found.templates?.length && !found.templates.includes("*")) return found.templates;
    if (!allowed(found, "iot:ListProvisioningTemplates")) return null;
    const { templates } = await call("GET", "/provisioning-templates", { query: { maxResults: 250 } });
    return templates.filter((one) => one.type !== "JITP" && one.enabled).map((one) => one.templateName);
}

// The template's parameters that a person may know, as [{name, value}]; none when the template may not be read.
export async function parametersOf(templateName, found) {
    if (!templateName || !allowed(found, "iot:DescribeProvisioningTemplate")) return [];
    try {
        const { templateBody } = await call("GET", `/provisioning-templates/${encodeURIComponent(templateName)}`);
        const parameters = JSON.parse(templateBody).Parameters ?? {};
        return Object.keys(parameters)
            .filter((name) => !name.startsWith("AWS::"))
            .map((name) => ({ name, value: "", hint: parameters[name]?.Default }));
    } catch {
        return [];
    }
}

function words(values) {
    const pairs = Object.entries(toPairs(values.parameters)).flatMap(([name, value]) => ["--parameter", `${name}=${value}`]);
    const given = (flag, value) => (value ? [flag, value] : []);
    return [
        ...["claim", "create", "--template", values.templateName || "NAME"],
        ...given("--thing-name", values.thingName),
        ...pairs,
        ...(values.maxUses > 1 ? ["--uses", values.maxUses] : []),
        ...(values.lifetimeSeconds && values.lifetimeSeconds !== USUAL_LIFE ? ["--ttl", values.lifetimeSeconds] : []),
        ...given("--source", values.source),
        ...(values.key === "public" ? ["--public-key", "device.pub.pem"] : values.key === "csr" ? ["--csr", "device.csr"] : []),
        ...(values.key && values.sameKey ? ["--same-key"] : []),
        ...["--out", "claim"],
    ];
}

function bodyOf(values) {
    const parameters = toPairs(values.parameters);
    return {
        templateName: values.templateName,
        ...(values.thingName ? { thingName: values.thingName } : {}),
        ...(Object.keys(parameters).length ? { parameters } : {}),
        ...(values.maxUses > 1 ? { maxUses: Number(values.maxUses) } : {}),
        ...(values.lifetimeSeconds && values.lifetimeSeconds !== USUAL_LIFE ? { lifetimeSeconds: Number(values.lifetimeSeconds) } : {}),
        ...(values.source ? { source: values.source } : {}),
        ...(values.key === "public" ? { publicKey: values.pem } : {}),
        ...(values.key === "csr" ? { certificateSigningRequest: values.pem } : {}),
        ...(values.key && values.sameKey ? { sameKey: true } : {}),
    };
}

const isBound = (body) => Object.keys(body).length > 1;

// A claim that is bound to nothing needs no more than AWS's permission.
function make(body, found) {
    if (isBound(body) || allowed(found, "vouch:CreateClaim")) return call("POST", "/_vouch/claims", { body });
    return call("POST", `/provisioning-templates/${encodeURIComponent(body.templateName)}/provisioning-claim`);
}

function fieldsOf(names, found, preset, longest) {
    const template = { name: "templateName", label: t("claims.template"), required: true, value: preset.templateName ?? (names?.length === 1 ? names[0] : "") };
    const templates = names ? { ...template, type: "select", options: [["", t("claims.template.choose")], ...names.map((name) => [name, name])] } : template;
    if (!allowed(found, "vouch:CreateClaim")) return [templates];
    return [
        templates,
        { name: "thingName", label: t("claims.thing"), hint: t("claims.thing.hint"), value: preset.thingName },
        {
            name: "parameters",
            label: t("claims.parameters"),
            type: "pairs",
            hint: t("claims.parameters.hint"),
            of: (values) => parametersOf(values.templateName, found),
            depends: "templateName",
        },
        {
            name: "lifetimeSeconds",
            label: t("claims.life"),
            type: "select",
            value: USUAL_LIFE,
            options: LIVES.filter(([seconds]) => Number(seconds) <= longest || seconds === USUAL_LIFE).map(([seconds, minutes]) => [
                seconds,
                t(`claims.life.${minutes}`),
            ]),
        },
        { name: "maxUses", label: t("claims.uses"), type: "number", value: "1", min: 1, max: 1000000, hint: t("claims.uses.hint") },
        { name: "source", label: t("claims.source"), hint: t("claims.source.hint"), placeholder: "10.0.0.0/8" },
        {
            name: "key",
            label: t("claims.key"),
            type: "select",
            value: "",
            options: [
                ["", t("claims.key.made")],
                ["csr", t("claims.key.csr")],
                ["public", t("claims.key.public")],
            ],
        },
        { name: "pem", label: t("claims.pem"), type: "textarea", code: true, rows: 5, required: true, show: (values) => values.key },
        { name: "sameKey", label: t("claims.same.key"), type: "checkbox", show: (values) => values.key },
    ];
}

// Asks, makes, and gives {claim, templateName, bindings}; null when the person thought better of it.
export async function newClaim(preset = {}) {
    const found = await rights();
    const [names, site] = await Promise.all([templateNames(found), call("GET", "/_vouch/site")]);
    return ask({
        title: t("claims.new"),
        text: t(allowed(found, "vouch:CreateClaim") ? "claims.new.text" : "claims.new.plain"),
        action: t("claims.new.go"),
        test: "claim-create",
        wide: allowed(found, "vouch:CreateClaim"),
        fields: fieldsOf(names, found, preset, site.claimLifetimeMax),
        cli: (values) => command(...words(values)),
        run: async (values) => {
            const body = bodyOf(values);
            return { claim: await make(body, found), templateName: values.templateName, bindings: body };
        },
    });
}

function downloads(bundle) {
    return h(
        "div",
        { class: "row" },
        filesOf(bundle).map(([name, text, type], i) =>
            action(name, { kind: i ? "" : "primary", test: `claim-download-${name}`, onclick: () => download(text, name, type) }),
        ),
    );
}

async function codeCard(claim) {
    if (!claim.claimText) return null;
    const drawing = await qr(claim.claimText, t("claims.qr.label")).catch(errorBox);
    return card(
        t("claims.qr"),
        { test: "claim-qr" },
        h("div", { class: "qr-frame" }, drawing),
        h("p", { class: "muted" }, t("claims.qr.text")),
        copyable(claim.claimText, t("claims.qr.copy")),
    );
}

// Instead of the page's content, until the person is done.
export async function handOver(root, made, signal, onDone) {
    const { claim, templateName, bindings } = made;
    const bundle = await bundleOf(claim, templateName);
    const code = await codeCard(claim);
    root.replaceChildren(
        heading({
            title: t("claims.hand"),
            lead: claim.keyPair ? t("claims.hand.text") : t("claims.hand.own"),
            actions: [action(t("claims.hand.done"), { kind: "primary", test: "claim-done", onclick: onDone })],
        }),
        h(
            "div",
            { class: "hand-over", "data-test": "claim-made" },
            code ?? "",
            card(
                t("claims.files"),
                {},
                facts([
                    [t("claims.left"), countdown(claim.expiration, { label: t("claims.left") })],
                    [t("claims.template"), templateName],
                    [t("claims.thing"), bindings.thingName],
                    [t("claims.id"), h("code", { class: "id", "data-test": "claim-id" }, claim.certificateId)],
                ]),
                downloads(bundle),
                h("p", { class: "muted" }, t("claims.files.text")),
                line("vouch-agent --claim bundle.json"),
            ),
        ),
    );
}
