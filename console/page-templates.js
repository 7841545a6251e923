// Provisioning templates: list, editor, versions, dry run, settings, claims.
import { call, pager, session } from "./api.js";
import { h, replace } from "./dom.js";
import { diffView } from "./diff.js";
import { jsonEditor } from "./editor.js";
import { pretty } from "./json-at.js";
import { act, enc, glance, go, href, may, noRight, section, small, statusBadge, vouch } from "./kit.js";
import { t } from "./texts.js";
import { field, form } from "./forms.js";
import { download } from "./export.js";
import { table } from "./table.js";
import { tabs } from "./tabs.js";
import { badge, button, card, cli, copyable, errorBox, facts, header, linkButton, loading, timeAgo, toast } from "./ui.js";

export const title = t("templates.title");
export const nav = "templates";
export const needs = ["iot:ListProvisioningTemplates"];

const path = (name, ...rest) => ["/provisioning-templates", enc(name), ...rest.map(enc)].join("/");
const NAME = "[0-9A-Za-z_\\-]{1,36}";
export const stateBadge = (enabled) => badge(t(enabled ? "templates.enabled" : "templates.disabled"), enabled ? "good" : "warn");

const STARTER = JSON.stringify({
    Parameters: { ThingName: { Type: "String" }, "AWS::IoT::Certificate::Id": { Type: "String" } },
    Resources: {
        thing: { Type: "AWS::IoT::Thing", Properties: { ThingName: { Ref: "ThingName" } } },
        certificate: { Type: "AWS::IoT::Certificate", Properties: { CertificateId: { Ref: "AWS::IoT::Certificate::Id" }, Status: "ACTIVE" } },
        policy: { Type: "AWS::IoT::Policy", Properties: { PolicyName: "pubsub" } },
    },
}, null, 2);

const SERIAL = JSON.stringify({
    Parameters: { SerialNumber: { Type: "String" }, "AWS::IoT::Certificate::Id": { Type: "String" } },
    Resources: {
        thing: { Type: "AWS::IoT::Thing", Properties: { ThingName: { "Fn::Join": ["", ["device-", { Ref: "SerialNumber" }]] }, AttributePayload: { serialNumber: { Ref: "SerialNumber" } } } },
        certificate: { Type: "AWS::IoT::Certificate", Properties: { CertificateId: { Ref: "AWS::IoT::Certificate::Id" }, Status: "ACTIVE" } },
        policy: { Type: "AWS::IoT::Policy", Properties: { PolicyName: "pubsub" } },
    },
    DeviceConfiguration: {},
}, null, 2);

const starters = () => [
    { label: t("templates.start.name"), text: STARTER, test: "template-start-name" },
    { label: t("templates.start.serial"), text: SERIAL, test: "template-start-serial" },
];

/* ---- list ---- */

async function list(root, signal) {
    const can = await may();
    const create = () => can("iot:CreateProvisioningTemplate") ? linkButton(t("templates.create"), href("templates", "~new"), { kind: "primary", icon: "plus", "data-test": "template-create" }) : null;
    replace(root,
        header(title, { text: t("templates.lead"), actions: create() }),
        table({
            columns: [
                { title: t("templates.name"), value: (row) => h("a", { href: href("templates", row.templateName), "data-test": "template-link" }, row.templateName) },
                { title: t("templates.state"), value: (row) => stateBadge(row.enabled), text: (row) => (row.enabled ? "enabled" : "disabled") },
                { title: t("templates.type"), value: (row) => t(`templates.type.${row.type}`) },
                { title: t("templates.description"), value: (row) => row.description ?? "" },
                { title: t("kit.changed"), value: (row) => timeAgo(row.lastModifiedDate) },
            ],
            load: pager("/provisioning-templates", { list: "templates" }), signal, name: "templates", caption: title,
            onRow: (row) => go("templates", row.templateName),
            empty: { icon: "templates", title: t("templates.none"), text: t("templates.none.text"), action: create() },
        }),
        cli(vouch("template", "list")));
}

/* ---- create ---- */

