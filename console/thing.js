// One thing, with all that belongs to it.
import { call } from "./api.js";
import { h, replace } from "./dom.js";
import { act, certificateLink, chips, enc, glance, go, historyCard, href, may, nameField, pairsOf, pairsText, pairWordsOfText, partsOf, section, small, statusBadge, targetArn, vouch } from "./kit.js";
import { whenChanged } from "./parts.js";
import { listen } from "./live.js";
import { t } from "./texts.js";
import { field } from "./forms.js";
import { table } from "./table.js";
import { badge, button, cli, copyable, errorBox, facts, header, loading, timeAgo, toast } from "./ui.js";
import { connectivityBadge } from "./page-things.js";

/* ---- one: attributes, type ---- */

function editDialog(thing) {
    return act({
        title: t("things.edit.title", { name: thing.thingName }), action: t("ui.save"), test: "thing-edit-confirm",
        fields: [
            ...nameField("type", { name: "thingTypeName", label: t("things.type"), value: thing.thingTypeName ?? "", hint: t("things.type.hint"), "data-test": "thing-type" }),
            field({ name: "attributes", type: "textarea", rows: 6, label: t("things.attributes"), value: pairsText(thing.attributes), hint: t("things.attributes.hint"), class: "code", "data-test": "thing-attributes" }),
        ],
        cli: (values) => vouch("thing", "update", thing.thingName, values.thingTypeName ? values.thingTypeName !== thing.thingTypeName && ["--type", values.thingTypeName] : thing.thingTypeName && "--remove-type",
            pairWordsOfText("--attribute", values.attributes), "--replace-attributes", "--expected-version", thing.version),
        run: ({ thingTypeName, attributes }) => call("PATCH", `/things/${enc(thing.thingName)}`, { body: {
            attributePayload: { attributes: pairsOf(attributes), merge: false }, expectedVersion: thing.version,
            ...(thingTypeName ? (thingTypeName === thing.thingTypeName ? {} : { thingTypeName }) : thing.thingTypeName ? { removeThingType: true } : {}),
        } }),
        done: t("kit.saved"),
    });
}

function attributesCard({ thing, can, again }) {
    const rows = Object.entries(thing.attributes ?? {});
    return section(t("things.attributes"),
        can("iot:UpdateThing") ? small(t("kit.edit"), async () => (await editDialog(thing)) && again(), { "data-test": "thing-edit" }) : null,
        rows.length ? facts(Object.fromEntries(rows)) : h("p", { class: "muted" }, t("things.attributes.none")));
}

/* ---- certificates and what they may do ---- */

function attachDialog(thing) {
    return act({
        title: t("things.attach.title", { name: thing.thingName }), text: t("things.attach.text"), action: t("kit.attach"), test: "thing-attach-confirm",
        fields: [
            field({ name: "principal", label: t("kit.certificate"), required: true, hint: t("kit.certificate.hint"), "data-test": "thing-attach-certificate" }),
            field({ name: "exclusive", type: "checkbox", label: t("things.exclusive"), "data-test": "thing-attach-exclusive" }),
        ],
        cli: ({ principal, exclusive }) => vouch("thing", "attach", thing.thingName, principal || "CERTIFICATE", exclusive && "--exclusive"),
        run: async ({ principal, exclusive }) => call("PUT", `/things/${enc(thing.thingName)}/principals`, {
            headers: { "x-amzn-principal": await targetArn(principal) }, query: exclusive ? { thingPrincipalType: "EXCLUSIVE_THING" } : {},
        }),
        done: t("kit.attached"),
    });
}

function detachDialog(thing, arn) {
    return act({
        title: t("things.detach.title"), text: t("things.detach.text", { name: thing.thingName }), action: t("kit.detach"), danger: true, test: "thing-detach-confirm",
        cli: vouch("thing", "detach", thing.thingName, partsOf(arn).name),
        run: () => call("DELETE", `/things/${enc(thing.thingName)}/principals`, { headers: { "x-amzn-principal": arn } }),
        done: t("kit.detached"),
    });
}

