// Certificates: list, status, attachments, history; made here with their keys, once.
import { call, pager } from "./api.js";
import { h, replace } from "./dom.js";
import { act, certificateLink, enc, glance, go, historyCard, href, may, nameField, partsOf, section, shortId, small, statusBadge, vouch } from "./kit.js";
import { whenChanged } from "./parts.js";
import { addTexts, t } from "./texts.js";
import texts from "./texts-certificates.js";
import { dialog, field } from "./forms.js";
import { download } from "./export.js";
import { table } from "./table.js";
import { badge, button, cli, copy, copyable, dateText, errorBox, facts, header, loading, timeAgo, toast } from "./ui.js";

addTexts(texts);

export const title = t("certificates.title");
export const nav = "certificates";
export const needs = ["iot:ListCertificates"];

const path = (id) => `/certificates/${enc(id)}`;
const PEM = "application/x-pem-file";

/* ---- list ---- */

function certificateColumns() {
    return [
        { title: t("kit.certificate"), value: (row) => h("a", { href: href("certificates", row.certificateId), title: row.certificateId, class: "mono", "data-test": "certificate-link" }, shortId(row.certificateId)), text: (row) => row.certificateId },
        { title: t("kit.status"), value: (row) => statusBadge(row.status), text: (row) => row.status },
        { title: t("kit.created"), value: (row) => timeAgo(row.creationDate) },
        { title: t("certificates.mode"), value: (row) => row.certificateMode ?? "" },
    ];
}

// What is left over: certificates without a thing, or never activated; things without a certificate.
function orphans(signal) {
    return [
        table({
            columns: [
                { title: t("kit.kind"), value: (row) => t(`certificates.orphan.${row.kind}`) },
                { title: t("certificates.orphan.what"), value: (row) => (row.kind === "thing-without-certificate" ? h("a", { href: href("things", row.id) }, row.id) : certificateLink(row.id)), text: (row) => row.id },
                { title: t("kit.status"), value: (row) => (row.status ? statusBadge(row.status) : ""), text: (row) => row.status ?? "" },
                { title: t("certificates.claim"), value: (row) => (row.claimId ? h("a", { href: href("claims", row.claimId), class: "mono", title: row.claimId }, shortId(row.claimId)) : ""), text: (row) => row.claimId ?? "" },
                { title: t("kit.created"), value: (row) => timeAgo(row.creationDate) },
            ],
            load: pager("/_vouch/orphans", { list: "orphans" }), signal, name: "orphans", caption: t("certificates.orphans"),
            empty: { icon: "check", title: t("certificates.orphans.none"), text: t("certificates.orphans.none.text") },
        }),
        cli(vouch("orphans")),
    ];
}

function subnav(can, current) {
    if (!can("vouch:ListOrphans")) return null;
    const link = (place, text, on) => h("a", { href: place, "aria-current": on ? "page" : null }, text);
    return h("nav", { class: "pagenav", "aria-label": title }, link(href("certificates"), title, !current), link(href("certificates", "~orphans"), t("certificates.orphans"), current));
}

async function list(root, signal, leftOver) {
    const can = await may();
    const buttons = [
        can("iot:RegisterCertificate") || can("iot:RegisterCertificateWithoutCA") ? button(t("certificates.register"), async () => {
            const made = await registerDialog(can);
            if (made) go("certificates", made.answer.certificateId);
        }, { "data-test": "certificate-register" }) : null,
        can("iot:CreateKeysAndCertificate") ? button(t("certificates.create"), () => createDialog(), { kind: "primary", icon: "plus", "data-test": "certificate-create" }) : null,
    ].filter(Boolean);
    const head = header(title, { text: t(leftOver ? "certificates.orphans.lead" : "certificates.lead"), actions: buttons.length ? buttons : null });
    if (leftOver) return replace(root, head, subnav(can, true), orphans(signal));
    const grid = table({
        columns: certificateColumns(), load: pager("/certificates", { list: "certificates", marker: "nextMarker" }), signal, name: "certificates", caption: title,
        onRow: (row) => go("certificates", row.certificateId),
        empty: { icon: "certificates", title: t("certificates.none"), text: t("certificates.none.text") },
    });
    replace(root, head, subnav(can, false), grid, cli(vouch("cert", "list")));
    if (can("vouch:WatchEvents")) whenChanged(signal, (row) => row.event.startsWith("certificate-") || row.event === "thing-registered", () => grid.reload());
}

/* ---- made here ---- */

