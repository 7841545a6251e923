// Groups of things, with their policies; types of things.
import { call, pager } from "./api.js";
import { h, replace } from "./dom.js";
import { act, enc, glance, go, href, may, nameField, pairsOf, pairsText, pairWordsOfText, section, small, vouch } from "./kit.js";
import { t } from "./texts.js";
import { field } from "./forms.js";
import { table } from "./table.js";
import { badge, button, cli, copyable, header, loading, timeAgo } from "./ui.js";

export const title = t("groups.title");
export const needs = ["iot:ListThingGroups"];

const path = (name, ...rest) => ["/thing-groups", enc(name), ...rest].join("/");
const NAME = "[a-zA-Z0-9:_\\-]{1,128}";
const groupLink = (row) => h("a", { href: href("groups", row.groupName), "data-test": "group-link" }, row.groupName);

function subnav(can, current) {
    if (!can("iot:ListThingTypes")) return null;
    const link = (place, text, on) => h("a", { href: place, "aria-current": on ? "page" : null }, text);
    return h("nav", { class: "pagenav", "aria-label": title }, link(href("groups"), title, current === "groups"), link(href("groups", "~types"), t("groups.types"), current === "types"));
}

const propertiesOf = ({ description, attributes }) => ({ thingGroupProperties: {
    ...(description === undefined ? {} : { thingGroupDescription: description }),
    ...(attributes?.trim() ? { attributePayload: { attributes: pairsOf(attributes) } } : {}),
} });

const propertyFields = (about = {}) => [
    field({ name: "description", label: t("groups.description"), value: about.thingGroupDescription ?? "", "data-test": "group-description" }),
    field({ name: "attributes", type: "textarea", rows: 3, label: t("things.attributes"), value: pairsText(about.attributePayload?.attributes), hint: t("things.attributes.hint"), class: "code", "data-test": "group-attributes" }),
];

/* ---- lists ---- */

const createDialog = () => act({
    title: t("groups.create"), action: t("groups.create"), test: "group-create-confirm",
    fields: [
        field({ name: "name", label: t("things.name"), required: true, pattern: NAME, hint: t("things.name.hint"), "data-test": "group-name" }),
        ...nameField("group", { name: "parent", label: t("groups.parent"), hint: t("groups.parent.hint"), "data-test": "group-parent" }),
        ...propertyFields(),
    ],
    cli: ({ name, parent, description, attributes }) => vouch("thing-group", "create", name || "NAME", parent && ["--parent", parent], description && ["--description", description], pairWordsOfText("--attribute", attributes)),
    run: ({ name, parent, ...about }) => call("POST", path(name), { body: { ...(parent ? { parentGroupName: parent } : {}), ...propertiesOf(about) } }),
    done: t("kit.created.done"),
});

async function list(root, signal) {
    const can = await may();
    const create = async () => {
        const made = await createDialog();
        if (made) go("groups", made.values.name);
    };
    replace(root,
        header(title, { text: t("groups.lead"), actions: can("iot:CreateThingGroup") ? button(t("groups.create"), create, { kind: "primary", icon: "plus", "data-test": "group-create" }) : null }),
        subnav(can, "groups"),
        table({
            columns: [{ title: t("things.name"), value: groupLink, text: (row) => row.groupName }, { title: t("kit.arn"), value: (row) => h("code", { class: "muted" }, row.groupArn), class: "wide-only" }],
            load: pager("/thing-groups", { list: "thingGroups" }), signal, name: "thing-groups", caption: title, onRow: (row) => go("groups", row.groupName),
            empty: { icon: "groups", title: t("groups.none"), text: t("groups.none.text") },
        }),
        cli(vouch("thing-group", "list")));
}

/* ---- types ---- */

const createType = () => act({
    title: t("groups.type.create"), action: t("groups.type.create"), test: "type-create-confirm",
    fields: [
        field({ name: "name", label: t("things.name"), required: true, pattern: NAME, "data-test": "type-name" }),
        field({ name: "description", label: t("groups.description"), "data-test": "type-description" }),
        field({ name: "searchable", label: t("groups.searchable"), hint: t("groups.searchable.hint") }),
    ],
    cli: ({ name, description, searchable }) => vouch("type", "create", name || "NAME", description && ["--description", description], wordsOf(searchable).map((word) => ["--searchable", word])),
    run: ({ name, description, searchable }) => call("POST", `/thing-types/${enc(name)}`, { body: { thingTypeProperties: { ...(description ? { thingTypeDescription: description } : {}), searchableAttributes: wordsOf(searchable) } } }),
    done: t("kit.created.done"),
});

