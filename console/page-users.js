// People and what they may do: users with keys, policies, groups, limits and sign-in. Groups, roles and shared policies
// are pages of their own behind a "~", which no user's name holds.
import { allowed, call, pager, rights, session } from "./api.js";
import { ask, browse, sure, tellOnce } from "./ask.js";
import { h, replace } from "./dom.js";
import { action, card, command, facts, heading, line } from "./parts.js";
import { attachedCard, inlineCard, limitsCard, membersOf, peopleNav } from "./people.js";
import { t } from "./texts.js";
import { download } from "./export.js";
import { table } from "./table.js";
import { badge, copyable, errorBox, hint, timeAgo, toast } from "./ui.js";

export const title = t("users.title");
const path = (name, rest = "") => `/_vouch/users/${encodeURIComponent(name)}${rest}`;

/* ---- all ---- */

// As `vouch user create --allow-claims` does it.
const allowClaims = ({ account, region }, template) => ({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "iot:CreateProvisioningClaim", Resource: [`arn:aws:iot:${region}:${account}:provisioningtemplate/${template}`] }],
});

async function create() {
    return ask({
        title: t("users.new"),
        text: t("users.new.text"),
        action: t("users.new.go"),
        test: "user-create",
        fields: [
            { name: "userName", label: t("users.name"), required: true, maxlength: 64, autocomplete: "off", hint: t("users.name.hint") },
            { name: "template", label: t("users.claims.for"), hint: t("users.claims.for.hint") },
        ],
        cli: (values) => command("user", "create", values.userName || "NAME", ...(values.template ? ["--allow-claims", values.template] : [])),
        run: async ({ userName, template }) => {
            const user = await call("POST", path(userName));
            if (template)
                await call("PUT", path(userName, "/policies/AllowClaims"), {
                    body: { policyDocument: JSON.stringify(allowClaims(await session(), template)) },
                });
            return user;
        },
    });
}

async function list(root, signal) {
    const found = await rights();
    const go = async () => {
        const user = await create();
        if (user) location.hash = `#/users/${encodeURIComponent(user.userName)}`;
    };
    const browser = browse({
        columns: [
            { key: "userName", label: t("users.name") },
            { key: "userArn", label: t("users.arn"), cell: (row) => h("code", { class: "small" }, row.userArn), text: (row) => row.userArn },
            { key: "creationDate", label: t("users.made"), cell: (row) => timeAgo(row.creationDate) },
        ],
        load: pager("/_vouch/users", { list: "users" }),
        open: (row) => `users/${encodeURIComponent(row.userName)}`,
        name: "users",
        signal,
        filter: { label: t("users.filter"), test: "users-filter" },
        cli: command("user", "list"),
        empty: { title: t("users.none"), text: t("users.none.text"), icon: "users" },
    });
    const actions = allowed(found, "vouch:CreateUser") ? [action(t("users.new"), { kind: "primary", test: "user-new", onclick: go })] : [];
    replace(root, heading({ title, lead: t("users.lead"), actions }), peopleNav("users", found), browser.node);
}

/* ---- access keys ---- */

// The AWS CLI's own form, so that it can be kept without being typed.
const csvOf = (key) => `User Name,Access key ID,Secret access key\r\n${key.userName},${key.accessKeyId},${key.secretAccessKey}\r\n`;

async function newKey(name) {
    const key = await ask({
        title: t("users.key.new"),
        text: t("users.key.new.text"),
        action: t("users.key.new.go"),
        test: "user-key-create",
        cli: () => command("user", "create-key", name),
        run: () => call("POST", path(name, "/access-keys")),
    });
    if (!key) return false;
    await tellOnce({
        title: t("users.key.made"),
        text: t("users.key.once"),
        test: "user-key-noted",
        body: [
            facts([
                [t("users.key.id"), h("span", { "data-test": "user-key-id" }, copyable(key.accessKeyId))],
                [t("users.key.secret"), h("span", { "data-test": "user-key-secret" }, copyable(key.secretAccessKey))],
            ]),
            action(t("users.key.csv"), { test: "user-key-download", onclick: () => download(csvOf(key), `${key.userName}_accessKeys.csv`, "text/csv") }),
        ],
    });
    return true;
}

