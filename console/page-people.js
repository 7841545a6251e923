// Groups of users, roles, shared policies, and the limits of all of them.
import { allowed, call, pager, rights } from "./api.js";
import { ask, browse, sure } from "./ask.js";
import { h, replace } from "./dom.js";
import { jsonEditor } from "./editor.js";
import { action, card, command, facts, heading, line } from "./parts.js";
import { attachedCard, inlineCard, limitsCard, peopleNav, spread, starters } from "./people.js";
import { t } from "./texts.js";
import { errorBox, hint, timeAgo } from "./ui.js";

const enc = encodeURIComponent;
const tried = (right, found, make) => (allowed(found, right) ? make().catch((error) => errorBox(error)) : null);

// A page of one kind: {word, list, name, columns, create} as rows below.
async function listOf(kind, root, found, signal) {
    const go = async () => {
        const made = await kind.create();
        if (made) location.hash = `#/users/~${kind.word}/${enc(made)}`;
    };
    const browser = browse({
        columns: kind.columns,
        load: pager(kind.path, { list: kind.list }),
        open: (row) => `users/~${kind.word}/${enc(row[kind.key])}`,
        name: kind.word,
        signal,
        filter: { label: t("people.filter"), test: `${kind.word}-filter` },
        cli: kind.cli,
        empty: { title: t(`people.${kind.word}.none`), text: t(`people.${kind.word}.none.text`), icon: "users" },
    });
    const actions = allowed(found, kind.right) ? [action(t(`people.${kind.word}.new`), { kind: "primary", test: `${kind.word}-new`, onclick: go })] : [];
    replace(root, heading({ title: t(`people.${kind.word}`), lead: t(`people.${kind.word}.lead`), actions }), peopleNav(kind.word, found), browser.node);
}

async function removed(word, name, path, cli) {
    const done = await sure({
        title: t(`people.${word}.delete.title`, { name }),
        text: t(`people.${word}.delete.text`),
        action: t("people.delete"),
        test: `${word}-delete-confirm`,
        cli,
        run: () => call("DELETE", path),
    });
    if (done) location.hash = `#/users/~${word}`;
}

const deleteButton = (right, found, word, name, path, cli) =>
    allowed(found, right) ? [action(t("people.delete"), { kind: "danger", test: `${word}-delete`, onclick: () => removed(word, name, path, cli) })] : [];

/* ---- groups ---- */

const groups = {
    word: "groups",
    path: "/_vouch/groups",
    list: "groups",
    key: "groupName",
    right: "vouch:CreateGroup",
    cli: command("group", "list"),
    columns: [
        { key: "groupName", label: t("people.group") },
        { key: "groupArn", label: t("users.arn"), cell: (row) => h("code", { class: "small" }, row.groupArn), text: (row) => row.groupArn },
        { key: "creationDate", label: t("users.made"), cell: (row) => timeAgo(row.creationDate) },
    ],
    create: () =>
        ask({
            title: t("people.groups.new"),
            action: t("ui.save"),
            test: "groups-create",
            fields: [{ name: "groupName", label: t("people.group"), required: true }],
            cli: (values) => command("group", "create", values.groupName || "NAME"),
            run: async ({ groupName }) => (await call("POST", `/_vouch/groups/${enc(groupName)}`)).groupName,
        }),
};

function membersCard(name, users, found, again) {
    const path = (user) => `/_vouch/groups/${enc(name)}/users/${enc(user)}`;
    const add = async () => {
        const done = await ask({
            title: t("people.member.add"),
            action: t("people.member.add.go"),
            test: "member-add-go",
            fields: [{ name: "userName", label: t("users.name"), required: true }],
            cli: (values) => command("group", "add", name, values.userName || "USER"),
            run: ({ userName }) => call("PUT", path(userName)),
        });
        if (done) again();
    };
    const remove = async (user) => {
        const done = await sure({
            title: t("people.leave.title", { group: name }),
            text: t("people.leave.text", { name: user }),
            action: t("people.leave"),
            test: "member-remove-confirm",
            cli: command("group", "remove", name, user),
            run: () => call("DELETE", path(user)),
        });
        if (done) again();
    };
    const rows = users.map((user) =>
        h(
            "li",
            { class: "card-head" },
            h("a", { href: `#/users/${enc(user)}` }, user),
            allowed(found, "vouch:RemoveUserFromGroup") && action(t("people.leave"), { kind: "quiet", test: "member-remove", onclick: () => remove(user) }),
        ),
    );
    return card(
        t("people.members"),
        { actions: [allowed(found, "vouch:AddUserToGroup") && action(t("people.member.add"), { test: "member-add", onclick: add })] },
        rows.length ? h("ul", { class: "plain" }, rows) : hint(t("people.members.none")),
        line(command("group", "members", name)),
    );
}