function filesOf(made) {
    const name = made.certificateId.slice(0, 12);
    return [
        [`${name}-certificate.pem.crt`, made.certificatePem, t("certificates.file.certificate")],
        ...(made.keyPair ? [[`${name}-private.pem.key`, made.keyPair.PrivateKey, t("certificates.file.private")], [`${name}-public.pem.key`, made.keyPair.PublicKey, t("certificates.file.public")]] : []),
    ];
}

function showMade(made) {
    return new Promise((resolve) => dialog({
        title: t("certificates.made"), wide: true,
        body: h("div", { class: "stack", "data-test": "certificate-made" },
            made.keyPair ? h("p", { class: "note warn" }, t("certificates.once")) : null,
            facts({ [t("kit.certificate")]: copyable(made.certificateId), [t("kit.arn")]: copyable(made.certificateArn) }),
            h("ul", { class: "plain-list" }, filesOf(made).map(([file, text, label], i) => h("li", { class: "row between" }, h("span", h("b", label), " ", h("span", { class: "muted small" }, file)),
                h("span", { class: "row" }, copy(text, t("kit.copy.of", { name: label })), small(t("kit.download"), () => download(text, file, PEM), { "data-test": `certificate-download-${i}` }))))),
            h("p", { class: "muted small" }, t("certificates.made.next"))),
        buttons: (close) => button(t("certificates.made.open"), () => close(true), { kind: "primary", "data-test": "certificate-made-open" }),
        onClose: () => resolve(go("certificates", made.certificateId)),
    }));
}

async function createDialog() {
    const csr = field({ name: "csr", type: "textarea", rows: 6, label: t("certificates.csr"), class: "code", hint: t("certificates.csr.hint"), "data-test": "certificate-csr" });
    const made = await act({
        title: t("certificates.create"), text: t("certificates.create.text"), action: t("certificates.create"), test: "certificate-create-confirm",
        fields: [csr, field({ name: "active", type: "checkbox", value: true, label: t("certificates.active.now"), "data-test": "certificate-create-active" })],
        cli: (values) => vouch("cert", "create", values.csr?.trim() && ["--csr", "device.csr"], values.active && "--active"),
        run: (values) => (values.csr.trim() ? call("POST", "/certificates", { query: { setAsActive: values.active }, body: { certificateSigningRequest: values.csr.trim() } })
            : call("POST", "/keys-and-certificate", { query: { setAsActive: values.active } })),
    });
    if (made) await showMade(made.answer);
}

function registerDialog(can) {
    const either = can("iot:RegisterCertificate") && can("iot:RegisterCertificateWithoutCA");
    return act({
        title: t("certificates.register"), text: t("certificates.register.text"), action: t("certificates.register"), test: "certificate-register-confirm",
        fields: [
            field({ name: "pem", type: "textarea", rows: 8, required: true, label: t("certificates.pem"), class: "code", placeholder: "-----BEGIN CERTIFICATE-----", "data-test": "certificate-register-pem" }),
            either ? field({ name: "withoutCa", type: "checkbox", label: t("certificates.without.ca"), hint: t("certificates.without.ca.hint"), "data-test": "certificate-register-without-ca" }) : null,
            field({ name: "active", type: "checkbox", label: t("certificates.active.now"), "data-test": "certificate-register-active" }),
        ],
        cli: ({ withoutCa, active }) => vouch("cert", "register", "certificate.pem", withoutCa && "--without-ca", active && "--active"),
        run: ({ pem, withoutCa, active }) => {
            const alone = either ? withoutCa : !can("iot:RegisterCertificate");
            const body = { certificatePem: pem.trim(), status: active ? "ACTIVE" : "INACTIVE" };
            return call("POST", alone ? "/certificate/register-no-ca" : "/certificate/register", { body });
        },
        done: t("kit.created.done"),
    });
}

/* ---- status ---- */

const CHANGES = {
    activate: { status: "ACTIVE", from: ["INACTIVE", "PENDING_ACTIVATION", "PENDING_TRANSFER", "REGISTER_INACTIVE"] },
    deactivate: { status: "INACTIVE", from: ["ACTIVE"] },
    revoke: { status: "REVOKED", from: ["ACTIVE", "INACTIVE", "PENDING_ACTIVATION"] },
};

function changeStatus(certificate, verb) {
    const id = certificate.certificateId;
    return act({
        title: t(`certificates.${verb}.title`), text: t(`certificates.${verb}.text`), action: t(`certificates.${verb}`), danger: verb !== "activate",
        word: verb === "revoke" ? id.slice(0, 8) : null, test: `certificate-${verb}-confirm`, cli: vouch("cert", verb, id),
        run: () => call("PUT", path(id), { query: { newStatus: CHANGES[verb].status } }), done: t(`certificates.${verb}.done`),
    });
}