async function describe(object, can) {
    const id = partsOf(object.principal).name;
    const [about, attached] = await Promise.all([
        can("iot:DescribeCertificate") ? call("GET", `/certificates/${enc(id)}`).then((found) => found.certificateDescription).catch(() => null) : null,
        can("iot:ListAttachedPolicies") ? call("POST", `/attached-policies/${enc(object.principal)}`).then((found) => found.policies).catch(() => []) : [],
    ]);
    return { ...object, id, about, policies: attached };
}

const policyLinks = (policies) => h("span", { class: "chips" }, policies.map((one) => h("a", { class: "chip", href: href("policies", one.policyName) }, one.policyName)));

async function certificatesCard({ thing, can, again, ids }) {
    const { thingPrincipalObjects } = await call("GET", `/things/${enc(thing.thingName)}/principals-v2`, { query: { maxResults: 100 } });
    const rows = await Promise.all(thingPrincipalObjects.map((one) => describe(one, can)));
    for (const row of rows) ids.add(row.id);
    const grid = table({
        columns: [
            { title: t("kit.certificate"), value: (row) => certificateLink(row.id), text: (row) => row.id },
            { title: t("kit.status"), value: (row) => (row.about ? statusBadge(row.about.status) : ""), text: (row) => row.about?.status ?? "" },
            { title: t("kit.policies"), value: (row) => (row.policies.length ? policyLinks(row.policies) : h("span", { class: "muted" }, t("kit.policies.none"))), text: (row) => row.policies.map((one) => one.policyName).join(" ") },
            { title: t("kit.expires"), value: (row) => timeAgo(row.about?.validity?.notAfter) },
            { title: "", class: "end", value: (row) => h("span", { class: "row" }, row.thingPrincipalType === "EXCLUSIVE_THING" ? badge(t("things.exclusive.short"), "accent") : null,
                can("iot:DetachThingPrincipal") ? small(t("kit.detach"), async () => (await detachDialog(thing, row.principal)) && again(), { "data-test": "thing-detach" }) : null) },
        ],
        rows, caption: t("kit.certificates"),
        empty: { icon: "certificates", title: t("things.certificates.none"), text: t("things.certificates.none.text") },
    });
    return section(t("kit.certificates"), can("iot:AttachThingPrincipal") ? small(t("kit.attach"), async () => (await attachDialog(thing)) && again(), { "data-test": "thing-attach" }) : null,
        grid, cli(vouch("thing", "principals", thing.thingName)));
}

/* ---- groups ---- */

const groupOf = (thing, groupName) => ({ thingName: thing.thingName, thingGroupName: groupName });

async function groupsCard({ thing, can, again }) {
    if (!can("iot:ListThingGroupsForThing")) return null;
    const { thingGroups } = await call("GET", `/things/${enc(thing.thingName)}/thing-groups`, { query: { maxResults: 100 } });
    const add = () => act({
        title: t("things.group.add.title", { name: thing.thingName }), action: t("kit.add"), test: "thing-group-add-confirm",
        fields: nameField("group", { name: "group", label: t("things.group"), required: true, "data-test": "thing-group-name" }),
        cli: ({ group }) => vouch("thing-group", "add", group || "GROUP", thing.thingName),
        run: ({ group }) => call("PUT", "/thing-groups/addThingToThingGroup", { body: groupOf(thing, group) }), done: t("kit.done"),
    });
    const leave = (name) => act({
        title: t("things.group.remove.title", { name }), action: t("kit.remove"), danger: true, test: "thing-group-remove-confirm",
        cli: vouch("thing-group", "remove", name, thing.thingName),
        run: () => call("PUT", "/thing-groups/removeThingFromThingGroup", { body: groupOf(thing, name) }), done: t("kit.done"),
    });
    return section(t("things.groups"), can("iot:AddThingToThingGroup") ? small(t("kit.add"), async () => (await add()) && again(), { "data-test": "thing-group-add" }) : null,
        thingGroups.length ? h("ul", { class: "plain-list" }, thingGroups.map((one) => h("li", { class: "row between" }, h("a", { href: href("groups", one.groupName) }, one.groupName),
            can("iot:RemoveThingFromThingGroup") ? small(t("kit.remove"), async () => (await leave(one.groupName)) && again(), { "data-test": "thing-group-remove" }) : null)))
            : h("p", { class: "muted" }, t("things.groups.none")));
}

