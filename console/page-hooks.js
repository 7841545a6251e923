// Pre-provisioning hooks: who is asked before a device is let in, a try without a registration, and the serials of allow-lists.
import { allowed, call, pager, rights } from "./api.js";
import { ask, browse, sure, toPairs } from "./ask.js";
import { h, replace } from "./dom.js";
import { action, card, command, facts, heading, line } from "./parts.js";
import { t } from "./texts.js";
import { badge, errorBox, timeAgo, toast } from "./ui.js";

export const title = t("hooks.title");
const KINDS = ["allowlist", "https", "program"];
const path = (name, rest = "") => `/_vouch/hooks/${encodeURIComponent(name)}${rest}`;

function fields(hook) {
    const https = (values) => values.kind === "https";
    return [
        { name: "hookName", label: t("hooks.name"), required: true, value: hook?.hookName, readonly: Boolean(hook) },
        {
            name: "kind",
            label: t("hooks.kind"),
            type: "select",
            value: hook?.kind ?? "allowlist",
            options: KINDS.map((kind) => [kind, t(`hooks.kind.${kind}`)]),
        },
        { name: "target", label: t("hooks.url"), show: https, required: true, value: hook?.target, placeholder: "https://", key: "url" },
        {
            name: "target",
            label: t("hooks.path"),
            show: (values) => values.kind === "program",
            required: true,
            value: hook?.target,
            placeholder: "/usr/local/lib/vouch/check",
            key: "path",
        },
        {
            name: "target",
            label: t("hooks.parameter"),
            show: (values) => values.kind === "allowlist",
            value: hook?.target ?? "SerialNumber",
            hint: t("hooks.parameter.hint"),
            key: "parameter",
        },
        { name: "targetArn", label: t("hooks.arn"), hint: t("hooks.arn.hint"), value: hook?.targetArn },
        {
            name: "timeoutMs",
            label: t("hooks.timeout"),
            type: "number",
            min: 100,
            max: 60000,
            value: hook?.timeoutMs ?? "",
            hint: t("hooks.timeout.hint"),
            show: (values) => values.kind !== "allowlist",
        },
        { name: "caPem", label: t("hooks.ca"), type: "textarea", code: true, rows: 3, show: https, hint: t("hooks.ca.hint"), value: hook?.caPem },
        { name: "certificatePem", label: t("hooks.certificate"), type: "textarea", code: true, rows: 3, show: https, value: hook?.certificatePem },
        {
            name: "privateKeyPem",
            label: t("hooks.private.key"),
            type: "textarea",
            code: true,
            rows: 3,
            show: https,
            hint: hook?.hasPrivateKey ? t("hooks.secret.again") : "",
        },
        { name: "secret", label: t("hooks.secret"), type: "password", show: https, hint: hook?.hasSecret ? t("hooks.secret.again") : t("hooks.secret.hint") },
    ];
}

function words(values) {
    const given = (flag, value) => (value ? [flag, value] : []);
    return [
        ...["hook", "put", values.hookName || "NAME", values.kind],
        ...(values.target ? [values.target] : []),
        ...given("--target-arn", values.targetArn),
        ...given("--timeout", values.timeoutMs),
        ...given("--ca", values.caPem && "ca.pem"),
        ...given("--certificate", values.certificatePem && "client.pem"),
        ...given("--key", values.privateKeyPem && "client.key"),
        ...given("--secret", values.secret && "secret.txt"),
    ];
}

function put(hook) {
    return ask({
        title: hook ? t("hooks.change") : t("hooks.new"),
        text: t("hooks.new.text"),
        action: t("ui.save"),
        test: "hook-save",
        wide: true,
        fields: fields(hook),
        cli: (values) => command(...words(values)),
        run: ({ hookName, timeoutMs, ...others }) => {
            const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value));
            return call("PUT", path(hookName), { body: { ...given, ...(timeoutMs ? { timeoutMs: Number(timeoutMs) } : {}) } });
        },
    });
}

async function list(root, signal) {
    const found = await rights();
    const create = async () => {
        const hook = await put(null);
        if (hook) location.hash = `#/hooks/${encodeURIComponent(hook.hookName)}`;
    };
    const browser = browse({
        columns: [
            { key: "hookName", label: t("hooks.name") },
            { key: "kind", label: t("hooks.kind"), cell: (row) => badge(t(`hooks.kind.short.${row.kind}`), ""), text: (row) => row.kind },
            { key: "target", label: t("hooks.target"), cell: (row) => h("code", {}, row.target), text: (row) => row.target },
            { key: "targetArn", label: t("hooks.arn"), cell: (row) => h("code", { class: "id" }, row.targetArn), text: (row) => row.targetArn },
            { key: "lastModifiedDate", label: t("hooks.changed"), cell: (row) => timeAgo(row.lastModifiedDate) },
        ],
        load: pager("/_vouch/hooks", { list: "hooks" }),
        open: (row) => `hooks/${encodeURIComponent(row.hookName)}`,
        name: "hooks",
        signal,
        cli: command("hook", "list"),
        empty: { title: t("hooks.none"), text: t("hooks.none.text") },
    });
    const actions = allowed(found, "vouch:PutHook") ? [action(t("hooks.new"), { kind: "primary", test: "hook-new", onclick: create })] : [];
    replace(root, heading({ title, lead: t("hooks.lead"), actions }), browser.node);
}