// Hooks that are set up here, for a choice; any ARN may be typed when they may not be listed.
async function hookChoice(can, standing) {
    const hooks = can("vouch:ListHooks") ? (await call("GET", "/_vouch/hooks", { query: { maxResults: 250 } })).hooks : null;
    const common = { name: "hook", label: t("templates.hook"), hint: t("templates.hook.hint"), "data-test": "template-hook" };
    if (!hooks) return field({ ...common, value: standing ?? "", placeholder: "arn:aws:lambda:…" });
    const options = [["", t("templates.hook.none")], ...hooks.map((one) => [one.targetArn, `${one.hookName} (${one.kind})`])];
    if (standing && !hooks.some((one) => one.targetArn === standing)) options.push([standing, t("templates.hook.unknown", { arn: standing })]);
    return field({ ...common, type: "select", options, value: standing ?? "" });
}

async function create(root) {
    const [{ account }, can] = await Promise.all([session(), may()]);
    const editor = jsonEditor({ label: t("templates.body"), value: STARTER, kind: "template", starters: starters(), test: "template-body" });
    const node = form({
        fields: [
            field({ name: "templateName", label: t("templates.name"), required: true, pattern: NAME, hint: t("templates.name.hint"), autofocus: true, "data-test": "template-name" }),
            field({ name: "description", label: t("templates.description"), maxlength: 500, "data-test": "template-description" }),
            field({ name: "provisioningRoleArn", label: t("templates.role"), required: true, value: `arn:aws:iam::${account}:role/IoTFleetProvisioningRole`, hint: t("templates.role.hint"), "data-test": "template-role" }),
            field({ name: "type", label: t("templates.type"), type: "select", options: ["FLEET_PROVISIONING", "JITP"].map((type) => [type, t(`templates.type.${type}`)]), "data-test": "template-type" }),
            await hookChoice(can),
            field({ name: "enabled", label: t("templates.enable.now"), type: "checkbox", value: true, "data-test": "template-enabled" }),
            editor.node,
        ],
        submit: t("templates.create"),
        cancel: () => go("templates"),
        cli: ({ templateName, description, enabled, provisioningRoleArn }) => vouch("template", "put", templateName || "NAME", "template.json", description && ["--description", description],
            provisioningRoleArn.endsWith(":role/IoTFleetProvisioningRole") ? null : ["--role", provisioningRoleArn], enabled ? null : "--disabled"),
        onSubmit: async ({ templateName, description, provisioningRoleArn, type, hook, enabled }) => {
            await call("POST", "/provisioning-templates", { body: {
                templateName, templateBody: editor.value, provisioningRoleArn, type, enabled,
                ...(description ? { description } : {}),
                ...(hook ? { preProvisioningHook: { targetArn: hook } } : {}),
            } });
            toast(t("templates.created", { name: templateName }));
            go("templates", templateName);
        },
    });
    node.button.dataset.test = "template-save";
    replace(root, header(t("templates.create"), { back: { href: href("templates"), text: title } }), card(null, node));
}

/* ---- body ---- */

async function bodyTab(panel, { template, can, again }) {
    const name = template.templateName;
    const now = pretty(template.templateBody);
    const changes = h("div", { class: "stack" });
    const editor = jsonEditor({
        label: t("templates.body.of", { version: template.defaultVersionId }), value: now, kind: "template",
        hook: Boolean(template.preProvisioningHook), test: "template-body", starters: starters(), readonly: !can("iot:CreateProvisioningTemplateVersion"),
        onChange: (text) => replace(changes, text.trim() === now.trim() ? null : h("details", h("summary", t("kit.changes")), diffView(now, text))),
    });
    if (!can("iot:CreateProvisioningTemplateVersion")) return replace(panel, editor.node, cli(vouch("template", "get", name, "--body")));
    const node = form({
        fields: [editor.node, changes, field({ name: "setAsDefault", type: "checkbox", value: true, label: t("kit.version.default"), "data-test": "template-version-default" })],
        submit: t("kit.version.save"),
        extra: cli(vouch("template", "put", name, "template.json")),
        onSubmit: async ({ setAsDefault }) => {
            const made = await call("POST", path(name, "versions"), { query: { setAsDefault }, body: { templateBody: editor.value } });
            toast(t("kit.version.saved", { version: made.versionId }));
            await again();
        },
    });
    node.button.dataset.test = "template-version-save";
    replace(panel, node);
}

