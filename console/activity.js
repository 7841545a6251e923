// Rows of the ledger and changes of connections as sentences that people read. All names are text nodes.
import { h } from "./dom.js";
import { addTexts, has, t } from "./texts.js";
import texts from "./texts-2.js";

addTexts(texts);

const GOOD = new Set(["thing-registered", "pairing-approved", "claim-created", "signed-in", "certificate-rotated"]);
const GONE = /-(deleted|cancelled|denied|expired|detached|removed|left|pruned)$/;

export function short(id, length = 8) {
    return id && id.length > length + 4 ? `${id.slice(0, length)}…` : id || "";
}

export function link(path, text, title) {
    return h("a", { href: `#/${path}`, ...(title ? { title, class: "nowrap" } : {}) }, text);
}

const made = {
    thing: (name) => link(`things/${encodeURIComponent(name)}`, name),
    certificate: (id) => link(`certificates/${encodeURIComponent(id)}`, short(id), id),
    claim: (id) => link(`claims/${encodeURIComponent(id)}`, short(id), id),
    template: (name) => link(`templates/${encodeURIComponent(name)}`, name),
    user: (name) => link(`users/${encodeURIComponent(name)}`, name),
};

// Who did it: a user, a session of a role, a claim, a device, the server itself.
export function who(actor) {
    const [, kind, name] = /^arn:[^:]*:(?:iam|sts)::\d*:(user|assumed-role)\/(.+)$/.exec(actor || "") || [];
    if (kind === "user") return made.user(name);
    if (kind) return h("span", { title: actor }, name);
    const [, what, id] = /^(user|claim|cert)\/(.+)$/.exec(actor || "") || [];
    if (what === "user") return made.user(id);
    if (what === "claim") return h("span", {}, `${t("who.claim")} `, made.claim(id));
    if (what === "cert") return h("span", {}, `${t("who.device")} `, made.certificate(id));
    return h("span", {}, actor === "server" ? t("who.server") : actor || t("who.nobody"));
}

export function detailOf(row) {
    try {
        const detail = JSON.parse(row.detail || "{}");
        return detail && typeof detail === "object" ? detail : {};
    } catch (error) {
        return {};
    }
}

// What it is about, when no column says: the first name of the detail.
function object(detail) {
    for (const key of [
        "userName",
        "groupName",
        "roleName",
        "policyName",
        "hookName",
        "hook",
        "ownerName",
        "thingTypeName",
        "thingGroupName",
        "billingGroupName",
        "caCertificateId",
    ])
        if (typeof detail[key] === "string" && detail[key]) return detail[key];
    return "";
}

// "Made {thing}" with nodes for the names in braces.
export function fill(text, values) {
    return text.split(/(\{\w+\})/).map((part) => {
        const [, name] = /^\{(\w+)\}$/.exec(part) || [];
        return name ? (values[name] ?? "") : part;
    });
}

function values(row) {
    const detail = detailOf(row);
    const bare = (value) => h("b", {}, value);
    return {
        who: who(row.actor),
        thing: row.thingName ? made.thing(row.thingName) : "",
        template: row.templateName ? made.template(row.templateName) : "",
        claim: row.claimId ? made.claim(row.claimId) : "",
        certificate: row.certificateId ? made.certificate(row.certificateId) : "",
        object: bare(row.thingName || object(detail) || row.templateName || short(row.certificateId || row.claimId)),
        user: bare(detail.userName || ""),
        policy: bare(detail.policyName || ""),
        group: bare(detail.groupName || ""),
        hook: bare(detail.hookName || detail.hook || ""),
        target: row.certificateId ? made.certificate(row.certificateId) : bare(detail.thingGroupName || ""),
        from: detail.from || "",
        to: detail.to || "",
        outcome: h("b", {}, row.outcome),
        message: detail.message || "",
        serial: bare(detail.serialNumber || ""),
        address: row.sourceIp || "",
    };
}

export function eventName(event) {
    const words = String(event).replace(/-/g, " ");
    return words.charAt(0).toUpperCase() + words.slice(1);
}

export function sentence(row) {
    const key = `event.${row.event}`;
    const refused = row.outcome && row.outcome !== "ok" && has(`${key}.refused`);
    if (refused || has(key)) return fill(t(refused ? `${key}.refused` : key), values(row));
    return fill(t("event.other"), { ...values(row), event: eventName(row.event) });
}

export function tone(row) {
    if (/refused|alarm|locked|guess/.test(row.event) || (row.outcome && row.outcome !== "ok" && row.outcome !== "allowed")) return "bad";
    if (GONE.test(row.event)) return "quiet";
    return GOOD.has(row.event) ? "good" : "";
}

// "event: connection" of the live stream.
export function connectionSentence(change) {
    const name = change.thingName ? made.thing(change.thingName) : h("b", {}, change.clientId);
    return fill(t(change.connected ? "live.connected" : "live.disconnected"), { name, client: h("code", {}, change.clientId) });
}

export { made };
