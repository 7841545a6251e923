// Where a word leads: a thing by name or serial number, a certificate, a claim, a pairing, a user and what that user vouched
// for, a template, a policy. Each kind is asked on its own, and only when the user may.
//
//   for await (const hits of find("SN-7", can, signal)) …      [{kind, text, more, href}], as they come in
import { call } from "./api.js";
import { enc, href, shortId } from "./kit.js";
import { addTexts, t } from "./texts.js";
import texts from "./texts-account.js";

addTexts(texts);

const MAX = 8;
const SERIALS = ["serialNumber", "SerialNumber", "serial"];
const ID = /^[0-9a-f]{64}$/i;
const quoted = (word) => `"${word.replace(/[\\"]/g, "\\$&")}"`;
const escaped = (word) => word.replace(/[\\"*?:()\s]/g, "\\$&");

const indexed = (queryString, signal) => call("POST", "/indices/search", { body: { queryString, maxResults: MAX }, signal }).then((found) => found.things ?? []);
const thingHit = (row, more) => ({ kind: "thing", text: row.thingName, more, href: href("things", row.thingName) });

async function things(word, signal) {
    const rows = await indexed(`thingName:${escaped(word)}*`, signal);
    return rows.map((row) => thingHit(row, row.thingTypeName ?? ""));
}

async function serials(word, signal) {
    const found = await Promise.all(SERIALS.map((name) => indexed(`attributes.${name}:${quoted(word)}`, signal).catch(() => [])));
    return found.flatMap((rows, i) => rows.map((row) => thingHit(row, t("find.serial", { name: SERIALS[i], word }))));
}

async function thing(word, signal) {
    const row = await call("GET", `/things/${enc(word)}`, { signal });
    return [thingHit(row, row.thingTypeName ?? "")];
}

async function certificate(word, signal) {
    const { certificateDescription: one } = await call("GET", `/certificates/${word.toLowerCase()}`, { signal });
    return [{ kind: "certificate", text: shortId(one.certificateId), more: t(`certificate.status.${one.status}`), href: href("certificates", one.certificateId) }];
}

async function claim(word, signal) {
    const one = await call("GET", `/_vouch/claims/${word.toLowerCase()}`, { signal });
    return [{ kind: "claim", text: shortId(one.claimId), more: `${one.templateName}, ${one.createdBy.split("/").pop()}`, href: href("claims", one.claimId) }];
}

// Lists that are short enough to be looked through: the page with the most that one call gives.
const among = (path, list, marker, matches, hit) => async (word, signal) => {
    const size = marker === "nextMarker" ? { pageSize: 250 } : { maxResults: 250 };
    const found = await call("GET", path, { query: size, signal });
    return (found[list] ?? []).filter((row) => matches(row).some((text) => String(text ?? "").toLowerCase().includes(word.toLowerCase()))).slice(0, MAX).map(hit);
};

const users = among("/_vouch/users", "users", "nextToken", (row) => [row.userName], (row) => ({ kind: "user", text: row.userName, more: "", href: href("users", row.userName) }));
const templates = among("/provisioning-templates", "templates", "nextToken", (row) => [row.templateName, row.description], (row) => ({ kind: "template", text: row.templateName, more: row.description ?? "", href: href("templates", row.templateName) }));
const policies = among("/policies", "policies", "nextMarker", (row) => [row.policyName], (row) => ({ kind: "policy", text: row.policyName, more: "", href: href("policies", row.policyName) }));
const pairings = among("/_vouch/pairings", "pairings", "nextToken", (row) => [row.serialNumber, row.userCode, row.model, row.thingName], (row) => ({ kind: "pairing", text: row.serialNumber, more: row.state.toLowerCase().replaceAll("_", " "), href: href("pairings", row.pairingId) }));
// By installer, by thing, by what they were made for.
const claims = among("/_vouch/claims", "claims", "nextToken", (row) => [row.createdBy.split("/").pop(), row.claimId, row.bindings?.thingName, ...Object.values(row.bindings?.parameters ?? {})],
    (row) => ({ kind: "claim", text: shortId(row.claimId), more: `${row.templateName}, ${row.createdBy.split("/").pop()}`, href: href("claims", row.claimId) }));

// [needs, asks, for which words]
const WAYS = [
    ["iot:SearchIndex", things],
    ["iot:SearchIndex", serials],
    ["iot:DescribeCertificate", certificate, (word) => ID.test(word)],
    ["vouch:DescribeClaim", claim, (word) => ID.test(word)],
    ["vouch:ListPairings", pairings],
    ["vouch:ListClaims", claims, (word) => !ID.test(word)],
    ["vouch:ListUsers", users],
    ["iot:ListProvisioningTemplates", templates],
    ["iot:ListPolicies", policies],
];

export async function* find(text, can, signal) {
    const word = text.trim();
    if (!word) return;
    const ways = WAYS.filter(([needs, , fits]) => can(needs) && (!fits || fits(word)));
    if (!can("iot:SearchIndex") && can("iot:DescribeThing")) ways.unshift(["iot:DescribeThing", thing]);
    const seen = new Set();
    const asked = new Map(ways.map(([, ask], i) => [i, ask(word, signal).then((hits) => [i, hits], () => [i, []])]));
    while (asked.size && !signal?.aborted) {
        const [i, hits] = await Promise.race(asked.values());
        asked.delete(i);
        const fresh = hits.filter((hit) => !seen.has(hit.href));
        for (const hit of fresh) seen.add(hit.href);
        if (fresh.length) yield fresh;
    }
}