/* ---- versions ---- */

async function compare(panel, { template }, versionId) {
    const one = await call("GET", path(template.templateName, "versions", versionId));
    replace(panel,
        h("h3", t("kit.version.against", { version: versionId, standing: template.defaultVersionId })),
        diffView(pretty(template.templateBody), pretty(one.templateBody)),
        h("details", h("summary", t("kit.version.whole")), h("pre", { class: "code" }, pretty(one.templateBody))),
        cli(vouch("template", "diff", template.templateName, template.defaultVersionId, versionId)));
}

async function versionsTab(panel, state) {
    const { template, can, again } = state;
    const name = template.templateName;
    if (!can("iot:ListProvisioningTemplateVersions")) return replace(panel, noRight("iot:ListProvisioningTemplateVersions"));
    const below = h("div", { class: "stack", "aria-live": "polite" });
    const buttons = (row) => row.isDefaultVersion ? null : h("div", { class: "row" },
        small(t("kit.compare"), () => compare(below, state, row.versionId), { "data-test": `template-compare-${row.versionId}` }),
        can("iot:UpdateProvisioningTemplate") ? small(t("kit.version.stand"), () => act({
            title: t("kit.version.stand.title", { version: row.versionId }), text: t("templates.stand.text"), action: t("kit.version.stand"), test: "template-stand-confirm",
            cli: vouch("template", "set-default", name, row.versionId), run: () => call("PATCH", path(name), { body: { defaultVersionId: row.versionId } }), done: t("kit.done"),
        }).then((done) => done && again()), { "data-test": `template-stand-${row.versionId}` }) : null,
        can("iot:DeleteProvisioningTemplateVersion") ? small(t("kit.delete"), () => act({
            title: t("kit.version.delete.title", { version: row.versionId }), action: t("kit.delete"), danger: true, test: "template-version-delete-confirm",
            cli: vouch("template", "delete-version", name, row.versionId), run: () => call("DELETE", path(name, "versions", row.versionId)), done: t("kit.deleted"),
        }).then((done) => done && again()), { "data-test": `template-version-delete-${row.versionId}` }) : null);
    replace(panel,
        table({
            columns: [
                { title: t("kit.version"), value: (row) => h("span", t("kit.version.number", { version: row.versionId }), " ", row.isDefaultVersion ? badge(t("kit.version.standing"), "good") : null), text: (row) => row.versionId },
                { title: t("kit.created"), value: (row) => timeAgo(row.creationDate) },
                { title: "", value: buttons, class: "end" },
            ],
            load: pager(path(name, "versions"), { list: "versions" }), name: `template-${name}-versions`, caption: t("kit.versions"),
        }),
        h("p", { class: "muted small" }, t("kit.versions.five")), cli(vouch("template", "versions", name)), below);
}

/* ---- dry run ---- */

function parametersOf(body) {
    try {
        return Object.entries(JSON.parse(body).Parameters ?? {}).filter(([name]) => !name.startsWith("AWS::"));
    } catch {
        return [];
    }
}

// What is there now, of a thing that the registration would use again; null when it may not be seen.
async function thingNow(resource) {
    if (resource.type !== "AWS::IoT::Thing" || resource.action !== "use" || !resource.name) return null;
    return call("GET", `/things/${enc(resource.name)}`).catch(() => null);
}

const asLines = (attributes) => Object.entries(attributes ?? {}).map(([name, value]) => `${name}: ${value}`).sort().join("\n");

async function planned(resource) {
    const there = await thingNow(resource);
    const after = asLines({ ...there?.attributes, ...resource.attributes });
    return h("li", { class: "plan-item" },
        h("div", { class: "plan-head" }, resource.status ? statusBadge(resource.status) : badge(t(`templates.plan.${resource.action}`), resource.action === "create" ? "good" : "accent"), h("b", t(`templates.kind.${resource.type}`)),
            h("span", { class: resource.name ? "mono" : "muted" }, resource.name ?? t("templates.plan.its.own")), h("span", { class: "muted small" }, resource.logicalName)),
        facts({
            [t("things.type")]: resource.thingTypeName ?? null,
            [t("things.billing")]: resource.billingGroup ?? null,
            [t("things.groups")]: resource.thingGroups?.length ? resource.thingGroups.join(", ") : null,
        }),
        there || after ? h("div", h("p", { class: "muted small" }, t(there ? "templates.plan.attributes.change" : "templates.plan.attributes")), there ? diffView(asLines(there.attributes), after) : h("pre", { class: "code" }, after)) : null,
        resource.policyDocument ? h("details", h("summary", t("policies.document")), h("pre", { class: "code" }, pretty(resource.policyDocument))) : null);
}