function keyChange(name, key, verb) {
    const status = { disable: "Inactive", enable: "Active" }[verb];
    const one = path(name, `/access-keys/${encodeURIComponent(key.accessKeyId)}`);
    return sure({
        title: t(`users.key.${verb}.title`),
        text: t(`users.key.${verb}.text`),
        action: t(`users.key.${verb}`),
        danger: verb !== "enable",
        test: `user-key-${verb}-confirm`,
        cli: command("user", `${verb}-key`, name, key.accessKeyId),
        run: () => (status ? call("PUT", one, { body: { status } }) : call("DELETE", one)),
    });
}

async function keysCard(name, found, again) {
    const { accessKeys } = await call("GET", path(name, "/access-keys"));
    const change = (key, verb) => async () => (await keyChange(name, key, verb)) && again();
    const buttons = (key) =>
        h(
            "div",
            { class: "row" },
            allowed(found, "vouch:UpdateAccessKey") &&
                action(t(key.status === "Active" ? "users.key.disable" : "users.key.enable"), {
                    kind: "quiet",
                    test: "user-key-toggle",
                    onclick: change(key, key.status === "Active" ? "disable" : "enable"),
                }),
            allowed(found, "vouch:DeleteAccessKey") &&
                action(t("users.key.delete"), { kind: "quiet", test: "user-key-delete", onclick: change(key, "delete") }),
        );
    const make =
        allowed(found, "vouch:CreateAccessKey") && action(t("users.key.new"), { test: "user-key-new", onclick: async () => (await newKey(name)) && again() });
    return card(
        t("users.keys"),
        { text: t("users.keys.text"), actions: [make], test: "user-keys" },
        accessKeys.length
            ? table({
                  caption: t("users.keys"),
                  rows: accessKeys,
                  columns: [
                      { title: t("users.key.id"), value: (key) => h("code", key.accessKeyId) },
                      { title: t("users.key.status"), value: (key) => badge(t(`users.key.status.${key.status}`), key.status === "Active" ? "good" : "") },
                      {
                          title: t("users.key.used"),
                          value: (key) => (key.lastUsedDate ? timeAgo(key.lastUsedDate) : h("span", { class: "muted" }, t("users.never"))),
                      },
                      { title: "", value: buttons },
                  ],
              })
            : hint(t("users.keys.none")),
        line(command("user", "keys", name)),
    );
}

/* ---- signing in ---- */

async function setPassword(name) {
    const made = await ask({
        title: t("users.password"),
        text: t("users.password.text"),
        action: t("users.password.go"),
        test: "user-password-set",
        fields: [{ name: "password", label: t("users.password.new"), type: "password", autocomplete: "new-password", hint: t("users.password.hint") }],
        cli: () => command("user", "password", name),
        run: ({ password }) => call("PUT", path(name, "/password"), { body: password ? { password } : {} }),
    });
    if (made?.password)
        await tellOnce({
            title: t("users.password.made"),
            text: t("users.password.once"),
            test: "user-password-noted",
            body: facts([[t("users.password.new"), h("span", { "data-test": "user-password-made" }, copyable(made.password))]]),
        });
    else if (made) toast(t("users.password.done"), "good");
    return made;
}

