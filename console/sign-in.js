// Signing in: name and password, then the code of an authenticator app when the user has one; or an organisation's own page.
import { h, replace } from "./dom.js";
import { localPath, open, session } from "./api.js";
import { addTexts, has, t } from "./texts.js";
import texts from "./texts-sign-in.js";
import { brand } from "./brand.js";
import { field, form } from "./forms.js";
import { linkButton } from "./ui.js";

addTexts(texts);

const query = new URLSearchParams(location.search);
const target = localPath(query.get("return"));
const place = h("div", { class: "stack" });

const done = () => location.replace(target);

function minutes(seconds) {
    const count = Math.max(1, Math.ceil((seconds ?? 60) / 60));
    return count === 1 ? t("signin.minute") : t("signin.minutes", { count });
}

function sentence(error, withCode) {
    if (error.status === 0) return t("signin.unreachable");
    if (error.reason === "sign-in-locked" || error.status === 429) return t("signin.locked", { minutes: minutes(error.retryAfter) });
    if (error.reason === "sign-in-refused" || error.status === 401) return t(withCode ? "signin.code.refused" : "signin.refused");
    return error.message;
}

async function signIn(body, withCode) {
    try {
        await open("POST", "/_vouch/session", { body });
    } catch (error) {
        if (error.reason === "totp-needed" && !withCode) return askCode(body);
        throw new Error(sentence(error, withCode));
    }
    return done();
}

function askCode(known) {
    const code = field({ name: "totpCode", label: t("signin.code"), inputmode: "numeric", autocomplete: "one-time-code", pattern: "[0-9 ]{6,8}", maxlength: 8, required: true, star: false, class: "code-input" });
    const step = form({
        fields: [code], submit: t("signin.go"), cancel: askPassword,
        onSubmit: ({ totpCode }) => signIn({ ...known, totpCode: totpCode.replaceAll(" ", "") }, true),
    });
    replace(place, h("p", { class: "muted" }, t("signin.code.text")), step);
    code.input.focus();
}

function askPassword() {
    const user = field({ name: "userName", label: t("signin.user"), autocomplete: "username", required: true, star: false, maxlength: 64 });
    const password = field({ name: "password", label: t("signin.password"), type: "password", autocomplete: "current-password", required: true, star: false });
    replace(place, form({ fields: [user, password], submit: t("signin.go"), onSubmit: (values) => signIn(values, false) }), other);
    user.input.focus();
}

// The organisation's page, when the server knows one.
const other = h("div", { class: "stack", hidden: true });
async function offerOrganisation() {
    const options = await open("GET", "/_vouch/signin-options").catch(() => ({}));
    if (!options.oidc) return;
    const text = t("signin.oidc", { label: options.oidcLabel || t("signin.oidc.label") });
    replace(other, h("div", { class: "or" }, t("signin.or")), linkButton(text, `/_vouch/oidc/start?return=${encodeURIComponent(target)}`, { kind: "big" }));
    other.hidden = false;
}

function build() {
    const [refusal] = /^[a-z]+(-[a-z]+){0,4}$/.exec(query.get("error") ?? "") ?? []; // a reason of the server; a link may hold any words
    replace(document.body, h("div", { class: "sheet sign-in" },
        h("header", brand("/")),
        h("main", h("div", { class: "card" }, h("div", h("h1", t("signin.title")), h("p", { class: "muted" }, t("signin.text"))),
            refusal ? h("div", { class: "note warn", role: "alert" }, t("signin.oidc.refused", { text: has(`signin.${refusal}`) ? t(`signin.${refusal}`) : refusal })) : null, place)),
        h("footer", t("signin.foot"))));
    askPassword();
    document.documentElement.dataset.ready = "sign-in";
    void offerOrganisation();
    // Who is signed in already goes on.
    session({ stay: true }).then(done, () => {});
}

build();