async function planView(told) {
    const ok = told.outcome === "ok";
    const items = await Promise.all((told.resources ?? []).map(planned));
    const configuration = told.deviceConfiguration && Object.keys(told.deviceConfiguration).length ? told.deviceConfiguration : null;
    return h("div", { class: "plan stack", "data-test": "template-plan", dataset: { outcome: told.outcome } },
        h("p", { class: ["note", ok ? "" : "bad"], role: "status" }, ok ? t("templates.try.ok", { version: told.versionId }) : `${t("templates.try.refused")} ${told.message ?? ""} (${told.outcome}${told.field ? `, ${told.field}` : ""})`),
        told.hook ? h("p", { class: ["note", told.hook.allowed ? "" : "bad"] }, t(told.hook.allowed ? "templates.try.hook.yes" : "templates.try.hook.no", { ms: told.hook.durationMs }), told.hook.message ? ` ${told.hook.message}` : "",
            told.hook.parameterOverrides ? ` ${t("templates.try.hook.overrides")} ${JSON.stringify(told.hook.parameterOverrides)}` : "") : null,
        items.length ? h("ol", { class: "plan-list" }, items) : null,
        configuration ? h("div", h("h3", t("templates.try.configuration")), h("pre", { class: "code" }, JSON.stringify(configuration, null, 2))) : null);
}

async function tryTab(panel, { template, can, versions }) {
    const name = template.templateName;
    if (!can("vouch:TryTemplate")) return replace(panel, noRight("vouch:TryTemplate"));
    const parameters = parametersOf(template.templateBody);
    const result = h("div", { "aria-live": "polite" });
    const given = (values) => Object.fromEntries(parameters.map(([key]) => [key, values[`parameter-${key}`]]).filter(([, value]) => value));
    const node = form({
        fields: [
            parameters.map(([key, about]) => field({ name: `parameter-${key}`, label: key, placeholder: about.Default ?? "", required: about.Default === undefined, "data-test": `template-try-${key}` })),
            parameters.length ? null : h("p", { class: "muted" }, t("templates.try.no.parameters")),
            versions.length > 1 ? field({ name: "versionId", label: t("kit.version"), type: "select", value: String(template.defaultVersionId), options: versions.map((one) => [String(one.versionId), t("kit.version.number", { version: one.versionId })]) }) : null,
            template.preProvisioningHook ? field({ name: "askHook", type: "checkbox", value: true, label: t("templates.try.hook"), "data-test": "template-try-hook" }) : null,
        ],
        submit: t("templates.try"),
        cli: (values) => vouch("template", "try", name, Object.entries(given(values)).map(([key, value]) => ["--parameter", `${key}=${value}`]),
            values.versionId && Number(values.versionId) !== template.defaultVersionId ? ["--version-id", values.versionId] : null, values.askHook === false ? "--no-hook" : null),
        onSubmit: async (values) => {
            const told = await call("POST", `/_vouch/templates/${enc(name)}/try`, { body: {
                parameters: given(values), ...(values.versionId ? { versionId: Number(values.versionId) } : {}), ...(values.askHook === undefined ? {} : { askHook: values.askHook }),
            } });
            replace(result, await planView(told));
        },
    });
    node.button.dataset.test = "template-try";
    replace(panel, h("p", { class: "lead" }, t("templates.try.text")), node, result);
}

/* ---- settings ---- */

const MODES = ["default", "deny", "keep", "replace-after-connect", "replace-now"];

