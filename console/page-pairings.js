// Devices that wait for somebody who vouches for them: found by the code that they show, looked at, approved or denied, and followed to the end.
import { made as links, short, who } from "./activity.js";
import { allowed, call, pager, rights } from "./api.js";
import { browse, questions, sure, toPairs } from "./ask.js";
import { parametersOf, templateNames } from "./claim-new.js";
import { h, replace } from "./dom.js";
import { judge, spelled, symbols } from "./pair-code.js";
import { action, card, command, facts, heading, line, whenChanged } from "./parts.js";
import { t } from "./texts.js";
import { countdown } from "./countdown.js";
import { field } from "./forms.js";
import { badge, errorBox, timeAgo, toast } from "./ui.js";

export const title = t("pairings.title");

const STEPS = ["code-shown", "looked-at", "approved", "claim-taken", "connected", "certificate-made", "registered", "done"];
const TONES = { WAITING: "accent", LOOKED_AT: "accent", DONE: "good", DENIED: "bad", FAILED: "bad", EXPIRED: "" };
const OPEN = new Set(["WAITING", "LOOKED_AT"]);
const OVER = new Set(["DONE", "DENIED", "FAILED", "EXPIRED"]);
const LOOK_MS = 1500;
const SOON_MS = 300; // while the device is on its way

const path = (id, rest = "") => `/_vouch/pairings/${encodeURIComponent(id)}${rest}`;
const stateBadge = (state) => badge(t(`pairings.state.${state}`), TONES[state] ?? "good");
const fingerprint = (hex) => h("code", { class: "key-print" }, hex.match(/.{1,4}/g)?.join(" ") ?? hex);

/* ---- the queue ---- */

function lookUpCard() {
    const node = field({
        name: "userCode",
        label: t("pairings.code"),
        class: "code-input",
        autocomplete: "off",
        autofocus: true,
        maxlength: 9,
        placeholder: "XXXX-XXXX",
        hint: t("pairings.code.hint"),
        "data-test": "pairing-code",
    });
    const problem = h("div", { "aria-live": "assertive" });
    const go = async (event) => {
        event?.preventDefault();
        const word = judge(node.value);
        if (word !== "good") return node.error(t(`pairings.code.${word}`));
        const userCode = symbols(node.value);
        try {
            const found = await call("POST", "/_vouch/pairings/lookup", { body: { userCode } });
            location.hash = `#/pairings/${encodeURIComponent(found.pairingId)}`;
        } catch (error) {
            replace(problem, errorBox(error));
        }
    };
    node.input.addEventListener("input", () => {
        if (document.activeElement === node.input && node.input.selectionStart === node.value.length) node.input.value = spelled(node.value).slice(0, 9);
        replace(problem);
    });
    const form = h(
        "form",
        { class: "form", onsubmit: go },
        node,
        problem,
        action(t("pairings.look.up"), { kind: "primary", test: "pairing-look-up", busy: true, onclick: go }),
    );
    return card(t("pairings.look"), { text: t("pairings.look.text") }, form);
}

async function list(root, signal) {
    const found = await rights();
    const looking = allowed(found, "vouch:LookUpPairing") ? lookUpCard() : null;
    if (!allowed(found, "vouch:ListPairings")) return replace(root, heading({ title, lead: t("pairings.lead") }), looking);
    const browser = browse({
        columns: [
            { key: "state", label: t("pairings.state"), cell: (row) => stateBadge(row.state), text: (row) => row.state },
            {
                key: "serialNumber",
                label: t("pairings.serial"),
                cell: (row) => h("a", { href: `#/pairings/${encodeURIComponent(row.pairingId)}` }, row.serialNumber),
                text: (row) => row.serialNumber,
            },
            { key: "model", label: t("pairings.model") },
            { key: "sourceIp", label: t("pairings.address"), cell: (row) => h("code", {}, row.sourceIp ?? ""), text: (row) => row.sourceIp ?? "" },
            { key: "creationDate", label: t("pairings.since"), cell: (row) => timeAgo(row.creationDate) },
            {
                key: "expiration",
                label: t("pairings.left"),
                cell: (row) => (OPEN.has(row.state) ? countdown(row.expiration) : h("span", { class: "muted" }, "–")),
            },
        ],
        load: pager("/_vouch/pairings", { list: "pairings" }),
        open: (row) => `pairings/${encodeURIComponent(row.pairingId)}`,
        name: "pairings",
        signal,
        filter: { label: t("pairings.filter"), test: "pairings-filter" },
        cli: command("pair", "list"),
        empty: { title: t("pairings.none"), text: t("pairings.none.text"), icon: "pairings" },
    });
    replace(root, heading({ title, lead: t("pairings.lead") }), looking, h("h2", { class: "over" }, t("pairings.queue")), browser.node);
    whenChanged(signal, (row) => row.event.startsWith("pairing-"), browser.reload);
}

