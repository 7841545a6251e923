// What users, groups and roles have in common: their own policies, shared ones, limits, and who is in which group.
import { allowed, call, pages } from "./api.js";
import { ask, sure } from "./ask.js";
import { h } from "./dom.js";
import { jsonEditor } from "./editor.js";
import { action, card, command, facts, line, subnav } from "./parts.js";
import { t } from "./texts.js";
import { hint, timeAgo } from "./ui.js";

const ofKind = (kind, word) => `vouch:${word.replace("*", { user: "User", group: "Group", role: "Role" }[kind])}`;

export const peopleNav = (current, found) =>
    subnav([
        allowed(found, "vouch:ListUsers") && ["users", t("users.title"), current === "users"],
        allowed(found, "vouch:ListGroups") && ["users/~groups", t("people.groups"), current === "groups"],
        allowed(found, "vouch:ListRoles") && ["users/~roles", t("people.roles"), current === "roles"],
        allowed(found, "vouch:ListManagedPolicies") && ["users/~policies", t("people.policies"), current === "policies"],
        allowed(found, "vouch:ListClaimLimits") && ["users/~limits", t("people.limits"), current === "limits"],
    ]);

/* ---- documents ---- */

const policy = (...Statement) => JSON.stringify({ Version: "2012-10-17", Statement }, null, 2);

// What people most often mean, to begin with.
export const starters = () => [
    {
        label: t("people.start.claims"),
        test: "policy-start-claims",
        text: policy({ Effect: "Allow", Action: "iot:CreateProvisioningClaim", Resource: "arn:aws:iot:*:*:provisioningtemplate/NAME" }),
    },
    {
        label: t("people.start.pairing"),
        test: "policy-start-pairing",
        text: policy(
            { Effect: "Allow", Action: ["vouch:LookUpPairing", "vouch:GetPairing", "vouch:ApprovePairing", "vouch:DenyPairing"], Resource: "*" },
            { Effect: "Allow", Action: ["iot:CreateProvisioningClaim", "vouch:CreateClaim"], Resource: "arn:aws:iot:*:*:provisioningtemplate/NAME" },
        ),
    },
    {
        label: t("people.start.look"),
        test: "policy-start-look",
        text: policy({
            Effect: "Allow",
            Action: [
                "iot:List*",
                "iot:Describe*",
                "iot:Get*",
                "vouch:List*",
                "vouch:Get*",
                "vouch:Describe*",
                "vouch:Why",
                "vouch:Explain",
                "vouch:WatchEvents",
            ],
            Resource: "*",
        }),
    },
];

export const spread = (text) => {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
};

const documentView = (text) => h("details", { class: "document" }, h("summary", t("people.document")), h("pre", { tabindex: "0" }, spread(text)));

function putInline(owner, given) {
    return ask({
        title: given ? t("people.inline.change") : t("people.inline.new"),
        text: t("people.inline.text", { name: owner.name }),
        action: t("ui.save"),
        test: "policy-save",
        wide: true,
        fields: [
            { name: "policyName", label: t("people.policy.name"), required: true, value: given?.policyName, readonly: Boolean(given) },
            {
                name: "policyDocument",
                label: t("people.policy.document"),
                editor: jsonEditor,
                required: true,
                value: given ? spread(given.policyDocument) : "",
                starters: starters(),
            },
        ],
        cli: (values) => command(owner.kind, "put-policy", owner.name, values.policyName || "POLICY", "policy.json"),
        run: ({ policyName, policyDocument }) => call("PUT", `${owner.path}/policies/${encodeURIComponent(policyName)}`, { body: { policyDocument } }),
    });
}

export async function inlineCard(owner, found, again) {
    const { policies } = await call("GET", `${owner.path}/policies`);
    const may = allowed(found, ofKind(owner.kind, "Put*Policy"));
    const remove = async (one) => {
        const done = await sure({
            title: t("people.inline.remove.title", { policy: one.policyName }),
            text: t("people.inline.remove.text", { name: owner.name }),
            action: t("people.remove"),
            test: "policy-delete-confirm",
            cli: command(owner.kind, "delete-policy", owner.name, one.policyName),
            run: () => call("DELETE", `${owner.path}/policies/${encodeURIComponent(one.policyName)}`),
        });
        if (done) again();
    };
    const row = (one) =>
        h(
            "li",
            { class: "policy" },
            h(
                "div",
                { class: "card-head" },
                h("b", one.policyName),
                h(
                    "div",
                    { class: "row" },
                    may && action(t("people.change"), { kind: "quiet", test: "policy-change", onclick: async () => (await putInline(owner, one)) && again() }),
                    allowed(found, ofKind(owner.kind, "Delete*Policy")) &&
                        action(t("people.remove"), { kind: "quiet", test: "policy-delete", onclick: () => remove(one) }),
                ),
            ),
            documentView(one.policyDocument),
        );
    const make = may && action(t("people.inline.new"), { test: "policy-new", onclick: async () => (await putInline(owner, null)) && again() });
    return card(
        t("people.inline"),
        { actions: [make], text: t("people.inline.lead") },
        policies.length ? h("ul", { class: "plain" }, policies.map(row)) : hint(t("people.inline.none")),
        line(command(owner.kind, "policies", owner.name)),
    );
}