async function group(root, name, found, signal) {
    const path = `/_vouch/groups/${enc(name)}`;
    const again = () => group(root, name, found, signal).catch((error) => signal.aborted || replace(root, errorBox(error)));
    const told = await call("GET", path, { query: { maxResults: 250 } });
    const owner = { kind: "group", name, path };
    const cards = await Promise.all([
        tried("vouch:ListGroupPolicies", found, () => inlineCard(owner, found, again)),
        tried("vouch:ListAttachedGroupPolicies", found, () => attachedCard(owner, found, again)),
        tried("vouch:GetClaimLimits", found, () => limitsCard(owner, found, again)),
    ]);
    replace(
        root,
        heading({
            title: name,
            lead: t("people.groups.one"),
            back: ["users/~groups", t("people.groups")],
            actions: deleteButton("vouch:DeleteGroup", found, "groups", name, path, command("group", "delete", name)),
        }),
        h("div", { class: "stack wide-gap" }, membersCard(name, told.users, found, again), cards),
    );
}

/* ---- roles ---- */

const trustStart = () =>
    JSON.stringify(
        { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { AWS: "arn:aws:iam::ACCOUNT:user/NAME" }, Action: "sts:AssumeRole" }] },
        null,
        2,
    );
const roleFields = (role) => [
    { name: "roleName", label: t("people.role"), required: true, value: role?.roleName, readonly: Boolean(role) },
    { name: "description", label: t("people.description"), value: role?.description },
    {
        name: "maxSessionDuration",
        label: t("people.role.longest"),
        type: "number",
        min: 3600,
        max: 43200,
        value: role?.maxSessionDuration ?? "",
        hint: t("people.role.longest.hint"),
    },
    {
        name: "assumeRolePolicyDocument",
        label: t("people.role.trust"),
        type: "textarea",
        code: true,
        rows: 10,
        required: true,
        value: role ? spread(role.assumeRolePolicyDocument) : trustStart(),
        hint: t("people.role.trust.hint"),
    },
];
const roleBody = ({ description, maxSessionDuration, assumeRolePolicyDocument }) => ({
    assumeRolePolicyDocument,
    ...(description ? { description } : {}),
    ...(maxSessionDuration ? { maxSessionDuration: Number(maxSessionDuration) } : {}),
});
const roleFlags = (values) => [
    ...(values.description ? ["--description", values.description] : []),
    ...(values.maxSessionDuration ? ["--max-session", String(values.maxSessionDuration)] : []),
];

const roles = {
    word: "roles",
    path: "/_vouch/roles",
    list: "roles",
    key: "roleName",
    right: "vouch:CreateRole",
    cli: command("role", "list"),
    columns: [
        { key: "roleName", label: t("people.role") },
        { key: "description", label: t("people.description") },
        { key: "roleArn", label: t("users.arn"), cell: (row) => h("code", { class: "small" }, row.roleArn), text: (row) => row.roleArn },
        { key: "creationDate", label: t("users.made"), cell: (row) => timeAgo(row.creationDate) },
    ],
    create: () =>
        ask({
            title: t("people.roles.new"),
            action: t("ui.save"),
            test: "roles-create",
            wide: true,
            fields: roleFields(null),
            cli: (values) => command("role", "create", values.roleName || "NAME", "trust.json", ...roleFlags(values)),
            run: async (values) => (await call("POST", `/_vouch/roles/${enc(values.roleName)}`, { body: roleBody(values) })).roleName,
        }),
};

async function role(root, name, found, signal) {
    const path = `/_vouch/roles/${enc(name)}`;
    const again = () => role(root, name, found, signal).catch((error) => signal.aborted || replace(root, errorBox(error)));
    const told = await call("GET", path);
    const owner = { kind: "role", name, path };
    const change = () =>
        ask({
            title: t("people.roles.change"),
            action: t("ui.save"),
            test: "roles-save",
            wide: true,
            fields: roleFields(told),
            cli: (values) => command("role", "update", name, "--trust", "trust.json", ...roleFlags(values)),
            run: (values) => call("PATCH", path, { body: roleBody(values) }),
        });
    const actions = [
        allowed(found, "vouch:UpdateRole") && action(t("people.change"), { test: "roles-change", onclick: async () => (await change()) && again() }),
        ...deleteButton("vouch:DeleteRole", found, "roles", name, path, command("role", "delete", name)),
    ];
    const about = card(
        t("people.roles.about"),
        {},
        facts([
            [t("users.arn"), h("code", {}, told.roleArn)],
            [t("people.description"), told.description],
            [t("people.role.longest"), t("people.seconds", { count: told.maxSessionDuration })],
            [t("users.made"), timeAgo(told.creationDate)],
        ]),
        h("h3", t("people.role.trust")),
        h("pre", { tabindex: "0" }, spread(told.assumeRolePolicyDocument)),
        line(command("role", "assume", name)),
    );
    const cards = await Promise.all([
        tried("vouch:ListRolePolicies", found, () => inlineCard(owner, found, again)),
        tried("vouch:ListAttachedRolePolicies", found, () => attachedCard(owner, found, again)),
        tried("vouch:GetClaimLimits", found, () => limitsCard(owner, found, again)),
    ]);
    replace(
        root,
        heading({ title: name, lead: t("people.roles.one"), back: ["users/~roles", t("people.roles")], actions }),
        h("div", { class: "stack wide-gap" }, about, cards),
    );
}

