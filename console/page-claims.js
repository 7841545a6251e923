// Provisioning claims: who made which for what, what became of them; and those that wait for a second person.
import { made as links, sentence, short, tone, who } from "./activity.js";
import { allowed, call, pager, rights } from "./api.js";
import { browse, sure } from "./ask.js";
import { handOver, newClaim } from "./claim-new.js";
import { h, replace } from "./dom.js";
import { action, card, command, facts, heading, line, subnav, whenChanged } from "./parts.js";
import { t } from "./texts.js";
import { countdown } from "./countdown.js";
import { badge, errorBox, timeAgo, toast } from "./ui.js";

const TONES = { LIVE: "good", SPENT: "", EXPIRED: "", CANCELLED: "", PENDING: "accent", APPROVED: "good", DENIED: "bad", USED: "" };
export const title = t("claims.title");

const stateBadge = (state) => badge(t(`claims.state.${state}`), TONES[state] ?? "");
const lives = { LIVE: (claim) => countdown(claim.expiration, { label: t("claims.left") }), EXPIRED: (claim) => timeAgo(claim.expiration) };
const life = (claim) => (lives[claim.state] ?? (() => h("span", { class: "muted" }, "–")))(claim);

// What a claim is for, in a few words: its thing, else its parameters.
export function boundTo(bindings) {
    if (!bindings) return "";
    const parameters = Object.entries(bindings.parameters ?? {}).map(([name, value]) => `${name}=${value}`);
    return [bindings.thingName, ...parameters].filter(Boolean).join(", ");
}

function columns() {
    return [
        {
            key: "state",
            label: t("claims.state"),
            cell: (row) => [stateBadge(row.state), row.alarms.length ? badge(t("claims.alarm"), "bad") : null],
            text: (row) => row.state,
        },
        { key: "claimId", label: t("claims.claim"), cell: (row) => links.claim(row.claimId), text: (row) => row.claimId },
        { key: "templateName", label: t("claims.template") },
        {
            key: "boundTo",
            label: t("claims.for"),
            cell: (row) => boundTo(row.bindings) || h("span", { class: "muted" }, t("claims.for.any")),
            text: (row) => boundTo(row.bindings),
        },
        { key: "createdBy", label: t("claims.by"), cell: (row) => who(row.createdBy) },
        { key: "uses", label: t("claims.uses"), number: true, cell: (row) => `${row.uses} / ${row.maxUses}`, text: (row) => row.uses },
        { key: "expiration", label: t("claims.left"), cell: (row) => life(row) },
    ];
}

function tabsOf(current, waiting) {
    return subnav([
        ["claims", t("claims.title"), current === "claims"],
        ["claims/requests", waiting ? t("claims.requests.count", { count: waiting }) : t("claims.requests"), current === "requests"],
    ]);
}

async function create(root, signal, preset) {
    const result = await newClaim(preset);
    if (result) await handOver(root, result, signal, () => show(root, [], signal));
}

async function waitingCount(found) {
    if (!allowed(found, "vouch:ListClaimRequests")) return 0;
    const { requests } = await call("GET", "/_vouch/claim-requests", { query: { maxResults: 100 } });
    return requests.filter((one) => one.state === "PENDING").length;
}

const createButton = (root, signal) => action(t("claims.new"), { kind: "primary", test: "claim-new", onclick: () => create(root, signal) });

// Who may make claims and see none of them.
function onlyMaking(root, found, signal) {
    const names = (found.templates ?? []).filter((name) => name !== "*");
    replace(
        root,
        heading({ title, lead: t("claims.only.lead"), actions: [createButton(root, signal)] }),
        card(
            t("claims.only"),
            {},
            h("p", {}, t("claims.only.text")),
            h(
                "div",
                { class: "row" },
                names.map((name) => action(name, { test: `claim-for-${name}`, onclick: () => create(root, signal, { templateName: name }) })),
            ),
            line(command("claim", "create", "--template", names[0] ?? "NAME", "--out", "claim")),
        ),
    );
}