/* ---- one ---- */

async function remove(thing) {
    const { principals } = await call("GET", `/things/${enc(thing.thingName)}/principals`, { query: { maxResults: 100 } });
    return act({
        title: t("things.delete.title", { name: thing.thingName }), action: t("kit.delete"), danger: true, word: thing.thingName, test: "thing-delete-confirm",
        text: principals.length ? t("things.delete.attached", { count: principals.length }) : t("things.delete.text"),
        cli: vouch("thing", "delete", thing.thingName),
        run: async () => {
            for (const arn of principals) await call("DELETE", `/things/${enc(thing.thingName)}/principals`, { headers: { "x-amzn-principal": arn } });
            await call("DELETE", `/things/${enc(thing.thingName)}`);
        },
        done: t("kit.deleted"),
    });
}

const connectivityOf = (name, signal) => call("POST", `/things/${enc(name)}/connectivity-data`, { signal }).catch(() => null);

function connectionFacts(state) {
    if (!state) return null;
    return h("span", connectivityBadge(state), " ", state.timestamp ? h("span", { class: "muted" }, timeAgo(state.timestamp / (state.timestamp > 1e11 ? 1000 : 1))) : null,
        !state.connected && state.disconnectReason ? h("span", { class: "muted" }, ` · ${state.disconnectReason}`) : null);
}

export async function show(root, name, signal) {
    if (!root.childElementCount) replace(root, loading());
    const [thing, can] = await Promise.all([call("GET", `/things/${enc(name)}`, { signal }), may()]);
    const again = () => show(root, name, signal);
    const state = { thing, can, again, ids: new Set() };
    const connection = h("span", { "data-test": "thing-connection", "aria-live": "polite" }, connectionFacts(can("iot:GetThingConnectivityData") ? await connectivityOf(name, signal) : null));
    const [certificates, groups, history] = await Promise.all([certificatesCard(state), groupsCard(state), historyCard(name, can)].map((part) => part.catch(errorBox)));
    if (signal.aborted) return;
    replace(root,
        header(name, { back: { href: href("things"), text: t("things.title") }, actions: can("iot:DeleteThing") ? button(t("kit.delete"), async () => (await remove(thing)) && go("things"), { kind: "danger", "data-test": "thing-delete" }) : null }),
        glance({
            [t("things.connection")]: can("iot:GetThingConnectivityData") ? connection : null,
            [t("kit.arn")]: copyable(thing.thingArn),
            [t("things.id")]: copyable(thing.thingId),
            [t("things.type")]: thing.thingTypeName ?? null,
            [t("things.billing")]: thing.billingGroupName ?? null,
            [t("kit.version")]: String(thing.version),
        }, vouch("thing", "get", name)),
        attributesCard(state), certificates, groups, history);
    follow(state, connection, signal);
}

const following = new WeakMap(); // one listener for each visit

function follow({ thing, can, again, ids }, connection, signal) {
    const name = thing.thingName;
    const now = { again, connection, ids };
    if (following.has(signal)) return following.set(signal, now);
    following.set(signal, now);
    if (!can("vouch:WatchEvents")) return;
    whenChanged(signal, (row) => (row.thingName === name || following.get(signal).ids.has(row.certificateId)) && row.event !== "thing-deleted", () => following.get(signal).again().catch((error) => toast(error.message, "bad")));
    listen({ onConnection: async (change) => change.thingName === name && replace(following.get(signal).connection, connectionFacts(await connectivityOf(name, signal))) }, signal);
}