function signInActions(name, found, told, again) {
    const question = (verb, words, run) => async () => {
        const done = await sure({
            title: t(`users.${verb}.title`, { name }),
            text: t(`users.${verb}.text`),
            action: t(`users.${verb}`),
            danger: verb !== "unlock",
            test: `user-${verb}-confirm`,
            cli: command("user", words, name),
            run,
        });
        if (!done) return;
        toast(t(`users.${verb}.done`), "good");
        again();
    };
    return [
        allowed(found, "vouch:SetUserPassword") &&
            action(t("users.password"), { test: "user-password", onclick: async () => (await setPassword(name)) && again() }),
        told?.totp &&
            allowed(found, "vouch:RemoveUserTotp") &&
            action(t("users.totp"), { test: "user-totp", onclick: question("totp", "totp-remove", () => call("DELETE", path(name, "/totp"))) }),
        allowed(found, "vouch:UnlockUser") &&
            action(t("users.unlock"), { kind: "quiet", test: "user-unlock", onclick: question("unlock", "unlock", () => call("POST", path(name, "/unlock"))) }),
        told?.sessions.length > 0 &&
            allowed(found, "vouch:EndUserSessions") &&
            action(t("users.signout"), {
                kind: "danger",
                test: "user-signout",
                onclick: question("signout", "sign-out", () => call("DELETE", path(name, "/sessions"))),
            }),
    ];
}

function sessionsTable(sessions) {
    return table({
        caption: t("users.sessions"),
        rows: sessions,
        columns: [
            { title: t("users.session.from"), value: (one) => h("code", one.sourceIp) },
            { title: t("users.session.how"), value: (one) => t(`users.session.how.${one.how}`) },
            { title: t("users.session.since"), value: (one) => timeAgo(one.creationDate) },
            { title: t("users.session.used"), value: (one) => timeAgo(one.lastUsedDate) },
        ],
    });
}

async function signInCard(name, found, again) {
    const told = allowed(found, "vouch:ListUserSessions") ? await call("GET", path(name, "/sessions")) : null;
    return card(
        t("users.signin"),
        { actions: signInActions(name, found, told, again), test: "user-sign-in" },
        told &&
            facts([
                [t("users.password"), badge(told.passwordSet ? t("users.set") : t("users.unset"), told.passwordSet ? "good" : "")],
                [t("users.second"), badge(told.totp ? t("users.on") : t("users.off"), told.totp ? "good" : "")],
            ]),
        told && (told.sessions.length ? [h("h3", t("users.sessions")), sessionsTable(told.sessions)] : hint(t("users.sessions.none"))),
        line(command("user", "sessions", name)),
    );
}

/* ---- one ---- */

async function remove(name) {
    const done = await sure({
        title: t("users.delete.title", { name }),
        text: t("users.delete.text"),
        action: t("users.delete"),
        test: "user-delete-confirm",
        cli: command("user", "delete", name),
        run: () => call("DELETE", path(name)),
    });
    if (done) location.hash = "#/users";
}

// A card that may fail by itself, such as for want of one right.
const tried = (right, found, make) => (allowed(found, right) ? make().catch((error) => errorBox(error)) : null);

async function detail(root, name, signal) {
    const found = await rights();
    const again = () => detail(root, name, signal).catch((error) => signal.aborted || replace(root, errorBox(error)));
    const owner = { kind: "user", name, path: path(name) };
    const deleting = allowed(found, "vouch:DeleteUser")
        ? [action(t("users.delete"), { kind: "danger", test: "user-delete", onclick: () => remove(name) })]
        : [];
    const cards = await Promise.all([
        tried("vouch:ListAccessKeys", found, () => keysCard(name, found, again)),
        tried("vouch:ListUserPolicies", found, () => inlineCard(owner, found, again)),
        tried("vouch:ListAttachedUserPolicies", found, () => attachedCard(owner, found, again)),
        tried("vouch:ListGroupsForUser", found, () => membersOf(owner, found, again)),
        tried("vouch:GetClaimLimits", found, () => limitsCard(owner, found, again)),
        signInCard(name, found, again).catch((error) => errorBox(error)),
    ]);
    if (signal.aborted) return;
    replace(root, heading({ title: name, lead: t("users.one.lead"), back: ["users", title], actions: deleting }), h("div", { class: "stack wide-gap" }, cards));
}

export async function render(root, params, signal) {
    if (!params.name) return list(root, signal);
    if (!params.name.startsWith("~")) return detail(root, params.name, signal);
    const people = await import("./page-people.js");
    return people.render(root, params.path, signal);
}