/* ---- shared policies ---- */

async function namesOf(address, list, name) {
    const names = [];
    for await (const rows of pages(address, { list, size: 250 })) names.push(...rows.map((row) => row[name]));
    return names;
}

export async function attachedCard(owner, found, again) {
    const { policies } = await call("GET", `${owner.path}/attached-policies`);
    const mayAttach = allowed(found, ofKind(owner.kind, "Attach*Policy"));
    const attach = async () => {
        const names = allowed(found, "vouch:ListManagedPolicies") ? await namesOf("/_vouch/policies", "policies", "policyName") : null;
        const others = names?.filter((name) => !policies.some((one) => one.policyName === name));
        const done = await ask({
            title: t("people.attach"),
            text: t("people.attach.text", { name: owner.name }),
            action: t("people.attach.go"),
            test: "policy-attach-go",
            fields: [
                {
                    name: "policyName",
                    label: t("people.policy.name"),
                    required: true,
                    ...(others ? { type: "select", options: [["", t("people.choose")], ...others.map((name) => [name, name])] } : {}),
                },
            ],
            cli: (values) => command(owner.kind, "attach", owner.name, values.policyName || "POLICY"),
            run: ({ policyName }) => call("PUT", `${owner.path}/attached-policies/${encodeURIComponent(policyName)}`),
        });
        if (done) again();
    };
    const detach = async (one) => {
        const done = await sure({
            title: t("people.detach.title", { policy: one.policyName }),
            text: t("people.detach.text", { name: owner.name }),
            action: t("people.detach"),
            test: "policy-detach-confirm",
            cli: command(owner.kind, "detach", owner.name, one.policyName),
            run: () => call("DELETE", `${owner.path}/attached-policies/${encodeURIComponent(one.policyName)}`),
        });
        if (done) again();
    };
    const rows = policies.map((one) =>
        h(
            "li",
            { class: "card-head" },
            h("a", { href: `#/users/~policies/${encodeURIComponent(one.policyName)}` }, one.policyName),
            allowed(found, ofKind(owner.kind, "Detach*Policy")) &&
                action(t("people.detach"), { kind: "quiet", test: "policy-detach", onclick: () => detach(one) }),
        ),
    );
    return card(
        t("people.shared"),
        { actions: [mayAttach && action(t("people.attach"), { test: "policy-attach", onclick: attach })], text: t("people.shared.lead") },
        rows.length ? h("ul", { class: "plain" }, rows) : hint(t("people.shared.none")),
        line(command(owner.kind, "attached", owner.name)),
    );
}

/* ---- groups of a user ---- */

export async function membersOf(owner, found, again) {
    const { groups } = await call("GET", `${owner.path}/groups`, { query: { maxResults: 250 } });
    const path = (group) => `/_vouch/groups/${encodeURIComponent(group)}/users/${encodeURIComponent(owner.name)}`;
    const join = async () => {
        const names = allowed(found, "vouch:ListGroups") ? await namesOf("/_vouch/groups", "groups", "groupName") : null;
        const others = names?.filter((name) => !groups.includes(name));
        const done = await ask({
            title: t("people.join"),
            action: t("people.join.go"),
            test: "user-join-go",
            fields: [
                {
                    name: "groupName",
                    label: t("people.group"),
                    required: true,
                    ...(others ? { type: "select", options: [["", t("people.choose")], ...others.map((name) => [name, name])] } : {}),
                },
            ],
            cli: (values) => command("group", "add", values.groupName || "GROUP", owner.name),
            run: ({ groupName }) => call("PUT", path(groupName)),
        });
        if (done) again();
    };
    const leave = async (group) => {
        const done = await sure({
            title: t("people.leave.title", { group }),
            text: t("people.leave.text", { name: owner.name }),
            action: t("people.leave"),
            test: "user-leave-confirm",
            cli: command("group", "remove", group, owner.name),
            run: () => call("DELETE", path(group)),
        });
        if (done) again();
    };
    const rows = groups.map((group) =>
        h(
            "li",
            { class: "card-head" },
            h("a", { href: `#/users/~groups/${encodeURIComponent(group)}` }, group),
            allowed(found, "vouch:RemoveUserFromGroup") && action(t("people.leave"), { kind: "quiet", test: "user-leave", onclick: () => leave(group) }),
        ),
    );
    return card(
        t("people.groups"),
        { actions: [allowed(found, "vouch:AddUserToGroup") && action(t("people.join"), { test: "user-join", onclick: join })] },
        rows.length ? h("ul", { class: "plain" }, rows) : hint(t("people.groups.none.user")),
        line(command("user", "groups", owner.name)),
    );
}