async function list(root, signal) {
    const found = await rights();
    const mayMake = allowed(found, "iot:CreateProvisioningClaim");
    if (!allowed(found, "vouch:ListClaims")) return onlyMaking(root, found, signal);
    const waiting = await waitingCount(found).catch(() => 0);
    const browser = browse({
        columns: columns(),
        load: pager("/_vouch/claims", { list: "claims" }),
        open: (row) => `claims/${row.claimId}`,
        name: "claims",
        signal,
        filter: { label: t("claims.filter"), test: "claims-filter" },
        choice: {
            label: t("claims.state"),
            test: "claims-state",
            key: "state",
            options: ["LIVE", "SPENT", "EXPIRED", "CANCELLED"].map((state) => [state, t(`claims.state.${state}`)]),
        },
        cli: command("claim", "list"),
        empty: { title: t("claims.none"), text: t("claims.none.text") },
    });
    replace(root, heading({ title, lead: t("claims.lead"), actions: mayMake ? [createButton(root, signal)] : [] }), tabsOf("claims", waiting), browser.node);
    whenChanged(signal, (row) => row.event.startsWith("claim-") || row.event === "thing-registered", browser.reload);
}

/* ---- one ---- */

async function historyOf(id, found) {
    if (!allowed(found, "vouch:ListLedger")) return null;
    const { entries } = await call("GET", "/_vouch/ledger", { query: { any: id, newestFirst: true, maxResults: 50 } });
    const rows = entries.map((row) =>
        h("li", { class: ["activity", tone(row)] }, h("span", {}, sentence(row)), h("a", { href: `#/ledger/${row.sequence}` }, timeAgo(row.time))),
    );
    return card(t("claims.history"), {}, rows.length ? h("ol", { class: "activities" }, rows) : h("p", { class: "muted" }, t("claims.history.none")));
}

function bindingsCard(bindings) {
    const parameters = Object.entries(bindings?.parameters ?? {}).map(([name, value]) => [h("code", {}, name), h("code", {}, value)]);
    const rows = [
        [t("claims.thing"), bindings?.thingName],
        ...parameters,
        [t("claims.source"), bindings?.source && h("code", {}, bindings.source)],
        [t("claims.key"), bindings?.key && h("code", { class: "id" }, bindings.key)],
        [t("claims.same.key"), bindings?.sameKey && t("claims.yes")],
    ];
    const bound = rows.some(([, value]) => value);
    return card(t("claims.bound"), {}, bound ? facts(rows) : h("p", { class: "muted" }, t("claims.bound.not")));
}

async function cancel(claim) {
    const done = await sure({
        title: t("claims.cancel.title"),
        text: t("claims.cancel.text"),
        action: t("claims.cancel"),
        test: "claim-cancel-confirm",
        cli: command("claim", "cancel", claim.claimId),
        run: () => call("DELETE", `/_vouch/claims/${claim.claimId}`),
    });
    if (done) toast(t("claims.cancelled"));
    return done;
}

