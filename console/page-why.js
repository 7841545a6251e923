// Why something was refused, what would change that, and what a certificate may do.
import { made as links } from "./activity.js";
import { allowed, call, rights, session } from "./api.js";
import { questions } from "./ask.js";
import { h, replace } from "./dom.js";
import { card, command, facts, heading, subnav } from "./parts.js";
import { t } from "./texts.js";
import { field } from "./forms.js";
import { exportAs, table } from "./table.js";
import { badge, button, cli, empty, errorBox, linkButton, loading, shellWord, timeAgo } from "./ui.js";

export const title = t("why.title");
const ACTIONS = [
    "iot:Connect",
    "iot:Publish",
    "iot:RetainPublish",
    "iot:Subscribe",
    "iot:Receive",
    "iot:GetThingShadow",
    "iot:UpdateThingShadow",
    "iot:DeleteThingShadow",
];
const TYPES = ["CONNECT", "PUBLISH", "SUBSCRIBE", "RECEIVE"];

const nav = (current, can) =>
    subnav([
        allowed(can, "vouch:Why") && ["why", t("why.refusals"), current === "why"],
        allowed(can, "vouch:Explain") && ["why/explain", t("why.explain"), current === "explain"],
        allowed(can, "iot:TestAuthorization") && ["why/test", t("why.test"), current === "test"],
    ]);

/* ---- refusals ---- */

// The explanation of the very question, ready to be asked.
function explainLink(refusal) {
    if (!refusal.action || !refusal.certificateId) return null;
    const query = new URLSearchParams({ principal: refusal.certificateId, action: refusal.action });
    for (const [name, value] of [
        ["resource", refusal.resource],
        ["clientId", refusal.clientId],
        ["sourceIp", refusal.sourceIp],
    ])
        if (value) query.set(name, value);
    return linkButton(t("why.explain.this"), `#/why/explain?${query}`, { kind: "quiet", "data-test": "why-explain" });
}

function refusalCard(refusal, can) {
    const often = refusal.count > 1 ? badge(t("why.times", { count: refusal.count }), "warn") : null;
    return h(
        "article",
        { class: "card refusal", "data-test": "refusal" },
        h(
            "div",
            { class: "card-head" },
            h("h2", t(`why.what.${refusal.what}`), " ", h("code", { class: "reason" }, refusal.reason)),
            h("span", { class: "row" }, often, timeAgo(refusal.time)),
        ),
        h("p", refusal.message),
        h("p", { class: "note advice" }, h("b", t("why.do")), " ", refusal.suggestion),
        facts([
            [t("why.client"), refusal.clientId && h("code", refusal.clientId)],
            [t("why.certificate"), refusal.certificateId && links.certificate(refusal.certificateId)],
            [t("why.serial"), refusal.serial && h("code", refusal.serial)],
            [t("why.address"), refusal.sourceIp && h("code", refusal.sourceIp)],
            [t("why.action"), refusal.action && h("code", `${refusal.action} ${refusal.resource ?? ""}`)],
            [t("why.policy"), refusal.policyName && t("why.policy.statement", { policy: refusal.policyName, statement: refusal.statement ?? "–" })],
            [t("why.first"), refusal.count > 1 && timeAgo(refusal.firstTime)],
        ]),
        refusal.statementText ? h("pre", { tabindex: "0" }, refusal.statementText) : null,
        allowed(can, "vouch:Explain") ? h("div", { class: "row" }, explainLink(refusal)) : null,
    );
}

async function refusals(root, params, signal, can) {
    const search = field({
        name: "any",
        label: t("why.search"),
        type: "search",
        value: params.query.get("any") ?? "",
        autocomplete: "off",
        hint: t("why.search.hint"),
        "data-test": "why-search",
    });
    const out = h("div", { class: "stack", "aria-live": "polite", "data-test": "why-refusals" }, loading());
    const words = h("div");
    let turn = 0;
    let rows = [];
    const look = async () => {
        const mine = ++turn;
        const any = search.value.trim();
        replace(words, cli(command("why", ...(any ? [any] : []))));
        try {
            const told = await call("GET", "/_vouch/why", { query: { any, maxResults: 100 }, signal });
            if (mine !== turn) return;
            rows = told.refusals;
            replace(
                out,
                rows.length
                    ? rows.map((refusal) => refusalCard(refusal, can))
                    : empty({ title: any ? t("why.none.of", { any }) : t("why.none"), text: t("why.none.text"), icon: "check" }),
            );
        } catch (error) {
            if (mine === turn && error.name !== "AbortError") replace(out, errorBox(error, look));
        }
    };
    let timer;
    search.input.addEventListener("input", () => (clearTimeout(timer), (timer = setTimeout(look, 300))));
    replace(
        root,
        heading({ title, lead: t("why.lead"), actions: [button(t("why.again"), look, { kind: "quiet", "data-test": "why-again" })] }),
        nav("why", can),
        h("div", { class: "toolbar" }, search),
        out,
        h(
            "div",
            { class: "table-foot" },
            exportAs(() => rows, "refusals"),
        ),
        words,
    );
    await look();
}