async function remove(certificate, attached) {
    const id = certificate.certificateId;
    const force = attached.policies > 0;
    return act({
        title: t("certificates.delete.title"), danger: true, action: t("kit.delete"), word: id.slice(0, 8), test: "certificate-delete-confirm",
        text: attached.things.length ? t("certificates.delete.things", { count: attached.things.length }) : t(force ? "certificates.delete.force" : "certificates.delete.text"),
        cli: vouch("cert", "delete", id, force && "--force"),
        run: async () => {
            for (const name of attached.things) await call("DELETE", `/things/${enc(name)}/principals`, { headers: { "x-amzn-principal": certificate.certificateArn } });
            await call("DELETE", path(id), { query: force ? { forceDelete: true } : {} });
        },
        done: t("kit.deleted"),
    });
}

function headActions({ certificate, can, again, attached }) {
    const verbs = Object.keys(CHANGES).filter((verb) => can("iot:UpdateCertificate") && CHANGES[verb].from.includes(certificate.status));
    const inForce = certificate.status === "ACTIVE";
    return [
        ...verbs.map((verb) => button(t(`certificates.${verb}`), async () => (await changeStatus(certificate, verb)) && again(), { kind: verb === "revoke" ? "danger" : verb === "activate" ? "primary" : "", "data-test": `certificate-${verb}` })),
        can("iot:DeleteCertificate") ? button(t("kit.delete"), async () => (await remove(certificate, attached)) && go("certificates"), { kind: "danger", disabled: inForce, title: inForce ? t("certificates.delete.active") : null, "data-test": "certificate-delete" }) : null,
    ].filter(Boolean);
}

/* ---- attachments ---- */

function attachPolicy({ certificate, again }) {
    const arn = certificate.certificateArn;
    return act({
        title: t("certificates.policy.title"), action: t("kit.attach"), test: "certificate-policy-attach-confirm",
        fields: nameField("policy", { name: "policyName", label: t("kit.policy"), required: true, "data-test": "certificate-policy-name" }),
        cli: ({ policyName }) => vouch("policy", "attach", policyName || "POLICY", certificate.certificateId),
        run: ({ policyName }) => call("PUT", `/target-policies/${enc(policyName)}`, { body: { target: arn } }), done: t("kit.attached"),
    }).then((done) => done && again());
}

function detachPolicy({ certificate, again }, name) {
    return act({
        title: t("certificates.policy.detach.title", { name }), text: t("certificates.policy.detach.text"), action: t("kit.detach"), danger: true, test: "certificate-policy-detach-confirm",
        cli: vouch("policy", "detach", name, certificate.certificateId),
        run: () => call("POST", `/target-policies/${enc(name)}`, { body: { target: certificate.certificateArn } }), done: t("kit.detached"),
    }).then((done) => done && again());
}

function policiesCard(state, policies) {
    const { certificate, can } = state;
    if (!policies) return null;
    return section(t("kit.policies"), can("iot:AttachPolicy") ? small(t("kit.attach"), () => attachPolicy(state), { "data-test": "certificate-policy-attach" }) : null,
        policies.length ? h("ul", { class: "plain-list" }, policies.map((one) => h("li", { class: "row between" }, h("a", { href: href("policies", one.policyName) }, one.policyName),
            can("iot:DetachPolicy") ? small(t("kit.detach"), () => detachPolicy(state, one.policyName), { "data-test": "certificate-policy-detach" }) : null)))
            : h("p", { class: "muted" }, t("certificates.policies.none")),
        cli(vouch("cert", "policies", certificate.certificateId)));
}

function attachThing({ certificate, again }) {
    return act({
        title: t("certificates.thing.title"), action: t("kit.attach"), test: "certificate-thing-attach-confirm",
        fields: [
            field({ name: "thingName", label: t("kit.thing"), required: true, "data-test": "certificate-thing-name" }),
            field({ name: "exclusive", type: "checkbox", label: t("things.exclusive") }),
        ],
        cli: ({ thingName, exclusive }) => vouch("thing", "attach", thingName || "THING", certificate.certificateId, exclusive && "--exclusive"),
        run: ({ thingName, exclusive }) => call("PUT", `/things/${enc(thingName)}/principals`, { headers: { "x-amzn-principal": certificate.certificateArn }, query: exclusive ? { thingPrincipalType: "EXCLUSIVE_THING" } : {} }),
        done: t("kit.attached"),
    }).then((done) => done && again());
}

