// The first page: what waits for somebody, how the fleet and the server are, and what just happened.
import { connectionSentence, sentence, tone } from "./activity.js";
import { allowed, call, rights, session } from "./api.js";
import { h, replace } from "./dom.js";
import { listen } from "./live.js";
import { card, heading, whenChanged } from "./parts.js";
import { many, t } from "./texts.js";
import { chart, watch } from "./metrics.js";
import { badge, dateOf, empty, icon, linkButton, timeAgo } from "./ui.js";

export const title = t("overview.title");
const EVERY_S = 3;
const SHOWN = 8;
const WAITING_SEEN = 25; // the newest of each kind
const EXPIRING_DAYS = "30";
const SOON_S = 30 * 86400;

/* ---- numbers ---- */

const whole = new Intl.NumberFormat("en");
const small = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
export const rate = (value) => (value >= 100 ? whole.format(Math.round(value)) : small.format(value));

const counted = (key, count) => many(key, count, { count: whole.format(count) });

export function bytes(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) ((value /= 1024), unit++);
    return `${small.format(value)} ${units[unit]}`;
}

export function duration(seconds) {
    if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
    return seconds < 1 ? `${small.format(seconds * 1000)} ms` : `${small.format(seconds)} s`;
}

const last = (values) => (values.length ? values[values.length - 1] : 0);
const sumOf = (a, b) => a.map((value, i) => value + (b[i] ?? 0));

// [key, what stands large, what stands small, the line, options] of each tile.
const TILES = [
    [
        "devices",
        (m) => whole.format(m.now("vouch_mqtt_sessions")),
        (m) => counted("overview.devices.away", m.now("vouch_mqtt_sessions_away")),
        (m) => m.gauge("vouch_mqtt_sessions"),
    ],
    [
        "registered",
        (m) => whole.format(m.now("vouch_provisioning_accepted_total")),
        (m) => tookText(m, "vouch_provisioning_seconds"),
        (m) => m.rates("vouch_provisioning_accepted_total"),
    ],
    [
        "messages",
        (m) => t("overview.each.second", { rate: rate(last(m.rates("vouch_mqtt_messages_in_total")) + last(m.rates("vouch_mqtt_messages_out_total"))) }),
        (m) => counted("overview.messages.queued", m.now("vouch_mqtt_messages_queued")),
        (m) => sumOf(m.rates("vouch_mqtt_messages_in_total"), m.rates("vouch_mqtt_messages_out_total")),
    ],
    ["refused", (m) => whole.format(m.now("vouch_refused_total")), (m) => topReason(m), (m) => m.rates("vouch_refused_total"), { kind: "bad", href: "why" }],
    [
        "requests",
        (m) => t("overview.each.second", { rate: rate(last(m.rates("vouch_http_requests_total"))) }),
        (m) => t("overview.requests.failed", { count: whole.format(m.now("vouch_http_failed_total")) }),
        (m) => m.rates("vouch_http_requests_total"),
    ],
    [
        "processor",
        (m) => `${small.format(last(m.rates("vouch_cpu_seconds_total")) * 100)} %`,
        (m) => t("overview.processor.lag", { lag: duration(Math.max(0, ...(m.last.get("vouch_loop_lag_seconds") ?? []).map((row) => row.value))) }),
        (m) => m.rates("vouch_cpu_seconds_total"),
    ],
    [
        "memory",
        (m) => bytes(m.now("process_resident_memory_bytes")),
        (m) => t("overview.memory.of", { max: bytes(m.now("vouch_memory_max_bytes")) }),
        (m) => m.gauge("process_resident_memory_bytes"),
    ],
    [
        "writes",
        (m) => t("overview.each.second", { rate: rate(last(m.rates("vouch_store_plans_total"))) }),
        (m) =>
            t("overview.writes.batch", {
                count: small.format(m.now("vouch_store_commits_total") ? m.now("vouch_store_plans_total") / m.now("vouch_store_commits_total") : 0),
            }),
        (m) => m.rates("vouch_store_plans_total"),
    ],
];

function tookText(m, name) {
    const [p50, p99] = [0.5, 0.99].map((q) => m.quantile(name, q));
    return p50 === null ? t("overview.registered.none") : t("overview.registered.took", { p50: duration(p50), p99: duration(p99) });
}

function topReason(m) {
    const [top] = m.by("vouch_refused_total", "reason");
    return top ? t("overview.refused.most", { reason: top.label }) : t("overview.refused.none");
}