/* ---- explain ---- */

function statementsTable(told) {
    return table({
        caption: t("why.statements"),
        rows: told.statements,
        empty: { title: t("why.statements.none"), text: t("why.statements.none.text"), icon: "policies" },
        columns: [
            {
                title: t("why.policy"),
                value: (row) => h("a", { href: `#/policies/${encodeURIComponent(row.policyName)}` }, `${row.policyName} · ${row.sid ?? row.statement}`),
            },
            { title: t("why.effect"), value: (row) => badge(row.effect, row.effect === "Allow" ? "good" : "bad") },
            { title: t("why.action"), value: (row) => match(row.action) },
            { title: t("why.resource"), value: (row) => match(row.resource) },
            { title: t("why.condition"), value: (row) => match(row.condition) },
            { title: t("why.applies"), value: (row) => (row.applies ? badge(t("why.yes"), "accent") : h("span", { class: "muted" }, t("why.no"))) },
            { title: t("why.text"), value: (row) => h("details", h("summary", t("why.show")), h("pre", { tabindex: "0" }, row.text)) },
        ],
    });
}

// What the engine says of one part of a statement: true or false, or a word.
function match(value) {
    if (typeof value !== "boolean") return value === undefined ? "" : String(value);
    return h("span", { class: value ? "" : "muted" }, t(value ? "why.matches" : "why.matches.not"));
}

function suggestionCard(told) {
    const hold = told.suggestion;
    if (!hold) return null;
    return card(
        t("why.change"),
        { tone: "accent", test: "explain-suggestion" },
        h("p", hold.sentence),
        hold.policyDocument ? h("pre", { tabindex: "0" }, pretty(hold.policyDocument)) : null,
        hold.policyName
            ? h("div", { class: "row" }, linkButton(t("why.open.policy", { policy: hold.policyName }), `#/policies/${encodeURIComponent(hold.policyName)}`))
            : null,
    );
}

function pretty(text) {
    try {
        return JSON.stringify(typeof text === "string" ? JSON.parse(text) : text, null, 2);
    } catch {
        return String(text);
    }
}

const isYes = (verdict) => /^allow/i.test(verdict);

function verdictView(told) {
    return [
        card(
            t("why.verdict"),
            { test: "explain-verdict" },
            h(
                "p",
                { class: "verdict" },
                badge(told.verdict, isYes(told.verdict) ? "good" : "bad"),
                " ",
                h("code", told.action),
                " ",
                h("code", told.resource ?? ""),
            ),
            facts([
                [t("why.principal"), h("code", { class: "small" }, told.principal)],
                [t("why.kind"), told.kind],
                [t("why.thing"), told.thingName && links.thing(told.thingName)],
                [t("why.connection"), told.connection],
                [t("why.gateway"), told.gateway],
                [
                    t("why.deciding"),
                    told.deciding && t("why.policy.statement", { policy: told.deciding.policyName, statement: told.deciding.sid ?? told.deciding.statement }),
                ],
            ]),
        ),
        suggestionCard(told),
        card(t("why.statements"), {}, statementsTable(told)),
        told.variables.length
            ? card(
                  t("why.variables"),
                  { text: t("why.variables.text") },
                  facts(told.variables.map((one) => [one.name, h("code", one.defined ? one.value : t("why.undefined"))])),
              )
            : null,
    ];
}

const explainWords = (values) =>
    command(
        "explain",
        values.principal || "CERTIFICATE",
        values.action || "ACTION",
        ...(values.resource ? [values.resource] : []),
        ...(values.clientId ? ["--client-id", values.clientId] : []),
        ...(values.sourceIp ? ["--source-ip", values.sourceIp] : []),
        ...(values.persistent ? ["--persistent"] : []),
        ...(values.willTopic ? ["--will-topic", values.willTopic] : []),
    );

// Ids and the ends of ARNs, as `vouch explain` takes them.
function arnOf({ account, region }, text, type = "") {
    const word = (text ?? "").trim();
    return !word || word.startsWith("arn:") ? word : `arn:aws:iot:${region}:${account}:${type}${word}`;
}

