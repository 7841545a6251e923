// The ledger: who did what, in a chain of hashes; verified, signed and exported here.
import { detailOf, eventName, sentence, tone, who } from "./activity.js";
import { allowed, call, pager, pages, rights, session } from "./api.js";
import { browse, sure } from "./ask.js";
import { h, replace } from "./dom.js";
import { listen } from "./live.js";
import { action, card, command, facts, heading, line, subnav } from "./parts.js";
import { t } from "./texts.js";
import { field } from "./forms.js";
import { download } from "./export.js";
import { exportAs, table } from "./table.js";
import { badge, button, cli, copyable, dateText, errorBox, hint, timeAgo, toast } from "./ui.js";

export const title = t("ledger.title");
const EVENTS = [
    "thing-registered",
    "provisioning-refused",
    "claim-created",
    "claim-cancelled",
    "claim-alarm",
    "certificate-created",
    "certificate-status",
    "pairing-approved",
    "pairing-denied",
    "signed-in",
    "sign-in-refused",
    "policy-created",
    "template-created",
    "user-created",
    "access-key-created",
];

/* ---- rows ---- */

const columns = [
    {
        title: t("ledger.row"),
        class: "number",
        value: (row) => h("a", { href: `#/ledger/${row.sequence}` }, String(row.sequence)),
        text: (row) => row.sequence,
    },
    { title: t("ledger.time"), value: (row) => timeAgo(row.time), text: (row) => new Date(row.time * 1000).toISOString() },
    { title: t("ledger.what"), value: (row) => h("span", { class: ["told", tone(row)] }, sentence(row)), text: (row) => row.event },
    {
        title: t("ledger.outcome"),
        value: (row) => (row.outcome === "ok" ? h("span", { class: "muted wide-only" }, "ok") : badge(row.outcome, tone(row) === "bad" ? "bad" : "")),
        text: (row) => row.outcome,
    },
    { title: t("ledger.from"), class: "wide-only", value: (row) => h("code", { class: "small nowrap" }, row.sourceIp ?? ""), text: (row) => row.sourceIp ?? "" },
];

// Not shown; exported all the same.
const exported = (row) => ({ ...row, time: new Date(row.time * 1000).toISOString() });

function words(query) {
    return command(
        "ledger",
        "list",
        ...(query.any ? [query.any] : []),
        ...(query.event ? ["--event", query.event] : []),
        ...(query.outcome ? ["--outcome", query.outcome] : []),
        "--newest",
    );
}

function filters(params, changed) {
    const any = field({
        name: "any",
        label: t("ledger.any"),
        hint: t("ledger.any.hint"),
        type: "search",
        value: params.query.get("any") ?? "",
        autocomplete: "off",
        "data-test": "ledger-any",
    });
    const event = field({
        name: "event",
        label: t("ledger.event"),
        type: "select",
        value: params.query.get("event") ?? "",
        options: [["", t("parts.all")], ...EVENTS.map((one) => [one, eventName(one)])],
        "data-test": "ledger-event",
    });
    const outcome = field({
        name: "outcome",
        label: t("ledger.outcome"),
        value: params.query.get("outcome") ?? "",
        placeholder: "ok",
        autocomplete: "off",
        "data-test": "ledger-outcome",
    });
    let timer;
    const soon = () => (clearTimeout(timer), (timer = setTimeout(changed, 300)));
    for (const one of [any, event, outcome]) one.input.addEventListener("input", soon);
    return {
        node: h("div", { class: "toolbar" }, any, event, outcome),
        query: () => ({ any: any.value.trim(), event: event.value, outcome: outcome.value.trim() }),
    };
}

// A page may hold no row and still name the next one: search on for a while.
async function found(query, at, signal) {
    const rows = [];
    let next = at;
    for (let i = 0; i < 20 && rows.length === 0; i++) {
        const page = await pager("/_vouch/ledger", { list: "entries", query: { ...query, newestFirst: true } })(next, signal);
        rows.push(...page.rows);
        next = page.next;
        if (!next) break;
    }
    return { rows, next };
}