const wordsOf = (text) => text.split(/[\s,]+/).filter(Boolean);

function typeButtons(row, can, again) {
    const name = row.thingTypeName;
    const out = row.thingTypeMetadata?.deprecated;
    const verb = out ? "restore" : "deprecate";
    return h("div", { class: "row" },
        can("iot:DeprecateThingType") ? small(t(`groups.type.${verb}`), () => act({
            title: t(`groups.type.${verb}.title`, { name }), text: t(`groups.type.${verb}.text`), action: t(`groups.type.${verb}`), test: `type-${verb}-confirm`,
            cli: vouch("type", "deprecate", name, out && "--undo"), run: () => call("POST", `/thing-types/${enc(name)}/deprecate`, { body: { undoDeprecate: Boolean(out) } }), done: t("kit.done"),
        }).then((done) => done && again()), { "data-test": `type-${verb}` }) : null,
        out && can("iot:DeleteThingType") ? small(t("kit.delete"), () => act({
            title: t("groups.type.delete.title", { name }), text: t("groups.type.delete.text"), action: t("kit.delete"), danger: true, test: "type-delete-confirm",
            cli: vouch("type", "delete", name), run: () => call("DELETE", `/thing-types/${enc(name)}`), done: t("kit.deleted"),
        }).then((done) => done && again()), { "data-test": "type-delete" }) : null);
}

async function types(root, signal) {
    const can = await may();
    const grid = table({
        columns: [
            { title: t("things.name"), value: (row) => h("a", { href: `${href("things")}?q=${enc(`thingTypeName:${row.thingTypeName}`)}` }, row.thingTypeName), text: (row) => row.thingTypeName },
            { title: t("groups.description"), value: (row) => row.thingTypeProperties?.thingTypeDescription ?? "" },
            { title: t("groups.searchable"), value: (row) => (row.thingTypeProperties?.searchableAttributes ?? []).join(", ") },
            { title: t("kit.status"), value: (row) => (row.thingTypeMetadata?.deprecated ? badge(t("groups.type.deprecated"), "warn") : badge(t("groups.type.used"), "good")), text: (row) => (row.thingTypeMetadata?.deprecated ? "deprecated" : "") },
            { title: t("kit.created"), value: (row) => timeAgo(row.thingTypeMetadata?.creationDate) },
            { title: "", class: "end", value: (row) => typeButtons(row, can, () => grid.reload()) },
        ],
        load: pager("/thing-types", { list: "thingTypes" }), signal, name: "thing-types", caption: t("groups.types"),
        empty: { icon: "things", title: t("groups.types.none"), text: t("groups.types.none.text") },
    });
    replace(root,
        header(t("groups.types"), { text: t("groups.types.lead"), actions: can("iot:CreateThingType") ? button(t("groups.type.create"), async () => (await createType()) && grid.reload(), { kind: "primary", icon: "plus", "data-test": "type-create" }) : null }),
        subnav(can, "types"), grid, cli(vouch("type", "list")));
}

/* ---- one ---- */

function thingsCard(name, can) {
    const member = (thingName) => ({ thingGroupName: name, thingName });
    const leave = (thingName) => act({
        title: t("things.group.remove.title", { name }), text: thingName, action: t("kit.remove"), danger: true, test: "group-thing-remove-confirm",
        cli: vouch("thing-group", "remove", name, thingName), run: () => call("PUT", "/thing-groups/removeThingFromThingGroup", { body: member(thingName) }), done: t("kit.done"),
    });
    const add = () => act({
        title: t("groups.add.title", { name }), action: t("kit.add"), test: "group-thing-add-confirm",
        fields: [field({ name: "thing", label: t("kit.thing"), required: true, "data-test": "group-thing-name" })],
        cli: ({ thing }) => vouch("thing-group", "add", name, thing || "THING"), run: ({ thing }) => call("PUT", "/thing-groups/addThingToThingGroup", { body: member(thing) }), done: t("kit.done"),
    });
    const grid = table({
        columns: [
            { title: t("kit.thing"), value: (thing) => h("a", { href: href("things", thing) }, thing), text: (thing) => thing },
            { title: "", class: "end", value: (thing) => (can("iot:RemoveThingFromThingGroup") ? small(t("kit.remove"), async () => (await leave(thing)) && grid.reload(), { "data-test": "group-thing-remove" }) : null) },
        ],
        load: pager(path(name, "things"), { list: "things" }), name: `group-${name}-things`, caption: t("kit.things"),
        empty: { icon: "things", title: t("groups.things.none"), text: t("groups.things.none.text") },
    });
    return section(t("kit.things"), can("iot:AddThingToThingGroup") ? small(t("kit.add"), async () => (await add()) && grid.reload(), { "data-test": "group-thing-add" }) : null, grid, cli(vouch("thing-group", "things", name)));
}