async function awsSettings({ template, can, again }) {
    const name = template.templateName;
    const standing = template.preProvisioningHook?.targetArn;
    const hook = await hookChoice(can, standing);
    const node = form({
        fields: [
            field({ name: "description", label: t("templates.description"), value: template.description ?? "", maxlength: 500, "data-test": "template-description" }),
            field({ name: "provisioningRoleArn", label: t("templates.role"), value: template.provisioningRoleArn, required: true, "data-test": "template-role" }),
            hook,
        ],
        submit: t("ui.save"),
        cli: (values) => ["aws", "iot", "update-provisioning-template", "--template-name", name, ...(values.description ? ["--description", values.description] : []),
            ...(values.hook ? ["--pre-provisioning-hook", `targetArn=${values.hook}`] : standing ? ["--remove-pre-provisioning-hook"] : [])],
        onSubmit: async (values) => {
            await call("PATCH", path(name), { body: {
                description: values.description, provisioningRoleArn: values.provisioningRoleArn,
                ...(values.hook ? { preProvisioningHook: { targetArn: values.hook } } : standing ? { removePreProvisioningHook: true } : {}),
            } });
            toast(t("kit.saved"));
            await again();
        },
    });
    node.button.dataset.test = "template-settings-save";
    return section(t("templates.settings"), null, can("iot:UpdateProvisioningTemplate") ? node : noRight("iot:UpdateProvisioningTemplate"));
}

async function ownSettings({ template, can, again }) {
    const name = template.templateName;
    const place = `/_vouch/templates/${enc(name)}/settings`;
    if (!can("vouch:GetTemplateSettings")) return null;
    const now = await call("GET", place);
    const explain = h("p", { class: "muted small", "aria-live": "polite" }, t(`templates.mode.${now.onActive}.text`));
    const mode = field({ name: "onActive", label: t("templates.mode"), type: "select", value: now.onActive, options: MODES.map((word) => [word, t(`templates.mode.${word}`)]), "data-test": "template-mode",
        oninput: () => { explain.textContent = t(`templates.mode.${mode.value}.text`); } });
    const node = form({
        fields: [
            mode, explain,
            field({ name: "rotation", type: "checkbox", value: now.rotation, label: t("templates.rotation"), "data-test": "template-rotation" }),
            field({ name: "rotationGraceSeconds", type: "number", min: 0, max: 31536000, value: now.rotationGraceSeconds, label: t("templates.grace"), hint: t("templates.grace.hint") }),
        ],
        submit: t("ui.save"),
        cli: ({ onActive, rotation, rotationGraceSeconds }) => vouch("template", "settings", name, "--on-active", onActive, "--rotation", String(rotation), "--rotation-grace", rotationGraceSeconds),
        onSubmit: async (values) => {
            await call("PUT", place, { body: { onActive: values.onActive, rotation: values.rotation, ...(values.rotationGraceSeconds === undefined ? {} : { rotationGraceSeconds: values.rotationGraceSeconds }) } });
            toast(t("kit.saved"));
            await again();
        },
    });
    node.button.dataset.test = "template-takeover-save";
    return section(t("templates.beyond"), null, h("p", { class: "muted" }, t("templates.beyond.text")), can("vouch:PutTemplateSettings") ? node : facts({ [t("templates.mode")]: t(`templates.mode.${now.onActive}`) }));
}

async function settingsTab(panel, state) {
    const parts = await Promise.all([awsSettings(state), ownSettings(state)]);
    replace(panel, parts);
}

/* ---- claims ---- */

// As the AWS command line prints it, for whoever follows the workshop to the letter.
async function downloadClaim(template) {
    const claim = await call("POST", path(template.templateName, "provisioning-claim"));
    download(`${JSON.stringify(claim, null, 4)}\n`, `claim-${template.templateName}.json`, "application/json");
    toast(t("templates.claim.downloaded"));
}

async function makeClaim(root, state, signal) {
    const { newClaim, handOver } = await import("./claim-new.js");
    const made = await newClaim({ templateName: state.template.templateName });
    if (made) await handOver(root, made, signal, state.again);
}

