// IoT policies: list, editor with findings, versions, targets.
import { call, pager, session } from "./api.js";
import { h, replace } from "./dom.js";
import { diffView } from "./diff.js";
import { jsonEditor } from "./editor.js";
import { pretty } from "./json-at.js";
import { act, enc, glance, go, href, linkOf, may, noRight, small, targetArn, vouch } from "./kit.js";
import { t } from "./texts.js";
import { field, form } from "./forms.js";
import { table } from "./table.js";
import { tabs } from "./tabs.js";
import { badge, button, card, cli, copyable, dateText, errorBox, header, linkButton, loading, timeAgo, toast } from "./ui.js";

export const title = t("policies.title");
export const nav = "policies";
export const needs = ["iot:ListPolicies"];

const path = (name, ...rest) => ["/policies", enc(name), ...rest.map(enc)].join("/");
const NAME = "[\\w+=,.@\\-]{1,128}";

/* ---- what one may begin with ---- */

function devicePolicy(region, account) {
    const arn = (rest) => `arn:aws:iot:${region}:${account}:${rest}`;
    const thing = "${iot:Connection.Thing.ThingName}";
    return JSON.stringify({
        Version: "2012-10-17",
        Statement: [
            { Effect: "Allow", Action: "iot:Connect", Resource: arn(`client/${thing}`) },
            { Effect: "Allow", Action: ["iot:Publish", "iot:Receive"], Resource: [arn(`topic/${thing}/*`), arn(`topic/$aws/things/${thing}/*`)] },
            { Effect: "Allow", Action: "iot:Subscribe", Resource: [arn(`topicfilter/${thing}/*`), arn(`topicfilter/$aws/things/${thing}/*`)] },
        ],
    }, null, 2);
}

function bareStatement(region, account) {
    return JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["iot:Connect"], Resource: [`arn:aws:iot:${region}:${account}:client/`] }] }, null, 2);
}

const starters = (region, account) => [
    { label: t("policies.start.device"), text: devicePolicy(region, account), test: "policy-start-device" },
    { label: t("policies.start.bare"), text: bareStatement(region, account), test: "policy-start-bare" },
];

/* ---- list ---- */

async function list(root, signal) {
    const can = await may();
    const create = can("iot:CreatePolicy") ? linkButton(t("policies.create"), href("policies", "~new"), { kind: "primary", icon: "plus", "data-test": "policy-create" }) : null;
    const load = pager("/policies", { list: "policies", marker: "nextMarker", query: { isAscendingOrder: true } });
    replace(root,
        header(title, { text: t("policies.lead"), actions: create }),
        table({
            columns: [
                { title: t("policies.name"), value: (row) => h("a", { href: href("policies", row.policyName), "data-test": "policy-link" }, row.policyName) },
                { title: t("kit.arn"), value: (row) => h("code", { class: "muted" }, row.policyArn), class: "wide-only" },
            ],
            load, signal, name: "policies", caption: title, onRow: (row) => go("policies", row.policyName),
            empty: { icon: "policies", title: t("policies.none"), text: t("policies.none.text"), action: can("iot:CreatePolicy") ? linkButton(t("policies.create"), href("policies", "~new"), { kind: "primary" }) : null },
        }),
        cli(vouch("policy", "list")));
}

/* ---- create ---- */

async function create(root) {
    const { account, region } = await session();
    const editor = jsonEditor({ label: t("policies.document"), value: devicePolicy(region, account), kind: "policy", account, starters: starters(region, account), test: "policy-document" });
    const name = field({ name: "policyName", label: t("policies.name"), required: true, pattern: NAME, hint: t("policies.name.hint"), autofocus: true, "data-test": "policy-name" });
    const node = form({
        fields: [name, editor.node],
        submit: t("policies.create"),
        cancel: () => go("policies"),
        cli: ({ policyName }) => vouch("policy", "put", policyName || "NAME", "policy.json"),
        onSubmit: async ({ policyName }) => {
            await call("POST", path(policyName), { body: { policyDocument: editor.value } });
            toast(t("policies.created", { name: policyName }));
            go("policies", policyName);
        },
    });
    node.button.dataset.test = "policy-save";
    replace(root, header(t("policies.create"), { back: { href: href("policies"), text: title } }), card(null, node));
}

/* ---- one ---- */