/* ---- one device ---- */

// What happened, what is next, and when: an ordered list that a screen reader is told about.
export function stepList(pairing) {
    const dates = Object.fromEntries((pairing.steps ?? []).map((step) => [step.name, step.date]));
    const next = OVER.has(pairing.state) ? null : STEPS.find((name) => !dates[name]);
    const item = (name, i) => {
        const state = dates[name] ? "past" : name === next ? "now" : "";
        return h(
            "li",
            { class: ["step", state], "aria-current": name === next ? "step" : null, "data-test": `pairing-step-${name}` },
            h("span", { class: "step-mark", "aria-hidden": "true" }, dates[name] ? "✓" : String(i + 1)),
            h("span", { class: "step-name" }, t(`pairings.step.${name}`)),
            dates[name] ? h("span", { class: "muted small" }, timeAgo(dates[name])) : null,
        );
    };
    return h("ol", { class: "steps" }, STEPS.map(item));
}

function progressCard(pairing) {
    const done = STEPS.filter((name) => (pairing.steps ?? []).some((step) => step.name === name && step.date)).length;
    const ended = OVER.has(pairing.state);
    const text = ended ? t(`pairings.ended.${pairing.state}`) : t("pairings.progress", { step: Math.min(done + 1, STEPS.length), steps: STEPS.length });
    return card(
        t("pairings.steps"),
        { test: "pairing-progress" },
        h(
            "p",
            { class: ["note", pairing.state === "DONE" ? "" : ended ? "bad" : ""], role: "status", "data-test": "pairing-state" },
            text,
            pairing.message ? ` ${pairing.message}` : "",
        ),
        stepList(pairing),
    );
}

const approveWords = (pairing, values) => [
    ...["pair", "approve", spelled(pairing.userCode), "--template", values.templateName || "NAME"],
    ...(values.thingName ? ["--thing-name", values.thingName] : []),
    ...Object.entries(toPairs(values.parameters)).flatMap(([name, value]) => ["--parameter", `${name}=${value}`]),
];

// The template's parameters, with what the device suggests and its serial number already in place.
async function suggested(pairing, templateName, found) {
    const given = pairing.suggestedParameters ?? {};
    const known = await parametersOf(templateName, found);
    const filled = known.map((one) => ({ ...one, value: given[one.name] ?? (one.name === "SerialNumber" ? pairing.serialNumber : "") }));
    const others = Object.entries(given).filter(([name]) => !known.some((one) => one.name === name));
    return known.length ? filled : others.map(([name, value]) => ({ name, value }));
}

async function approveCard(pairing, found, again) {
    const names = await templateNames(found);
    const template = { name: "templateName", label: t("claims.template"), required: true, value: names?.length === 1 ? names[0] : "" };
    return card(
        t("pairings.vouch"),
        { text: t("pairings.vouch.text") },
        questions({
            test: "pairing-approve",
            submit: t("pairings.approve"),
            fields: [
                names ? { ...template, type: "select", options: [["", t("claims.template.choose")], ...names.map((name) => [name, name])] } : template,
                { name: "thingName", label: t("claims.thing"), hint: t("claims.thing.hint") },
                {
                    name: "parameters",
                    label: t("claims.parameters"),
                    type: "pairs",
                    hint: t("pairings.parameters.hint"),
                    depends: "templateName",
                    of: (values) => suggested(pairing, values.templateName, found),
                },
            ],
            cli: (values) => command(...approveWords(pairing, values)),
            run: async (values) => {
                const parameters = toPairs(values.parameters);
                const body = {
                    keyFingerprint: pairing.keyFingerprint,
                    templateName: values.templateName,
                    ...(Object.keys(parameters).length ? { parameters } : {}),
                    ...(values.thingName ? { thingName: values.thingName } : {}),
                };
                await call("POST", path(pairing.pairingId, "/approve"), { body });
                toast(t("pairings.approved"), "good");
                again();
            },
        }),
    );
}