function claimsTab(panel, state, root, signal) {
    const { template, can } = state;
    const name = template.templateName;
    if (!can("iot:CreateProvisioningClaim")) return replace(panel, noRight("iot:CreateProvisioningClaim"));
    replace(panel,
        h("p", { class: "lead" }, t("templates.claim.text")),
        template.enabled ? null : h("p", { class: "note warn" }, t("templates.claim.disabled")),
        h("div", { class: "actions start" },
            button(t("templates.claim"), () => makeClaim(root, state, signal), { kind: "primary", icon: "claims", "data-test": "template-claim" }),
            button(t("templates.claim.download"), () => downloadClaim(template), { icon: "download", "data-test": "template-claim-download" })),
        cli(vouch("claim", "create", "--template", name, "--out", "claim")),
        cli(["aws", "iot", "create-provisioning-claim", "--template-name", name]));
}

/* ---- one ---- */

const TABS = { body: bodyTab, versions: versionsTab, try: tryTab, settings: settingsTab, claims: claimsTab };

function setEnabled({ template, again }, enabled) {
    const name = template.templateName;
    const word = enabled ? "enable" : "disable";
    return act({
        title: t(`templates.${word}.title`, { name }), text: t(`templates.${word}.text`), action: t(`templates.${word}`), danger: !enabled, test: `template-${word}-confirm`,
        cli: vouch("template", word, name), run: () => call("PATCH", path(name), { body: { enabled } }), done: t("kit.done"),
    }).then((done) => done && again());
}

const remove = ({ template }) => act({
    title: t("templates.delete.title", { name: template.templateName }), text: t("templates.delete.text"), action: t("kit.delete"), danger: true,
    word: template.templateName, test: "template-delete-confirm", cli: vouch("template", "delete", template.templateName),
    run: () => call("DELETE", path(template.templateName)), done: t("kit.deleted"),
});

function headActions(state) {
    const { template, can } = state;
    const word = template.enabled ? "disable" : "enable";
    return [
        can("iot:UpdateProvisioningTemplate") ? button(t(`templates.${word}`), () => setEnabled(state, !template.enabled), { kind: template.enabled ? "" : "primary", "data-test": `template-${word}` }) : null,
        can("iot:DeleteProvisioningTemplate") ? button(t("kit.delete"), async () => (await remove(state)) && go("templates"), { kind: "danger", "data-test": "template-delete" }) : null,
    ].filter(Boolean);
}

// kept.tab: of all drawings of a visit, so that one that was slow shows the tab that was chosen meanwhile.
async function show(root, name, kept, signal) {
    if (!root.childElementCount) replace(root, loading());
    const [template, can] = await Promise.all([call("GET", path(name), { signal }), may()]);
    const { versions } = can("iot:ListProvisioningTemplateVersions") ? await call("GET", path(name, "versions"), { signal }) : { versions: [] };
    const state = { template, versions, can, again: () => show(root, name, kept, signal) };
    const fill = (id) => (panel) => {
        kept.tab = id;
        const box = h("div", { class: "page" }, loading()); // its own, so that a slow tab does not overwrite a later one
        replace(panel, box);
        Promise.resolve(TABS[id](box, state, root, signal)).catch((error) => replace(box, errorBox(error)));
    };
    const head = header(name, { back: { href: href("templates"), text: title }, text: template.description, actions: headActions(state) });
    head.querySelector("h1").append(" ", stateBadge(template.enabled));
    replace(root, head,
        glance({
            [t("kit.arn")]: copyable(template.templateArn),
            [t("templates.type")]: t(`templates.type.${template.type}`),
            [t("templates.role")]: h("code", template.provisioningRoleArn),
            [t("templates.hook")]: template.preProvisioningHook ? h("code", template.preProvisioningHook.targetArn) : t("templates.hook.none"),
            [t("kit.version.standing")]: t("kit.version.number", { version: template.defaultVersionId }),
            [t("kit.changed")]: timeAgo(template.lastModifiedDate),
        }, vouch("template", "get", name)),
        tabs(Object.keys(TABS).map((id) => ({ id, title: t(`templates.tab.${id}`), render: fill(id) })), {
            selected: kept.tab, label: name, onSelect: (id) => history.replaceState(null, "", href("templates", name, id)),
        }));
}

export function render(root, params, signal) {
    root.classList.add("page");
    const [name, tab] = params.path;
    if (name === "~new") return create(root);
    return name ? show(root, name, { tab }, signal) : list(root, signal);
}