const METRICS = [
    "vouch_mqtt_sessions", "vouch_mqtt_sessions_away", "vouch_provisioning_accepted_total", "vouch_provisioning_seconds", "vouch_mqtt_messages_in_total",
    "vouch_mqtt_messages_out_total", "vouch_mqtt_messages_queued", "vouch_refused_total", "vouch_http_requests_total", "vouch_http_failed_total",
    "vouch_cpu_seconds_total", "vouch_loop_lag_seconds", "process_resident_memory_bytes", "vouch_memory_max_bytes", "vouch_memory_short",
    "vouch_store_plans_total", "vouch_store_commits_total", "vouch_certificates_expiring", "vouch_authority_expiry_timestamp_seconds",
];

// Tiles keep their place; only what they say changes.
function tile([key, large, below, line, options = {}]) {
    const number = h("p", { class: "tile-number" }, "–");
    const text = h("p", { class: "tile-text" });
    const picture = h("div", { class: "tile-chart" });
    const name = t(`overview.${key}`);
    const content = [h("h3", name), number, text, picture];
    const node = options.href
        ? h("a", { class: "tile", href: `#/${options.href}`, "data-test": `tile-${key}` }, content)
        : h("div", { class: "tile", "data-test": `tile-${key}` }, content);
    const update = (m) => {
        replace(number, large(m));
        replace(text, below(m));
        replace(picture, chart(line(m), { label: t("overview.chart", { name }), kind: options.kind }));
    };
    return { node, update };
}

/* ---- what waits ---- */

const waitingItem = ({ mark, kind, text, href, action, test }) =>
    h(
        "li",
        { class: ["waiting", kind], "data-test": test },
        h("span", { class: "waiting-mark" }, icon(mark)),
        h("span", { class: "grow" }, text),
        linkButton(action, `#/${href}`, { kind: "quiet" }),
    );

async function pairings(can) {
    if (!allowed(can, "vouch:ListPairings")) return [];
    const told = await call("GET", "/_vouch/pairings", { query: { maxResults: WAITING_SEEN } });
    return told.pairings
        .filter((one) => ["WAITING", "LOOKED_AT"].includes(one.state) && dateOf(one.expiration) > Date.now())
        .map((one) => ({
            mark: "pairings",
            kind: "accent",
            text: [h("b", one.serialNumber), ` ${one.model ?? ""} `, h("span", { class: "muted" }, t("overview.wait.pairing"))],
            href: `pairings/${encodeURIComponent(one.pairingId)}`,
            action: t("overview.look"),
            test: "waiting-pairing",
        }));
}

async function requests(can) {
    if (!allowed(can, "vouch:ListClaimRequests")) return [];
    const told = await call("GET", "/_vouch/claim-requests", { query: { maxResults: WAITING_SEEN } });
    return told.requests
        .filter((one) => one.state === "PENDING")
        .map((one) => ({
            mark: "claims",
            kind: "accent",
            text: [h("b", one.principal.split("/").pop()), ` ${t("overview.wait.request", { template: one.templateName })}`],
            href: "claims/requests",
            action: t("overview.decide"),
            test: "waiting-request",
        }));
}

async function alarms(can) {
    if (!allowed(can, "vouch:ListClaims")) return [];
    const told = await call("GET", "/_vouch/claims", { query: { maxResults: WAITING_SEEN } });
    return told.claims
        .filter((one) => one.alarms.length && one.state === "LIVE")
        .map((one) => ({
            mark: "warn",
            kind: "bad",
            text: t("overview.wait.alarm", { template: one.templateName }),
            href: `claims/${one.claimId}`,
            action: t("overview.look"),
            test: "waiting-alarm",
        }));
}

// What ends soon, from the metrics.
function ending(m) {
    const items = [];
    const certificates = m.now("vouch_certificates_expiring", { days: EXPIRING_DAYS });
    if (certificates > 0)
        items.push({
            mark: "certificates",
            kind: "warn",
            text: many("overview.wait.certificates", certificates, { days: EXPIRING_DAYS }),
            href: "certificates",
            action: t("overview.look"),
            test: "waiting-certificates",
        });
    for (const { labels, value } of m.last.get("vouch_authority_expiry_timestamp_seconds") ?? [])
        if (value > 0 && value - Date.now() / 1000 < SOON_S)
            items.push({
                mark: "certificates",
                kind: "bad",
                text: [t("overview.wait.authority", { authority: labels.authority }), " ", timeAgo(value)],
                href: "settings",
                action: t("overview.look"),
                test: "waiting-authority",
            });
    if (m.now("vouch_memory_short") > 0)
        items.push({ mark: "warn", kind: "bad", text: t("overview.wait.memory"), href: "settings", action: t("overview.look"), test: "waiting-memory" });
    return items;
}