async function list(root, params, signal) {
    const can = await rights();
    const bar = filters(params, () => {
        replace(commandLine, cli(words(bar.query())));
        grid.first();
        const query = new URLSearchParams(Object.entries(bar.query()).filter(([, value]) => value)).toString();
        history.replaceState(null, "", `#/ledger${query ? `?${query}` : ""}`);
    });
    const grid = table({
        columns,
        load: (at, stop) => found(bar.query(), at, stop),
        caption: title,
        signal,
        empty: { title: t("ledger.none"), text: t("ledger.none.text"), icon: "ledger" },
    });
    const commandLine = h("div", cli(words(bar.query())));
    const newer = h("div", { "aria-live": "polite" });
    const actions = [
        action(t("ledger.export"), { test: "ledger-export", busy: true, onclick: () => exportAll(can) }),
        allowed(can, "vouch:VerifyLedger") &&
            action(t("ledger.verify"), { kind: "primary", test: "ledger-verify", busy: true, onclick: () => verify(verdict) }),
    ];
    const verdict = h("div", { "aria-live": "polite" });
    const saved = exportAs(() => grid.rows.map(exported), "ledger");
    replace(
        root,
        heading({ title, lead: t("ledger.lead"), actions }),
        tabsOf("ledger", can),
        verdict,
        bar.node,
        newer,
        grid,
        h("div", { class: "table-foot" }, saved),
        commandLine,
    );
    let count = 0;
    listen(
        {
            onRow: () =>
                replace(
                    newer,
                    button(t("ledger.newer", { count: ++count }), () => (replace(newer), (count = 0), grid.first()), { kind: "quiet" }),
                ),
        },
        signal,
    );
}

const tabsOf = (current, can) =>
    subnav([
        ["ledger", t("ledger.rows"), current === "ledger"],
        allowed(can, "vouch:ListLedgerCheckpoints") && ["ledger/checkpoints", t("ledger.checkpoints"), current === "checkpoints"],
    ]);

/* ---- verifying, exporting ---- */

async function verify(verdict) {
    try {
        const told = await call("POST", "/_vouch/ledger/verify");
        replace(
            verdict,
            h(
                "div",
                { class: "note", "data-test": "ledger-verdict" },
                h("b", t("ledger.whole")),
                " ",
                t("ledger.whole.text", { entries: told.entries, checkpoints: told.checkpoints }),
            ),
            line(command("ledger", "verify")),
        );
    } catch (error) {
        replace(verdict, h("div", { class: "stack", "data-test": "ledger-verdict" }, errorBox(error)), line(command("ledger", "verify")));
    }
}

// The file that `vouch ledger export` writes and `vouch ledger verify-file` reads: a head, the rows, the checkpoints.
async function exportAll(can) {
    const { account } = await session();
    const parts = [`${JSON.stringify({ vouch: "ledger", format: 1, account })}\n`];
    const put = (kind, rows) => parts.push(rows.map((row) => `${JSON.stringify({ [kind]: row })}\n`).join(""));
    for await (const rows of pages("/_vouch/ledger", { list: "entries", size: 250 })) put("entry", rows);
    if (allowed(can, "vouch:ListLedgerCheckpoints"))
        for await (const rows of pages("/_vouch/ledger-checkpoints", { list: "checkpoints", size: 250 })) put("checkpoint", rows);
    download(new Blob(parts, { type: "application/x-ndjson" }), "ledger.jsonl");
    toast(t("ledger.exported"), "good");
}

/* ---- one row ---- */