async function policiesCard(group, can, again) {
    if (!can("iot:ListAttachedPolicies")) return null;
    const arn = group.thingGroupArn;
    const { policies } = await call("POST", `/attached-policies/${enc(arn)}`);
    const attach = () => act({
        title: t("groups.policy.title"), text: t("groups.policy.text"), action: t("kit.attach"), test: "group-policy-attach-confirm",
        fields: nameField("policy", { name: "policyName", label: t("kit.policy"), required: true, "data-test": "group-policy-name" }),
        cli: ({ policyName }) => vouch("policy", "attach", policyName || "POLICY", arn), run: ({ policyName }) => call("PUT", `/target-policies/${enc(policyName)}`, { body: { target: arn } }), done: t("kit.attached"),
    });
    const detach = (name) => act({
        title: t("policies.detach.title", { name }), text: t("policies.detach.text"), action: t("kit.detach"), danger: true, test: "group-policy-detach-confirm",
        cli: vouch("policy", "detach", name, arn), run: () => call("POST", `/target-policies/${enc(name)}`, { body: { target: arn } }), done: t("kit.detached"),
    });
    return section(t("kit.policies"), can("iot:AttachPolicy") ? small(t("kit.attach"), async () => (await attach()) && again(), { "data-test": "group-policy-attach" }) : null,
        policies.length ? h("ul", { class: "plain-list" }, policies.map((one) => h("li", { class: "row between" }, h("a", { href: href("policies", one.policyName) }, one.policyName),
            can("iot:DetachPolicy") ? small(t("kit.detach"), async () => (await detach(one.policyName)) && again(), { "data-test": "group-policy-detach" }) : null)))
            : h("p", { class: "muted" }, t("groups.policies.none")));
}

function editDialog(group) {
    const name = group.thingGroupName;
    return act({
        title: t("things.edit.title", { name }), action: t("ui.save"), test: "group-edit-confirm", fields: propertyFields(group.thingGroupProperties),
        cli: ({ description, attributes }) => vouch("thing-group", "update", name, "--description", description || "''", pairWordsOfText("--attribute", attributes)),
        run: ({ description, attributes }) => call("PATCH", path(name), { body: { thingGroupProperties: { thingGroupDescription: description, attributePayload: { attributes: pairsOf(attributes), merge: false } } } }),
        done: t("kit.saved"),
    });
}

const remove = (name) => act({
    title: t("groups.delete.title", { name }), text: t("groups.delete.text"), action: t("kit.delete"), danger: true, word: name, test: "group-delete-confirm",
    cli: vouch("thing-group", "delete", name), run: () => call("DELETE", path(name)), done: t("kit.deleted"),
});

async function show(root, name, signal) {
    if (!root.childElementCount) replace(root, loading());
    const [group, can] = await Promise.all([call("GET", path(name), { signal }), may()]);
    const again = () => show(root, name, signal);
    const about = group.thingGroupProperties ?? {};
    const parents = group.thingGroupMetadata?.rootToParentThingGroups ?? [];
    const policies = await policiesCard(group, can, again);
    replace(root,
        header(name, { back: { href: href("groups"), text: title }, text: about.thingGroupDescription, actions: [
            can("iot:UpdateThingGroup") ? button(t("kit.edit"), async () => (await editDialog(group)) && again(), { "data-test": "group-edit" }) : null,
            can("iot:DeleteThingGroup") ? button(t("kit.delete"), async () => (await remove(name)) && go("groups"), { kind: "danger", "data-test": "group-delete" }) : null,
        ].filter(Boolean) }),
        glance({
            [t("kit.arn")]: copyable(group.thingGroupArn),
            [t("groups.above")]: parents.length ? h("span", parents.map((one, i) => [i ? " › " : "", groupLink(one)])) : null,
            [t("kit.created")]: timeAgo(group.thingGroupMetadata?.creationDate),
            [t("kit.version")]: String(group.version),
            ...about.attributePayload?.attributes,
        }, vouch("thing-group", "get", name)),
        h("div", { class: "cards" }, policies, thingsCard(name, can)));
}

export function render(root, params, signal) {
    root.classList.add("page");
    if (params.name === "~types") return types(root, signal);
    return params.name ? show(root, params.name, signal) : list(root, signal);
}