async function documentTab(panel, state) {
    const { policy, can, again, account, region } = state;
    const now = pretty(policy.policyDocument);
    const changes = h("div", { class: "stack" });
    const editor = jsonEditor({
        label: t("policies.document.of", { version: policy.defaultVersionId }), value: now, kind: "policy", account,
        readonly: !can("iot:CreatePolicyVersion"), test: "policy-document", starters: starters(region, account).slice(0, 1),
        onChange: (text) => replace(changes, text.trim() === now.trim() ? null : h("details", h("summary", t("kit.changes")), diffView(now, text))),
    });
    const name = policy.policyName;
    const line = cli(vouch("policy", "put", name, "policy.json"));
    if (!can("iot:CreatePolicyVersion")) return replace(panel, editor.node, cli(vouch("policy", "get", name, "--document")));
    const standing = field({ name: "setAsDefault", type: "checkbox", value: true, label: t("kit.version.default"), "data-test": "policy-version-default" });
    const node = form({
        fields: [editor.node, changes, standing],
        submit: t("kit.version.save"),
        extra: line,
        onSubmit: async ({ setAsDefault }) => {
            const made = await call("POST", path(name, "version"), { query: { setAsDefault }, body: { policyDocument: editor.value } });
            toast(t("kit.version.saved", { version: made.policyVersionId }));
            await again();
        },
    });
    node.button.dataset.test = "policy-version-save";
    replace(panel, node);
}

async function compare(panel, state, versionId) {
    const { policy } = state;
    const one = await call("GET", path(policy.policyName, "version", versionId));
    replace(panel,
        h("h3", t("kit.version.against", { version: versionId, standing: policy.defaultVersionId })),
        diffView(pretty(policy.policyDocument), pretty(one.policyDocument)),
        h("details", h("summary", t("kit.version.whole")), h("pre", { class: "code" }, pretty(one.policyDocument))),
        cli(vouch("policy", "get", policy.policyName, "--version-id", versionId, "--document")));
}

async function versionsTab(panel, state) {
    const { policy, can, again } = state;
    const name = policy.policyName;
    if (!can("iot:ListPolicyVersions")) return replace(panel, noRight("iot:ListPolicyVersions"));
    const { policyVersions } = await call("GET", path(name, "version"));
    const below = h("div", { class: "stack", "aria-live": "polite" });
    const buttons = (row) => h("div", { class: "row" },
        row.isDefaultVersion ? null : small(t("kit.compare"), () => compare(below, state, row.versionId), { "data-test": `policy-compare-${row.versionId}` }),
        row.isDefaultVersion || !can("iot:SetDefaultPolicyVersion") ? null : small(t("kit.version.stand"), () => act({
            title: t("kit.version.stand.title", { version: row.versionId }), text: t("policies.stand.text"), action: t("kit.version.stand"), test: "policy-stand-confirm",
            cli: vouch("policy", "set-default", name, row.versionId), run: () => call("PATCH", path(name, "version", row.versionId)), done: t("kit.done"),
        }).then((done) => done && again()), { "data-test": `policy-stand-${row.versionId}` }),
        row.isDefaultVersion || !can("iot:DeletePolicyVersion") ? null : small(t("kit.delete"), () => act({
            title: t("kit.version.delete.title", { version: row.versionId }), action: t("kit.delete"), danger: true, test: "policy-version-delete-confirm",
            cli: vouch("policy", "delete-version", name, row.versionId), run: () => call("DELETE", path(name, "version", row.versionId)), done: t("kit.deleted"),
        }).then((done) => done && again()), { "data-test": `policy-version-delete-${row.versionId}` }));
    replace(panel,
        table({
            columns: [
                { title: t("kit.version"), value: (row) => h("span", t("kit.version.number", { version: row.versionId }), " ", row.isDefaultVersion ? badge(t("kit.version.standing"), "good") : null), text: (row) => row.versionId },
                { title: t("kit.created"), value: (row) => timeAgo(row.createDate) },
                { title: "", value: buttons, class: "end" },
            ],
            rows: policyVersions, name: `policy-${name}-versions`, caption: t("kit.versions"),
        }),
        h("p", { class: "muted small" }, t("kit.versions.five")), cli(vouch("policy", "versions", name)), below);
}

