// What pages of policies, templates, things and certificates share.
import { allowed, call, rights, session } from "./api.js";
import { h } from "./dom.js";
import { addTexts, t } from "./texts.js";
import texts from "./texts-1.js";
import { dialog, field, form } from "./forms.js";
import { badge, button, cli, facts, toast } from "./ui.js";

addTexts(texts);

export const enc = encodeURIComponent;
export const href = (...parts) => `#/${parts.map(enc).join("/")}`;
export const go = (...parts) => { location.hash = href(...parts); };

// Words of a command line; what is missing is left out.
export const vouch = (...words) => ["vouch", ...words.flat(2).filter((word) => word !== null && word !== undefined && word !== false && word !== "").map(String)];

export async function may() {
    const found = await rights();
    return (action) => allowed(found, action);
}

export const shortId = (id) => (id.length > 20 ? `${id.slice(0, 12)}…` : id);

/* ---- names and ARNs ---- */

// {type: "cert", name} of an ARN of this service; name alone is the whole text.
export function partsOf(arn) {
    const found = /^arn:[^:]*:[^:]*:[^:]*:[^:]*:([\w-]+)\/(.+)$/.exec(arn);
    return found ? { type: found[1], name: found[2] } : { type: "", name: arn };
}

// What people type for a target: an ARN, a certificate's id, or the name of a group.
export async function targetArn(text) {
    const word = text.trim();
    if (word.startsWith("arn:")) return word;
    const { account, region } = await session();
    return `arn:aws:iot:${region}:${account}:${/^[0-9a-f]{64}$/i.test(word) ? `cert/${word.toLowerCase()}` : `thinggroup/${word}`}`;
}

const places = { cert: "certificates", thing: "things", thinggroup: "groups", policy: "policies", provisioningtemplate: "templates" };

export function linkOf(arn) {
    const { type, name } = partsOf(arn);
    const place = places[type];
    return place ? h("a", { href: href(place, name), title: arn }, type === "cert" ? shortId(name) : name) : h("code", arn);
}

export const certificateLink = (id) => h("a", { href: href("certificates", id), title: id, class: "mono" }, shortId(id));

/* ---- words as colours ---- */

const STATUS = { ACTIVE: "good", PENDING_ACTIVATION: "accent", REVOKED: "bad", INACTIVE: "warn" };
export const statusBadge = (status) => badge(t(`certificate.status.${status}`), STATUS[status] ?? "");

/* ---- doing something ---- */

// Asks, does, and says so: {values, answer}, or null when the person thought better of it. What the server refuses stays in
// the dialog. `word` must be typed; `cli` may be a function of the values; `test` names the button that does it.
export function act({ title, text, action, danger, word, body, fields = [], cli: command, run, done, test, wide }) {
    return new Promise((resolve) => {
        const typed = word ? field({ name: "word", label: t("ui.type.to.confirm", { word }), autocomplete: "off", "data-test": `${test}-word` }) : null;
        const content = (close) => {
            const node = form({
                fields: [text ? h("p", text) : null, body ?? null, fields, typed],
                submit: action,
                kind: danger ? "danger" : "primary",
                cancel: () => close(null),
                cli: command && ((values) => (typeof command === "function" ? command(values) : command)),
                onSubmit: async (values) => {
                    if (word && values.word !== word) return typed.error(t("ui.type.to.confirm", { word }));
                    const answer = await run(values);
                    close({ values, answer });
                },
            });
            node.button.dataset.test = test;
            return node;
        };
        dialog({
            title, wide, body: content,
            onClose: (result) => {
                if (result && done) toast(typeof done === "function" ? done(result) : done);
                resolve(result ?? null);
            },
        });
    });
}

// A field for a name that exists: the first ones are offered while one types. As children of a form.
const OFFERED = { policy: ["/policies", "policies", "pageSize", "policyName", "iot:ListPolicies"], group: ["/thing-groups", "thingGroups", "maxResults", "groupName", "iot:ListThingGroups"], type: ["/thing-types", "thingTypes", "maxResults", "thingTypeName", "iot:ListThingTypes"] };
let lists = 0;

export function nameField(kind, attributes) {
    const [path, list, size, name, needs] = OFFERED[kind];
    const id = `names-${++lists}`;
    const choices = h("datalist", { id });
    const fill = async () => {
        if (!(await may())(needs)) return;
        const found = await call("GET", path, { query: { [size]: 250 } });
        choices.append(...found[list].map((row) => h("option", { value: row[name] })));
    };
    fill().catch(() => {}); // nothing is offered then; what is typed counts
    return [field({ ...attributes, list: id, autocomplete: "off" }), choices];
}

// "name=value" lines of a text field to an object; throws a sentence.
export function pairsOf(text) {
    const pairs = {};
    for (const line of text.split("\n").map((one) => one.trim()).filter(Boolean)) {
        const at = line.indexOf("=");
        if (at < 1) throw new Error(t("kit.pairs.bad", { line }));
        pairs[line.slice(0, at).trim()] = line.slice(at + 1).trim();
    }
    return pairs;
}

export const pairsText = (pairs) => Object.entries(pairs ?? {}).map(([name, value]) => `${name}=${value}`).join("\n");
export const pairWords = (flag, pairs) => Object.entries(pairs ?? {}).map(([name, value]) => [flag, `${name}=${value}`]);
// For command lines that are shown while one types.
export function pairWordsOfText(flag, text) {
    try {
        return pairWords(flag, pairsOf(text ?? ""));
    } catch {
        return [];
    }
}

export const chips = (pairs, max = Infinity) => {
    const all = Object.entries(pairs ?? {});
    const shown = all.slice(0, max).map(([name, value]) => h("span", { class: "chip", title: `${name} = ${value}` }, h("span", { class: "chip-name" }, name), h("span", value)));
    return all.length ? h("span", { class: "chips" }, shown, all.length > max ? h("span", { class: "chip" }, `+${all.length - max}`) : null) : h("span", { class: "muted" }, "–");
};

/* ---- small views ---- */

// What the ledger says of a name; most pages do not ask.
export const historyCard = async (name, can) => (await import("./kit-history.js")).historyCard(name, can);


export const noRight = (action) => h("p", { class: "muted" }, t("kit.no.right", { action }));
export const nothing = (text) => h("p", { class: "muted" }, text);
export const row = (...children) => h("div", { class: "row" }, children);
export const small = (text, onclick, attributes = {}) => button(text, onclick, { kind: "quiet", class: "button quiet small", ...attributes });
// What a thing is, in short: facts side by side and the command that shows it.
export const glance = (pairs, words) => h("section", { class: "card glance", "aria-label": t("kit.facts") }, facts(pairs), words ? cli(words) : null);
export const section = (title, buttons, ...children) => h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", title), buttons ? h("div", { class: "actions" }, buttons) : null), children);