async function detail(root, sequence, signal) {
    const row = await call("GET", `/_vouch/ledger/${encodeURIComponent(sequence)}`, { signal });
    const detail = Object.entries(detailOf(row)).map(([name, value]) => [name, h("code", {}, typeof value === "string" ? value : JSON.stringify(value))]);
    const near = (to, label) => h("a", { class: "button quiet", href: `#/ledger/${to}`, "data-test": `ledger-${label}` }, t(`ledger.${label}`));
    replace(
        root,
        heading({
            title: t("ledger.row.title", { sequence: row.sequence }),
            back: ["ledger", title],
            badge: badge(row.outcome, tone(row) === "bad" ? "bad" : "good"),
        }),
        h("p", { class: "lead-line" }, sentence(row)),
        h(
            "div",
            { class: "split" },
            card(
                t("ledger.facts"),
                {},
                facts([
                    [t("ledger.event"), h("code", {}, row.event)],
                    [t("ledger.time"), dateText(row.time)],
                    [t("ledger.who"), who(row.actor)],
                    [t("ledger.from"), row.sourceIp && h("code", {}, row.sourceIp)],
                    [t("ledger.client"), row.clientId && h("code", {}, row.clientId)],
                    [t("ledger.thing"), row.thingName && h("a", { href: `#/things/${encodeURIComponent(row.thingName)}` }, row.thingName)],
                    [t("ledger.template"), row.templateName && (row.templateVersion ? t("ledger.template.version", { name: row.templateName, version: row.templateVersion }) : row.templateName)],
                    [t("ledger.claim"), row.claimId && h("a", { href: `#/claims/${row.claimId}`, class: "mono" }, row.claimId)],
                    [t("ledger.certificate"), row.certificateId && h("a", { href: `#/certificates/${row.certificateId}`, class: "mono" }, row.certificateId)],
                ]),
            ),
            h(
                "div",
                { class: "stack" },
                detail.length ? card(t("ledger.detail"), {}, facts(detail)) : null,
                card(
                    t("ledger.chain"),
                    { text: t("ledger.chain.text") },
                    facts([
                        [t("ledger.hash"), copyable(row.hash)],
                        [t("ledger.previous.hash"), copyable(row.previousHash)],
                    ]),
                ),
            ),
        ),
        h("div", { class: "row" }, row.sequence > 1 ? near(row.sequence - 1, "older") : null, near(row.sequence + 1, "newer.one")),
        line(command("ledger", "show", String(row.sequence))),
    );
}

/* ---- checkpoints ---- */

async function checkpoints(root, signal) {
    const can = await rights();
    const prune = async (row) => {
        const done = await sure({
            title: t("ledger.prune.title", { sequence: row.sequence }),
            text: t("ledger.prune.text"),
            action: t("ledger.prune.go"),
            test: "ledger-prune-confirm",
            cli: command("ledger", "prune", String(row.sequence)),
            run: () => call("POST", "/_vouch/ledger/prune", { body: { until: row.sequence } }),
        });
        if (!done) return;
        toast(t("ledger.pruned", { count: done.removed }));
        browser.reload();
    };
    const browser = browse({
        columns: [
            {
                key: "sequence",
                label: t("ledger.up.to"),
                cell: (row) => h("a", { href: `#/ledger/${row.sequence}` }, String(row.sequence)),
                text: (row) => row.sequence,
            },
            { key: "time", label: t("ledger.signed"), cell: (row) => timeAgo(row.time) },
            { key: "hash", label: t("ledger.hash"), cell: (row) => copyable(row.hash, `${row.hash.slice(0, 16)}…`), text: (row) => row.hash },
            {
                key: "signature",
                label: t("ledger.signature"),
                cell: (row) => copyable(row.signature, `${row.signature.slice(0, 16)}…`),
                text: (row) => row.signature,
            },
            {
                key: "do",
                label: "",
                text: null,
                cell: (row) =>
                    allowed(can, "vouch:PruneLedger") ? action(t("ledger.prune"), { kind: "quiet", test: "ledger-prune", onclick: () => prune(row) }) : null,
            },
        ],
        load: pager("/_vouch/ledger-checkpoints", { list: "checkpoints" }),
        name: "checkpoints",
        signal,
        cli: command("ledger", "checkpoints"),
        empty: { title: t("ledger.checkpoints.none"), text: t("ledger.checkpoints.none.text"), icon: "ledger" },
    });
    const sign = async () => {
        const done = await sure({
            title: t("ledger.sign"),
            text: t("ledger.sign.text"),
            action: t("ledger.sign"),
            danger: false,
            test: "ledger-sign-confirm",
            cli: command("ledger", "checkpoint"),
            run: () => call("POST", "/_vouch/ledger/checkpoint"),
        });
        if (done) browser.reload();
    };
    const actions = allowed(can, "vouch:CheckpointLedger") ? [action(t("ledger.sign"), { kind: "primary", test: "ledger-sign", onclick: sign })] : [];
    replace(
        root,
        heading({ title, lead: t("ledger.checkpoints.lead"), actions }),
        tabsOf("checkpoints", can),
        browser.node,
        hint(t("ledger.verify.file")),
        line("vouch ledger verify-file ledger.jsonl ledger.pub.pem"),
    );
}

export function render(root, params, signal) {
    if (params.name === "checkpoints") return checkpoints(root, signal);
    return params.name ? detail(root, params.name, signal) : list(root, params, signal);
}