/* ---- one ---- */

function answer(result) {
    const said = result.allowed ? badge(t("hooks.allowed"), "good") : badge(t("hooks.turned.away"), "bad");
    const overrides = Object.entries(result.parameterOverrides ?? {}).map(([name, value]) => [h("code", {}, name), h("code", {}, value)]);
    return h(
        "div",
        { class: "answer", "data-test": "hook-answer", "aria-live": "polite" },
        facts([
            [t("hooks.says"), said],
            [t("hooks.took"), t("hooks.ms", { ms: result.durationMs })],
            [t("hooks.reason"), result.reason && h("code", {}, result.reason)],
            [t("hooks.message"), result.message],
            ...overrides,
        ]),
    );
}

function tryCard(hook) {
    const out = h("div", {});
    const parameter = hook.kind === "allowlist" ? hook.target || "SerialNumber" : "SerialNumber";
    const go = async () => {
        const result = await ask({
            title: t("hooks.try"),
            text: t("hooks.try.text"),
            action: t("hooks.try.go"),
            test: "hook-test-go",
            fields: [
                { name: "parameters", label: t("hooks.try.parameters"), type: "pairs", value: { [parameter]: "" } },
                { name: "templateName", label: t("hooks.try.template") },
                { name: "clientId", label: t("hooks.try.client") },
            ],
            cli: (values) =>
                command(
                    "hook",
                    "test",
                    hook.hookName,
                    ...Object.entries(toPairs(values.parameters)).flatMap(([name, value]) => ["--parameter", `${name}=${value}`]),
                    ...(values.templateName ? ["--template", values.templateName] : []),
                    ...(values.clientId ? ["--client-id", values.clientId] : []),
                ),
            run: (values) => {
                const body = { parameters: toPairs(values.parameters) };
                for (const name of ["templateName", "clientId"]) if (values[name]) body[name] = values[name];
                return call("POST", path(hook.hookName, "/test"), { body });
            },
        });
        if (result) replace(out, answer(result));
    };
    return card(t("hooks.try"), { text: t("hooks.try.text"), actions: [action(t("hooks.try.go"), { test: "hook-test", onclick: go })] }, out);
}

/* ---- serials ---- */

// "serial,Parameter,…" lines, as `vouch hook allowlist import` takes them.
export function readCsv(text) {
    const rows = [];
    let row = [];
    let cell = "";
    let quoted = false;
    const endRow = () => {
        row.push(cell);
        if (row.some((one) => one !== "")) rows.push(row);
        row = [];
        cell = "";
    };
    for (let i = 0; i < text.length; i++) {
        const c = text[i];
        if (quoted && c === '"' && text[i + 1] === '"') ((cell += '"'), i++);
        else if (c === '"' && (quoted || cell === "")) quoted = !quoted;
        else if (!quoted && c === ",") (row.push(cell), (cell = ""));
        else if (!quoted && (c === "\n" || c === "\r")) endRow();
        else cell += c;
    }
    endRow();
    return rows;
}

export function serialsOf(text) {
    const rows = readCsv(text);
    const [head, ...others] = rows;
    if (!head) return [];
    const named = head[0].trim().toLowerCase() === "serial";
    return (named ? others : rows)
        .map(([serial, ...values]) => {
            const overrides = named
                ? Object.fromEntries(
                      head
                          .slice(1)
                          .map((name, i) => [name.trim(), (values[i] ?? "").trim()])
                          .filter(([name, value]) => name && value),
                  )
                : {};
            return { serial: serial.trim(), ...(Object.keys(overrides).length ? { parameterOverrides: overrides } : {}) };
        })
        .filter((one) => one.serial);
}

async function importSerials(hook) {
    return ask({
        title: t("hooks.serials.add"),
        text: t("hooks.serials.add.text"),
        action: t("hooks.serials.add.go"),
        test: "hook-serials-save",
        wide: true,
        fields: [
            {
                name: "text",
                label: t("hooks.serials.csv"),
                type: "textarea",
                code: true,
                rows: 8,
                required: true,
                file: ".csv,text/csv,text/plain",
                placeholder: "serial,Site\nSN-1001,Porto",
            },
            { name: "replaceAll", label: t("hooks.serials.replace"), type: "checkbox" },
        ],
        cli: (values) => command("hook", "allowlist", "import", hook.hookName, "serials.csv", ...(values.replaceAll ? ["--replace"] : [])),
        run: async ({ text, replaceAll }) => {
            const serials = serialsOf(text);
            if (!serials.length) throw new Error(t("hooks.serials.empty"));
            for (let at = 0; at < serials.length; at += 1000)
                await call("POST", path(hook.hookName, "/serials"), {
                    body: { serials: serials.slice(at, at + 1000), ...(replaceAll && at === 0 ? { replaceAll: true } : {}) },
                });
            return serials.length;
        },
    });
}

