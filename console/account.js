// One's own account: session, password, second factor, colours; and the list of keys.
import { h, replace } from "./dom.js";
import { call, forget, session, sessionIs, signOut } from "./api.js";
import { addTexts, t } from "./texts.js";
import texts from "./texts-account.js";
import { setTheme, theme } from "./brand.js";
import { dialog, field, form } from "./forms.js";
import { badge, button, cli, copyable, errorBox, facts, icon, timeAgo, toast } from "./ui.js";
import { qr } from "./qr.js";

addTexts(texts);

/* ---- colours ---- */

function colours() {
    const choice = (word, shape) => h("button", { type: "button", "aria-pressed": String(theme() === word), dataset: { word }, onclick: (event) => {
        setTheme(word);
        for (const one of event.currentTarget.parentNode.children) one.setAttribute("aria-pressed", String(one.dataset.word === word));
    } }, icon(shape), t(`account.theme.${word}`));
    return h("div", { class: "stack tight" }, h("h3", t("app.theme")), h("div", { class: "choices", role: "group", "aria-label": t("app.theme") }, choice("auto", "auto"), choice("light", "sun"), choice("dark", "moon")));
}

/* ---- password ---- */

function changePassword(user, again) {
    const before = field({ name: "oldPassword", label: t("account.password.old"), type: "password", autocomplete: "current-password", required: true, star: false });
    const fresh = field({ name: "newPassword", label: t("account.password.new"), type: "password", autocomplete: "new-password", required: true, minlength: 10, star: false, hint: t("account.password.hint") });
    const twice = field({ name: "again", label: t("account.password.again"), type: "password", autocomplete: "new-password", required: true, star: false });
    return form({
        fields: [before, fresh, twice], submit: t("account.password.change"), cancel: again, cli: () => `vouch user password ${user.userName}`,
        onSubmit: async ({ oldPassword, newPassword, again: repeated }) => {
            if (newPassword !== repeated) return twice.error(t("account.password.differ"));
            sessionIs(await call("PUT", "/_vouch/session/password", { body: { oldPassword, newPassword } }));
            toast(t("account.password.done"), "good");
            return again();
        },
    });
}

/* ---- second factor ---- */

async function enrol(panel, again) {
    const { secret, uri } = await call("POST", "/_vouch/session/totp");
    const code = field({ name: "totpCode", label: t("account.totp.code"), inputmode: "numeric", autocomplete: "one-time-code", pattern: "[0-9 ]{6,8}", required: true, star: false, class: "code-input" });
    const picture = await qr(uri, t("account.totp.qr"), "M");
    replace(panel, h("p", t("account.totp.scan")), picture,
        h("div", h("p", { class: "small muted" }, t("account.totp.secret")), copyable(secret, secret.match(/.{1,4}/g).join(" "))),
        form({
            fields: [code], submit: t("account.totp.confirm"), cancel: again,
            onSubmit: async ({ totpCode }) => {
                await call("PUT", "/_vouch/session/totp", { body: { totpCode: totpCode.replaceAll(" ", "") } });
                toast(t("account.totp.done"), "good");
                again();
            },
        }));
    code.input.focus();
}

function removeTotp(user, again) {
    const password = field({ name: "password", label: t("account.password"), type: "password", autocomplete: "current-password", required: true, star: false });
    return [h("p", t("account.totp.remove.text")), form({
        fields: [password], submit: t("account.totp.remove"), kind: "danger", cancel: again, cli: () => `vouch user totp-remove ${user.userName}`,
        onSubmit: async (body) => {
            await call("DELETE", "/_vouch/session/totp", { body });
            toast(t("account.totp.removed"));
            again();
        },
    })];
}

/* ---- the dialog ---- */

function overview(panel, user, again) {
    const section = (title, state, text, ...buttons) => h("section", { class: "stack tight" }, h("div", { class: "row" }, h("h3", title), state, h("span", { class: "grow" }), buttons), text ? h("p", { class: "small muted" }, text) : null);
    const step = (...nodes) => { replace(panel, nodes); panel.querySelector("input")?.focus(); };
    replace(panel,
        facts({ [t("account.signed.in")]: h("div", h("strong", user.userName), h("br"), copyable(user.arn)), [t("account.until")]: user.expiration ? timeAgo(user.expiration) : null }),
        user.passwordSet === false ? null : section(t("account.password"), null, null, button(t("account.password.change"), () => step(changePassword(user, again)))),
        user.passwordSet === false ? null : section(t("account.totp"), user.totp ? badge(t("account.on"), "good") : badge(t("account.off")), t(user.totp ? "account.totp.on" : "account.totp.off"),
            user.totp ? button(t("account.totp.remove"), () => step(removeTotp(user, again))) : button(t("account.totp.enrol"), () => enrol(panel, again))),
        colours());
}

export async function open(known) {
    const panel = h("div", { class: "stack" });
    const again = async () => {
        try {
            forget();
            overview(panel, await session(), again);
        } catch (error) {
            replace(panel, errorBox(error, again));
        }
    };
    dialog({ title: t("account.title"), body: panel, buttons: () => [button(t("account.sign.out"), signOut, { "data-test": "sign-out" })] });
    overview(panel, known, again);
    await again();
}

export function shortcuts(routes) {
    const line = (keys, text) => [h("dt", keys.map((key) => [h("kbd", key), " "])), h("dd", text)];
    dialog({
        title: t("app.shortcuts"),
        body: h("div", { class: "stack" }, h("p", { class: "muted" }, t("app.shortcuts.text")), h("dl", { class: "keys" },
            line(["/"], t("app.shortcuts.search")), line(["?"], t("app.shortcuts.help")), line(["Esc"], t("app.shortcuts.escape")),
            routes.filter((one) => one.key).map((one) => line(["g", one.key], t(one.title)))), cli("vouch --help")),
    });
}