function attachDialog(state) {
    const name = state.policy.policyName;
    return act({
        title: t("policies.attach.title", { name }), text: t("policies.attach.text"), action: t("kit.attach"), test: "policy-attach-confirm",
        fields: [field({ name: "target", label: t("policies.target"), required: true, hint: t("policies.target.hint"), "data-test": "policy-attach-target" })],
        cli: ({ target }) => vouch("policy", "attach", name, target || "TARGET"),
        run: async ({ target }) => call("PUT", `/target-policies/${enc(name)}`, { body: { target: await targetArn(target) } }),
        done: t("kit.attached"),
    });
}

function targetsTab(panel, state) {
    const { policy, can } = state;
    const name = policy.policyName;
    if (!can("iot:ListTargetsForPolicy")) return replace(panel, noRight("iot:ListTargetsForPolicy"));
    const load = pager(`/policy-targets/${enc(name)}`, { method: "POST", list: "targets", marker: "nextMarker" });
    const list = table({
        columns: [
            { title: t("policies.target"), value: linkOf, text: (arn) => arn },
            { title: t("kit.kind"), value: (arn) => t(arn.includes(":cert/") ? "kit.kind.cert" : "kit.kind.thinggroup") },
            { title: "", class: "end", value: (arn) => can("iot:DetachPolicy") ? small(t("kit.detach"), () => act({
                title: t("policies.detach.title", { name }), text: t("policies.detach.text"), action: t("kit.detach"), danger: true, test: "policy-detach-confirm",
                cli: vouch("policy", "detach", name, arn), run: () => call("POST", `/target-policies/${enc(name)}`, { body: { target: arn } }), done: t("kit.detached"),
            }).then((done) => done && list.reload()), { "data-test": "policy-detach" }) : null },
        ],
        load, name: `policy-${name}-targets`, caption: t("policies.targets"),
        empty: { icon: "certificates", title: t("policies.targets.none"), text: t("policies.targets.none.text") },
    });
    replace(panel,
        can("iot:AttachPolicy") ? h("div", { class: "actions" }, button(t("policies.attach"), async () => (await attachDialog(state)) && list.reload(), { icon: "plus", "data-test": "policy-attach" })) : null,
        list, cli(vouch("policy", "targets", name)));
}

const remove = ({ policy }) => act({
    title: t("policies.delete.title", { name: policy.policyName }), text: t("policies.delete.text"), action: t("kit.delete"), danger: true,
    word: policy.policyName, test: "policy-delete-confirm", cli: vouch("policy", "delete", policy.policyName),
    run: () => call("DELETE", path(policy.policyName)), done: t("kit.deleted"),
});

const TABS = { document: documentTab, versions: versionsTab, targets: targetsTab };

// kept.tab: of all drawings of a visit, so that one that was slow shows the tab that was chosen meanwhile.
async function show(root, name, kept, signal) {
    if (!root.childElementCount) replace(root, loading());
    const [policy, can, { account, region }] = await Promise.all([call("GET", path(name), { signal }), may(), session()]);
    const state = { policy, can, account, region, again: () => show(root, name, kept, signal) };
    const fill = (id) => (panel) => {
        kept.tab = id;
        const box = h("div", { class: "page" }, loading()); // its own, so that a slow tab does not overwrite a later one
        replace(panel, box);
        Promise.resolve(TABS[id](box, state)).catch((error) => replace(box, errorBox(error)));
    };
    replace(root,
        header(name, {
            back: { href: href("policies"), text: title },
            actions: can("iot:DeletePolicy") ? button(t("kit.delete"), async () => (await remove(state)) && go("policies"), { kind: "danger", "data-test": "policy-delete" }) : null,
        }),
        glance({
            [t("kit.arn")]: copyable(policy.policyArn),
            [t("kit.version.standing")]: t("kit.version.number", { version: policy.defaultVersionId }),
            [t("kit.created")]: timeAgo(policy.creationDate),
            [t("kit.changed")]: h("span", { title: dateText(policy.lastModifiedDate) }, timeAgo(policy.lastModifiedDate)),
        }, vouch("policy", "get", name)),
        tabs(Object.keys(TABS).map((id) => ({ id, title: t(`policies.tab.${id}`), render: fill(id) })), {
            selected: kept.tab, label: name, onSelect: (id) => history.replaceState(null, "", href("policies", name, id)),
        }));
}

export function render(root, params, signal) {
    root.classList.add("page");
    const [name, tab] = params.path;
    if (name === "~new") return create(root);
    return name ? show(root, name, { tab }, signal) : list(root, signal);
}