/* ---- shared policies ---- */

const put = (given) =>
    ask({
        title: given ? t("people.policies.change") : t("people.policies.new"),
        action: t("ui.save"),
        test: "policies-save",
        wide: true,
        fields: [
            { name: "policyName", label: t("people.policy.name"), required: true, value: given?.policyName, readonly: Boolean(given) },
            { name: "description", label: t("people.description"), value: given?.description },
            {
                name: "policyDocument",
                label: t("people.policy.document"),
                editor: jsonEditor,
                required: true,
                value: given ? spread(given.policyDocument) : "",
                starters: starters(),
            },
        ],
        cli: (values) =>
            command("iam-policy", "put", values.policyName || "NAME", "policy.json", ...(values.description ? ["--description", values.description] : [])),
        run: async ({ policyName, description, policyDocument }) => {
            await call("PUT", `/_vouch/policies/${enc(policyName)}`, { body: { policyDocument, ...(description ? { description } : {}) } });
            return policyName;
        },
    });

const policies = {
    word: "policies",
    path: "/_vouch/policies",
    list: "policies",
    key: "policyName",
    right: "vouch:PutManagedPolicy",
    cli: command("iam-policy", "list"),
    columns: [
        { key: "policyName", label: t("people.policy.name") },
        { key: "description", label: t("people.description") },
        { key: "lastModifiedDate", label: t("people.changed"), cell: (row) => timeAgo(row.lastModifiedDate) },
    ],
    create: () => put(null),
};

async function policy(root, name, found, signal) {
    const path = `/_vouch/policies/${enc(name)}`;
    const again = () => policy(root, name, found, signal).catch((error) => signal.aborted || replace(root, errorBox(error)));
    const told = await call("GET", path);
    const targets = allowed(found, "vouch:ListManagedPolicyTargets") ? (await call("GET", `${path}/targets`, { query: { maxResults: 250 } })).targets : null;
    const place = (target) => {
        const [kind, ...rest] = target.split("/");
        const to = rest.join("/");
        return h(
            "li",
            h("a", { href: `#/users/${kind === "user" ? "" : `~${kind}s/`}${enc(to)}` }, to),
            " ",
            h("span", { class: "muted" }, t(`people.kind.${kind}`)),
        );
    };
    const actions = [
        allowed(found, "vouch:PutManagedPolicy") && action(t("people.change"), { test: "policies-change", onclick: async () => (await put(told)) && again() }),
        ...deleteButton("vouch:DeleteManagedPolicy", found, "policies", name, path, command("iam-policy", "delete", name)),
    ];
    replace(
        root,
        heading({ title: name, lead: told.description, back: ["users/~policies", t("people.policies")], actions }),
        h(
            "div",
            { class: "split" },
            card(t("people.document"), {}, h("pre", { tabindex: "0" }, spread(told.policyDocument)), line(command("iam-policy", "get", name))),
            targets &&
                card(
                    t("people.has"),
                    {},
                    targets.length ? h("ul", { class: "plain" }, targets.map(place)) : hint(t("people.has.none")),
                    line(command("iam-policy", "targets", name)),
                ),
        ),
    );
}

/* ---- limits of all ---- */

async function limits(root, found, signal) {
    const open = (row) => `users/${row.ownerKind === "user" ? "" : `~${row.ownerKind}s/`}${enc(row.ownerName)}`;
    const browser = browse({
        columns: [
            { key: "ownerName", label: t("limits.whose"), cell: (row) => h("a", { href: `#/${open(row)}` }, row.ownerName), text: (row) => row.ownerName },
            { key: "ownerKind", label: t("limits.kind"), cell: (row) => t(`people.kind.${row.ownerKind}`), text: (row) => row.ownerKind },
            { key: "claimsPerHour", label: t("limits.hour"), number: true },
            { key: "claimsPerDay", label: t("limits.day"), number: true },
            { key: "approvalAbove", label: t("limits.approval"), number: true },
            { key: "templates", label: t("limits.templates"), cell: (row) => row.templates.join(", "), text: (row) => row.templates.join(" ") },
            { key: "windows", label: t("limits.windows"), cell: (row) => row.windows.join("; "), text: (row) => row.windows.join("; ") },
        ],
        load: pager("/_vouch/claim-limits", { list: "limits" }),
        open,
        name: "claim-limits",
        signal,
        cli: command("limits", "list"),
        empty: { title: t("limits.all.none"), text: t("limits.all.none.text"), icon: "users" },
    });
    replace(root, heading({ title: t("people.limits"), lead: t("limits.all.lead") }), peopleNav("limits", found), browser.node);
}

const lists = { groups, roles, policies };
const details = { groups: group, roles: role, policies: policy };

export async function render(root, [word, name], signal) {
    const found = await rights();
    const kind = word.slice(1);
    if (kind === "limits") return limits(root, found, signal);
    if (!lists[kind]) return replace(root, errorBox(t("app.nothing")));
    return name ? details[kind](root, name, found, signal) : listOf(lists[kind], root, found, signal);
}