async function deny(pairing) {
    const done = await sure({
        title: t("pairings.deny.title"),
        text: t("pairings.deny.text"),
        action: t("pairings.deny"),
        test: "pairing-deny-confirm",
        cli: command("pair", "deny", spelled(pairing.userCode)),
        run: () => call("POST", path(pairing.pairingId, "/deny")),
    });
    if (done) toast(t("pairings.denied"));
    return done;
}

function deviceCard(pairing) {
    const suggestions = Object.entries(pairing.suggestedParameters ?? {});
    return card(
        t("pairings.device"),
        {},
        facts([
            [t("pairings.serial"), h("b", { "data-test": "pairing-serial" }, pairing.serialNumber)],
            [t("pairings.model"), pairing.model],
            [t("pairings.code"), pairing.userCode && h("code", { class: "user-code" }, spelled(pairing.userCode))],
            [t("pairings.left"), OPEN.has(pairing.state) && countdown(pairing.expiration)],
            [t("pairings.key"), pairing.keyFingerprint && fingerprint(pairing.keyFingerprint)],
            [t("pairings.address"), pairing.sourceIp && h("code", {}, pairing.sourceIp)],
            [t("pairings.since"), timeAgo(pairing.creationDate)],
            [t("pairings.suggests"), suggestions.length ? suggestions.map(([name, value]) => h("div", {}, h("code", {}, `${name}=${value}`))) : null],
            [t("pairings.looked.by"), pairing.lookedAtBy && who(pairing.lookedAtBy)],
            [t("pairings.by"), pairing.decidedBy && who(pairing.decidedBy)],
            [t("pairings.claim.left"), pairing.claimExpiration && !OVER.has(pairing.state) && countdown(pairing.claimExpiration)],
            [t("claims.template"), pairing.templateName && links.template(pairing.templateName)],
            [t("claims.thing"), pairing.thingName && links.thing(pairing.thingName)],
            [t("pairings.certificate"), pairing.certificateId && links.certificate(pairing.certificateId)],
        ]),
        h("p", { class: "hint" }, t("pairings.key.hint")),
        line(command("pair", "show", spelled(pairing.userCode))),
    );
}

async function detail(root, id, signal) {
    const found = await rights();
    const state = { shown: null };
    const show = async (pairing) => {
        const again = () => look();
        const open = OPEN.has(pairing.state);
        const denying =
            open && allowed(found, "vouch:DenyPairing")
                ? [action(t("pairings.deny"), { kind: "danger", test: "pairing-deny", onclick: async () => (await deny(pairing)) && again() })]
                : [];
        const vouching = open && allowed(found, "vouch:ApprovePairing") ? await approveCard(pairing, found, again) : null;
        replace(
            root,
            heading({ title: pairing.serialNumber || short(pairing.pairingId), back: ["pairings", title], badge: stateBadge(pairing.state), actions: denying }),
            h(
                "div",
                { class: "split" },
                h("div", { class: "stack" }, vouching ?? progressCard(pairing), vouching ? progressCard(pairing) : null),
                deviceCard(pairing),
            ),
        );
    };
    // Drawn anew when something happened; while somebody fills in the form, only what they would lose nothing by.
    const look = async () => {
        const pairing = await call("GET", path(id), { signal });
        const sign = JSON.stringify([pairing.state, pairing.steps, pairing.thingName, pairing.certificateId]);
        const first = state.shown === null;
        const typing = !first && OPEN.has(pairing.state) && OPEN.has(state.state);
        if (sign !== state.shown && typing) root.querySelector("[data-test=pairing-progress]")?.replaceWith(progressCard(pairing));
        else if (sign !== state.shown) await show(pairing);
        Object.assign(state, { shown: sign, state: pairing.state });
        clearTimeout(state.timer);
        if (!OVER.has(pairing.state) && !signal.aborted) state.timer = setTimeout(() => look().catch(() => 0), OPEN.has(pairing.state) ? LOOK_MS : SOON_MS);
    };
    signal.addEventListener("abort", () => clearTimeout(state.timer), { once: true });
    await look();
    whenChanged(
        signal,
        (row) => row.event.startsWith("pairing-"),
        () => look().catch(() => 0),
    );
}

export function render(root, params, signal) {
    return params.name ? detail(root, params.name, signal) : list(root, signal);
}