async function detail(root, id, signal) {
    const found = await rights();
    const claim = await call("GET", `/_vouch/claims/${encodeURIComponent(id)}`, { signal });
    const again = () => detail(root, id, signal).catch((error) => signal.aborted || replace(root, errorBox(error)));
    const cancelButton = action(t("claims.cancel"), { kind: "danger", test: "claim-cancel", onclick: async () => (await cancel(claim)) && again() });
    replace(
        root,
        heading({
            title: `${t("claims.claim")} ${short(claim.claimId)}`,
            back: ["claims", title],
            badge: stateBadge(claim.state),
            actions: claim.state === "LIVE" && allowed(found, "vouch:CancelClaim") ? [cancelButton] : [],
        }),
        claim.alarms.length
            ? h(
                  "div",
                  { class: "note bad", role: "alert" },
                  h("b", {}, t("claims.alarm")),
                  " ",
                  claim.alarms.map((word) => t(`claims.alarm.${word}`)).join(" "),
              )
            : null,
        h(
            "div",
            { class: "cards" },
            card(
                t("claims.facts"),
                {},
                facts([
                    [t("claims.left"), life(claim)],
                    [t("claims.id"), h("code", { class: "id" }, claim.claimId)],
                    [t("claims.template"), links.template(claim.templateName)],
                    [t("claims.by"), who(claim.createdBy)],
                    [t("claims.made"), timeAgo(claim.creationDate)],
                    [t("claims.uses"), `${claim.uses} / ${claim.maxUses}`],
                    [t("claims.certificates"), String(claim.certificatesCreated)],
                    [t("claims.first.address"), claim.firstSourceIp && h("code", {}, claim.firstSourceIp)],
                    [t("claims.first.client"), claim.firstClientId && h("code", {}, claim.firstClientId)],
                ]),
                line(command("claim", "show", claim.claimId)),
            ),
            bindingsCard(claim.bindings),
        ),
        await historyOf(id, found).catch(errorBox),
    );
    if (claim.state === "LIVE") whenChanged(signal, (row) => row.claimId === id, again, Math.max(claim.expiration * 1000 - Date.now(), 0) + 500);
}

/* ---- a second person ---- */

async function decide(request, verb, after) {
    const done = await sure({
        title: t(`claims.${verb}.title`, { person: request.principal.split("/").pop() }),
        text: t(`claims.${verb}.text`, { template: request.templateName }),
        action: t(`claims.${verb}`),
        danger: verb === "deny",
        test: `claim-request-${verb}-confirm`,
        cli: command("claim", verb, request.requestId),
        run: () => call("POST", `/_vouch/claim-requests/${encodeURIComponent(request.requestId)}/${verb}`),
    });
    if (!done) return;
    toast(t(`claims.${verb}.done`));
    after();
}

async function requests(root, signal) {
    const found = await rights();
    const buttons = (row, reload) =>
        row.state !== "PENDING"
            ? null
            : h(
                  "div",
                  { class: "row" },
                  allowed(found, "vouch:ApproveClaimRequest")
                      ? action(t("claims.approve"), { test: "claim-request-approve", onclick: () => decide(row, "approve", reload) })
                      : null,
                  allowed(found, "vouch:DenyClaimRequest")
                      ? action(t("claims.deny"), { kind: "danger", test: "claim-request-deny", onclick: () => decide(row, "deny", reload) })
                      : null,
              );
    const browser = browse({
        columns: [
            { key: "state", label: t("claims.state"), cell: (row) => stateBadge(row.state), text: (row) => row.state },
            { key: "principal", label: t("claims.asks"), cell: (row) => who(row.principal) },
            { key: "templateName", label: t("claims.template"), cell: (row) => links.template(row.templateName) },
            { key: "boundTo", label: t("claims.for"), cell: (row) => boundTo(row.bindings), text: (row) => boundTo(row.bindings) },
            { key: "creationDate", label: t("claims.asked"), cell: (row) => timeAgo(row.creationDate) },
            { key: "decidedBy", label: t("claims.decided"), cell: (row) => (row.decidedBy ? who(row.decidedBy) : "") },
            { key: "do", label: "", cell: (row) => buttons(row, () => browser.reload()), text: null },
        ],
        load: pager("/_vouch/claim-requests", { list: "requests" }),
        name: "claim-requests",
        signal,
        cli: command("claim", "requests"),
        empty: { title: t("claims.requests.none"), text: t("claims.requests.none.text") },
    });
    replace(root, heading({ title, lead: t("claims.requests.lead") }), tabsOf("requests"), browser.node);
    whenChanged(signal, (row) => row.event.startsWith("claim-"), browser.reload);
}

function show(root, path, signal) {
    const [id] = path;
    if (id === "requests") return requests(root, signal);
    return id ? detail(root, id, signal) : list(root, signal);
}

export const render = (root, params, signal) => show(root, params.path, signal);