function waitsCard(can, signal) {
    const body = h("div");
    const known = { asked: [], measured: [] };
    const draw = () => {
        const items = [...known.asked, ...known.measured];
        replace(
            body,
            items.length
                ? h("ul", { class: "plain waits" }, items.map(waitingItem))
                : h("p", { class: "all-well", "data-test": "nothing-waits" }, icon("check"), t("overview.wait.none")),
        );
    };
    const ask = async () => {
        const found = await Promise.all([alarms(can), pairings(can), requests(can)].map((one) => one.catch(() => [])));
        if (signal.aborted) return;
        known.asked = found.flat();
        draw();
    };
    draw();
    void ask();
    whenChanged(signal, (row) => /^(pairing|claim)-/.test(row.event), ask);
    const measured = (m) => {
        const items = ending(m);
        if (items.length === 0 && known.measured.length === 0) return;
        known.measured = items;
        draw();
    };
    return { node: card(t("overview.waits"), { test: "waits" }, body), measured };
}

/* ---- what just happened ---- */

function activityCard(can, signal) {
    const feed = h("ol", { class: "activities", "data-test": "overview-activity" });
    const state = h("span");
    const item = (content, at, kind) =>
        h("li", { class: ["activity", kind] }, h("span", { class: "activity-text" }, content), h("span", { class: "muted small nowrap" }, timeAgo(at)));
    const put = (node) => {
        feed.querySelector(".activity-none")?.remove();
        feed.prepend(node);
        while (feed.childElementCount > SHOWN) feed.lastElementChild.remove();
    };
    const first = async () => {
        if (!allowed(can, "vouch:ListLedger")) return;
        const { entries } = await call("GET", "/_vouch/ledger", { query: { newestFirst: true, maxResults: SHOWN }, signal });
        replace(
            feed,
            entries.map((row) => item(sentence(row), row.time, tone(row))),
        );
    };
    replace(feed, h("li", { class: "activity-none muted" }, t("overview.activity.none")));
    void first().catch(() => 0);
    if (allowed(can, "vouch:WatchEvents"))
        listen(
            {
                onRow: (row) => put(item(sentence(row), row.time, tone(row))),
                onConnection: (change) => put(item(connectionSentence(change), change.atMillis / 1000, change.connected ? "good" : "")),
                onState: (word) => replace(state, word === "open" ? badge(t("live.state.open"), "good") : null),
            },
            signal,
        );
    const more = allowed(can, "vouch:WatchEvents") ? [linkButton(t("overview.activity.all"), "#/live", { kind: "quiet" })] : [];
    return card(t("overview.activity"), { actions: [state, ...more] }, feed);
}

/* ---- the page ---- */

// Who may do little sees what that is.
function personal(can) {
    const doors = [
        allowed(can, "iot:CreateProvisioningClaim") && ["claims", t("overview.door.claims"), t("overview.door.claims.text"), "#/claims"],
        allowed(can, "vouch:ApprovePairing") && ["pairings", t("overview.door.vouch"), t("overview.door.vouch.text"), "/install"],
    ].filter(Boolean);
    if (!doors.length) return empty({ title: t("app.nowhere"), text: t("app.nowhere.text") });
    return h(
        "div",
        { class: "grid" },
        doors.map(([mark, name, text, href]) =>
            h("a", { class: "door", href, "data-test": `door-${mark}` }, icon(mark), h("h2", name), h("p", { class: "muted" }, text)),
        ),
    );
}

const watches = (can) => ["vouch:ListLedger", "vouch:WatchEvents", "iot:ListThings", "vouch:ListClaims"].some((action) => allowed(can, action));

export async function render(root, params, signal) {
    const [can, user] = await Promise.all([rights(), session()]);
    const head = heading({ title: t("overview.hello", { user: user.userName }), lead: t("overview.lead", { account: user.account, region: user.region }) });
    if (!watches(can)) return replace(root, head, personal(can));
    const tiles = TILES.map(tile);
    const waits = waitsCard(can, signal);
    const broken = h("p", { class: "muted small", role: "status" });
    replace(
        root,
        head,
        h(
            "div",
            { class: "stack" },
            waits.node,
            h(
                "div",
                { class: "tiles" },
                tiles.map((one) => one.node),
            ),
            broken,
            activityCard(can, signal),
        ),
    );
    watch(
        METRICS,
        EVERY_S,
        signal,
        (m) => {
            replace(broken);
            tiles.forEach((one) => one.update(m));
            waits.measured(m);
        },
        () => replace(broken, t("overview.metrics.failed")),
    );
}