/* ---- limits ---- */

const numberOf = (value) => (value === "" || value === undefined ? undefined : Number(value));
const lines = (text) =>
    (text ?? "")
        .split("\n")
        .map((one) => one.trim())
        .filter(Boolean);

export function limitFacts(limits) {
    return facts([
        [t("limits.hour"), limits.claimsPerHour],
        [t("limits.day"), limits.claimsPerDay],
        [t("limits.approval"), limits.approvalAbove !== undefined && t("limits.approval.above", { count: limits.approvalAbove })],
        [t("limits.templates"), limits.templates.length > 0 && limits.templates.join(", ")],
        [t("limits.windows"), limits.windows.length > 0 && limits.windows.map((window) => h("div", window))],
        [t("limits.changed"), timeAgo(limits.lastModifiedDate)],
    ]);
}

function putLimits(owner, given) {
    const flag = (name, value) => (value !== undefined && value !== "" ? [name, String(value)] : []);
    return ask({
        title: t("limits.title"),
        text: t("limits.text"),
        action: t("ui.save"),
        test: "limits-save",
        fields: [
            { name: "claimsPerHour", label: t("limits.hour"), type: "number", min: 0, value: given?.claimsPerHour ?? "" },
            { name: "claimsPerDay", label: t("limits.day"), type: "number", min: 0, value: given?.claimsPerDay ?? "" },
            { name: "approvalAbove", label: t("limits.approval"), type: "number", min: 0, value: given?.approvalAbove ?? "", hint: t("limits.approval.hint") },
            { name: "templates", label: t("limits.templates"), type: "textarea", rows: 2, value: (given?.templates ?? []).join("\n"), hint: t("limits.lines") },
            {
                name: "windows",
                label: t("limits.windows"),
                type: "textarea",
                rows: 2,
                value: (given?.windows ?? []).join("\n"),
                hint: t("limits.windows.hint"),
                placeholder: "Mon-Fri 08:00-18:00",
            },
        ],
        cli: (values) =>
            command(
                "limits",
                "put",
                owner.kind,
                owner.name,
                ...flag("--per-hour", values.claimsPerHour),
                ...flag("--per-day", values.claimsPerDay),
                ...flag("--approval-above", values.approvalAbove),
                ...lines(values.templates).flatMap((name) => ["--template", name]),
                ...lines(values.windows).flatMap((window) => ["--window", window]),
            ),
        run: (values) => {
            const numbers = Object.fromEntries(
                ["claimsPerHour", "claimsPerDay", "approvalAbove"].map((name) => [name, numberOf(values[name])]).filter(([, value]) => value !== undefined),
            );
            return call("PUT", `/_vouch/claim-limits/${owner.kind}/${encodeURIComponent(owner.name)}`, {
                body: { ...numbers, templates: lines(values.templates), windows: lines(values.windows) },
            });
        },
    });
}

export async function limitsCard(owner, found, again) {
    const path = `/_vouch/claim-limits/${owner.kind}/${encodeURIComponent(owner.name)}`;
    const limits = await call("GET", path).catch((error) => {
        if (error.status === 404) return null;
        throw error;
    });
    const remove = async () => {
        const done = await sure({
            title: t("limits.remove.title", { name: owner.name }),
            text: t("limits.remove.text"),
            action: t("limits.remove"),
            test: "limits-delete-confirm",
            cli: command("limits", "delete", owner.kind, owner.name),
            run: () => call("DELETE", path),
        });
        if (done) again();
    };
    const buttons = [
        allowed(found, "vouch:PutClaimLimits") &&
            action(limits ? t("people.change") : t("limits.set"), { test: "limits-set", onclick: async () => (await putLimits(owner, limits)) && again() }),
        limits && allowed(found, "vouch:DeleteClaimLimits") && action(t("limits.remove"), { kind: "quiet", test: "limits-delete", onclick: remove }),
    ];
    return card(
        t("limits.title"),
        { actions: buttons, text: t("limits.lead") },
        limits ? limitFacts(limits) : hint(t("limits.none")),
        line(command("limits", "get", owner.kind, owner.name)),
    );
}