function detachThing({ certificate, again }, name) {
    return act({
        title: t("things.detach.title"), text: t("things.detach.text", { name }), action: t("kit.detach"), danger: true, test: "certificate-thing-detach-confirm",
        cli: vouch("thing", "detach", name, certificate.certificateId),
        run: () => call("DELETE", `/things/${enc(name)}/principals`, { headers: { "x-amzn-principal": certificate.certificateArn } }), done: t("kit.detached"),
    }).then((done) => done && again());
}

function thingsCard(state, things) {
    const { certificate, can } = state;
    if (!things) return null;
    return section(t("kit.things"), can("iot:AttachThingPrincipal") ? small(t("kit.attach"), () => attachThing(state), { "data-test": "certificate-thing-attach" }) : null,
        things.length ? h("ul", { class: "plain-list" }, things.map((one) => h("li", { class: "row between" },
            h("span", h("a", { href: href("things", one.thingName) }, one.thingName), one.thingPrincipalType === "EXCLUSIVE_THING" ? [" ", badge(t("things.exclusive.short"), "accent")] : null),
            can("iot:DetachThingPrincipal") ? small(t("kit.detach"), () => detachThing(state, one.thingName), { "data-test": "certificate-thing-detach" }) : null)))
            : h("p", { class: "muted" }, t("certificates.things.none")),
        cli(vouch("thing", "of", certificate.certificateId)));
}

/* ---- one ---- */

function validity({ validity: span }) {
    if (!span) return null;
    return h("span", `${dateText(span.notBefore)} – ${dateText(span.notAfter)} `, h("span", { class: "muted" }, "(", timeAgo(span.notAfter), ")"));
}

function pemCard(certificate) {
    const name = `${certificate.certificateId.slice(0, 12)}-certificate.pem.crt`;
    return section(t("certificates.pem"), [copy(certificate.certificatePem), small(t("kit.download"), () => download(certificate.certificatePem, name, PEM), { "data-test": "certificate-download" })],
        h("details", h("summary", t("kit.show")), h("pre", { class: "code" }, certificate.certificatePem)), cli(vouch("cert", "get", certificate.certificateId, "--pem")));
}

async function show(root, id, signal) {
    if (!root.childElementCount) replace(root, loading());
    const [{ certificateDescription: certificate }, can] = await Promise.all([call("GET", path(id), { signal }), may()]);
    const arn = certificate.certificateArn;
    const [policies, things, history] = await Promise.all([
        can("iot:ListAttachedPolicies") ? call("POST", `/attached-policies/${enc(arn)}`).then((found) => found.policies) : null,
        can("iot:ListPrincipalThingsV2") ? call("GET", "/principals/things-v2", { headers: { "x-amzn-principal": arn }, query: { maxResults: 100 } }).then((found) => found.principalThingObjects) : null,
        historyCard(id, can).catch(errorBox),
    ]);
    if (signal.aborted) return;
    const again = () => show(root, id, signal).catch((error) => signal.aborted || toast(error.message, "bad"));
    const state = { certificate, can, again, attached: { policies: policies?.length ?? 0, things: (things ?? []).map((one) => one.thingName) } };
    const head = header(shortId(id), { back: { href: href("certificates"), text: title }, actions: headActions(state) });
    head.querySelector("h1").append(" ", statusBadge(certificate.status));
    replace(root, head,
        glance({
            [t("kit.id")]: copyable(id),
            [t("kit.arn")]: copyable(arn),
            [t("certificates.validity")]: validity(certificate),
            [t("kit.created")]: timeAgo(certificate.creationDate),
            [t("kit.changed")]: timeAgo(certificate.lastModifiedDate),
            [t("certificates.authority")]: certificate.caCertificateId ? h("code", { title: certificate.caCertificateId }, shortId(certificate.caCertificateId)) : t("certificates.authority.own"),
        }, vouch("cert", "get", id)),
        h("div", { class: "cards" }, policiesCard(state, policies), thingsCard(state, things)), history, pemCard(certificate));
    follow(id, can, again, signal);
}

const following = new WeakSet(); // one listener for each visit

function follow(id, can, again, signal) {
    if (following.has(signal) || !can("vouch:WatchEvents")) return;
    following.add(signal);
    whenChanged(signal, (row) => row.certificateId === id && row.event !== "certificate-deleted", again);
}

export function render(root, params, signal) {
    root.classList.add("page");
    if (params.name === "~orphans") return list(root, signal, true);
    return params.name ? show(root, partsOf(params.name).name, signal) : list(root, signal, false);
}