async function explain(root, params, signal, can) {
    const site = await session();
    const out = h("div", { class: "stack", "aria-live": "polite", "data-test": "explanation" });
    const given = (name) => params.query.get(name) ?? "";
    const asked = questions({
        test: "explain",
        submit: t("why.explain.go"),
        fields: [
            { name: "principal", label: t("why.principal"), required: true, value: given("principal"), hint: t("why.principal.hint") },
            {
                name: "action",
                label: t("why.action"),
                type: "select",
                value: given("action") || "iot:Connect",
                options: [...new Set([given("action"), ...ACTIONS])].filter(Boolean),
            },
            { name: "resource", label: t("why.resource"), value: given("resource"), hint: t("why.resource.hint"), placeholder: "topic/sensors/a" },
            { name: "clientId", label: t("why.client"), value: given("clientId") },
            { name: "sourceIp", label: t("why.address"), value: given("sourceIp") },
            { name: "willTopic", label: t("why.will"), value: "", show: (values) => values.action === "iot:Connect" },
            { name: "persistent", label: t("why.persistent"), type: "checkbox", show: (values) => values.action === "iot:Connect" },
        ],
        cli: explainWords,
        run: async (values) => {
            const query = {
                principal: arnOf(site, values.principal, "cert/"),
                action: values.action,
                resource: arnOf(site, values.resource),
                clientId: values.clientId,
                sourceIp: values.sourceIp,
                willTopic: values.willTopic,
                persistent: values.persistent ? true : undefined,
            };
            replace(out, verdictView(await call("GET", "/_vouch/explain", { query, signal })));
            out.scrollIntoView({ behavior: "smooth", block: "nearest" });
        },
    });
    replace(root, heading({ title, lead: t("why.explain.lead") }), nav("explain", can), card(t("why.question"), {}, asked), out);
    if (given("principal")) asked.requestSubmit();
}

/* ---- test ---- */

const list = (text) =>
    (text ?? "")
        .split("\n")
        .map((one) => one.trim())
        .filter(Boolean);
const names = (text) => (text ?? "").split(/[\s,]+/).filter(Boolean);

function resultView(result) {
    const named = (policies) => policies?.map((one) => one.policyName).join(", ");
    return card(
        t("why.test.result"),
        { test: "test-result" },
        h(
            "p",
            { class: "verdict" },
            badge(result.authDecision, result.authDecision === "ALLOWED" ? "good" : "bad"),
            " ",
            (result.authInfo?.resources ?? []).map((one) => h("code", one)),
        ),
        facts([
            [t("why.test.allowed.by"), named(result.allowed?.policies)],
            [t("why.test.denied.by"), named(result.denied?.explicitDeny?.policies)],
            [t("why.test.missing"), result.missingContextValues?.join(", ")],
        ]),
    );
}

// `vouch` has no command for it; the AWS CLI does.
function testWords(site, values) {
    const infos = `actionType=${values.actionType},resources=${
        list(values.resources)
            .map((one) => arnOf(site, one))
            .join(",") || "ARN"
    }`;
    const listed = (flag, text) => (names(text).length ? [flag, ...names(text)] : []);
    const words = [
        "--principal",
        arnOf(site, values.principal, "cert/") || "ARN",
        "--auth-infos",
        infos,
        ...(values.clientId ? ["--client-id", values.clientId] : []),
        ...listed("--policy-names-to-add", values.add),
        ...listed("--policy-names-to-skip", values.skip),
    ];
    return ["aws iot test-authorization", ...words.map(shellWord)].join(" ");
}

async function tryOut(root, signal, can) {
    const site = await session();
    const out = h("div", { class: "stack", "aria-live": "polite" });
    const asked = questions({
        test: "test-authorization",
        submit: t("why.test.go"),
        fields: [
            { name: "principal", label: t("why.principal"), required: true, hint: t("why.principal.hint") },
            { name: "actionType", label: t("why.action"), type: "select", options: TYPES, value: "PUBLISH" },
            {
                name: "resources",
                label: t("why.resources"),
                type: "textarea",
                rows: 3,
                required: true,
                hint: t("why.resources.hint"),
                placeholder: "topic/sensors/a",
            },
            { name: "clientId", label: t("why.client") },
            { name: "add", label: t("why.test.add"), hint: t("why.test.add.hint") },
            { name: "skip", label: t("why.test.skip"), hint: t("why.test.add.hint") },
        ],
        cli: (values) => testWords(site, values),
        run: async (values) => {
            const resources = list(values.resources).map((one) => arnOf(site, one));
            const body = {
                principal: arnOf(site, values.principal, "cert/"),
                authInfos: [{ actionType: values.actionType, resources }],
                policyNamesToAdd: names(values.add),
                policyNamesToSkip: names(values.skip),
            };
            const told = await call("POST", "/test-authorization", { query: { clientId: values.clientId }, body, signal });
            replace(out, told.authResults.map(resultView));
            out.scrollIntoView({ behavior: "smooth", block: "nearest" });
        },
    });
    replace(root, heading({ title, lead: t("why.test.lead") }), nav("test", can), card(t("why.question"), {}, asked), out);
}

export async function render(root, params, signal) {
    const can = await rights();
    const first = allowed(can, "vouch:Why") ? "" : allowed(can, "vouch:Explain") ? "explain" : "test";
    const view = params.name || first;
    if (view === "explain") return explain(root, params, signal, can);
    if (view === "test") return tryOut(root, signal, can);
    return refusals(root, params, signal, can);
}