function serialsCard(hook, found, signal) {
    const remove = async (row) => {
        const done = await sure({
            title: t("hooks.serials.remove.title", { serial: row.serial }),
            text: t("hooks.serials.remove.text"),
            action: t("hooks.serials.remove"),
            test: "hook-serial-remove-confirm",
            cli: command("hook", "allowlist", "remove", hook.hookName, row.serial),
            run: () => call("DELETE", path(hook.hookName, `/serials/${encodeURIComponent(row.serial)}`)),
        });
        if (done) browser.reload();
    };
    const browser = browse({
        columns: [
            { key: "serial", label: t("hooks.serial"), cell: (row) => h("code", {}, row.serial), text: (row) => row.serial },
            {
                key: "parameterOverrides",
                label: t("hooks.overrides"),
                cell: (row) =>
                    Object.entries(row.parameterOverrides ?? {})
                        .map(([name, value]) => `${name}=${value}`)
                        .join(", "),
                text: (row) => JSON.stringify(row.parameterOverrides ?? {}),
            },
            {
                key: "do",
                label: "",
                text: null,
                cell: (row) =>
                    allowed(found, "vouch:DeleteHookSerial")
                        ? action(t("hooks.serials.remove"), { kind: "quiet", test: "hook-serial-remove", onclick: () => remove(row) })
                        : null,
            },
        ],
        load: pager(path(hook.hookName, "/serials"), { list: "serials" }),
        name: `serials-${hook.hookName}`,
        signal,
        filter: { label: t("hooks.serials.filter"), test: "hook-serials-filter" },
        cli: command("hook", "allowlist", "list", hook.hookName),
        empty: { title: t("hooks.serials.none"), text: t("hooks.serials.none.text") },
    });
    const add = async () => {
        const count = await importSerials(hook);
        if (!count) return;
        toast(t("hooks.serials.added", { count }));
        browser.reload();
    };
    const actions = allowed(found, "vouch:PutHookSerials") ? [action(t("hooks.serials.add"), { test: "hook-serials-add", onclick: add })] : [];
    return card(t("hooks.serials"), { actions }, browser.node);
}

async function remove(hook) {
    const done = await sure({
        title: t("hooks.delete.title", { name: hook.hookName }),
        text: t("hooks.delete.text"),
        action: t("hooks.delete"),
        test: "hook-delete-confirm",
        cli: command("hook", "delete", hook.hookName),
        run: () => call("DELETE", path(hook.hookName)),
    });
    if (done) location.hash = "#/hooks";
}

async function detail(root, name, signal) {
    const found = await rights();
    const hook = await call("GET", path(name), { signal });
    const again = () => detail(root, name, signal).catch((error) => signal.aborted || replace(root, errorBox(error)));
    const actions = [
        allowed(found, "vouch:PutHook") && action(t("hooks.change"), { test: "hook-change", onclick: async () => (await put(hook)) && again() }),
        allowed(found, "vouch:DeleteHook") && action(t("hooks.delete"), { kind: "danger", test: "hook-delete", onclick: () => remove(hook) }),
    ];
    replace(
        root,
        heading({ title: hook.hookName, back: ["hooks", title], badge: badge(t(`hooks.kind.short.${hook.kind}`), ""), actions }),
        h(
            "div",
            { class: "cards" },
            card(
                t("hooks.facts"),
                {},
                facts([
                    [t("hooks.target"), h("code", { class: "id" }, hook.target)],
                    [t("hooks.arn"), h("code", { class: "id" }, hook.targetArn)],
                    [t("hooks.timeout"), hook.timeoutMs && t("hooks.ms", { ms: hook.timeoutMs })],
                    [t("hooks.ca"), hook.caPem && t("hooks.pinned")],
                    [t("hooks.private.key"), hook.hasPrivateKey && t("hooks.kept")],
                    [t("hooks.secret"), hook.hasSecret && t("hooks.kept")],
                    [t("hooks.made"), timeAgo(hook.creationDate)],
                    [t("hooks.changed"), timeAgo(hook.lastModifiedDate)],
                ]),
                line(command("hook", "get", hook.hookName)),
            ),
            allowed(found, "vouch:TestHook") ? tryCard(hook) : null,
        ),
        hook.kind === "allowlist" && allowed(found, "vouch:ListHookSerials") ? serialsCard(hook, found, signal) : null,
    );
}

export function render(root, params, signal) {
    return params.name ? detail(root, params.name, signal) : list(root, signal);
}
