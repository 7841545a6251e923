// One box for names and ids: pages, things, certificates, claims, pairings, users, templates, policies. What is asked for is
// what the user may ask for; a name that nothing has is nothing.
import { h, replace } from "./dom.js";
import { allowed, call } from "./api.js";
import { t } from "./texts.js";
import { dialog, icon } from "./ui.js";

const DELAY_MS = 180;
const ID = /^[0-9a-f]{64}$/i;
const enc = encodeURIComponent;

// What answers with exactly this name or id, and to which page it leads.
const EXACT = [
    { kind: "thing", page: "things", needs: "iot:DescribeThing", path: (text) => `/things/${enc(text)}`, fits: (text) => /^[\w:-]{1,128}$/.test(text) },
    { kind: "certificate", page: "certificates", needs: "iot:DescribeCertificate", path: (text) => `/certificates/${enc(text.toLowerCase())}`, fits: (text) => ID.test(text) },
    { kind: "claim", page: "claims", needs: "vouch:DescribeClaim", path: (text) => `/_vouch/claims/${enc(text.toLowerCase())}`, fits: (text) => ID.test(text) },
    { kind: "template", page: "templates", needs: "iot:DescribeProvisioningTemplate", path: (text) => `/provisioning-templates/${enc(text)}`, fits: (text) => /^[\w-]{1,36}$/.test(text) },
    { kind: "policy", page: "policies", needs: "iot:GetPolicy", path: (text) => `/policies/${enc(text)}`, fits: (text) => /^[\w+=,.@-]{1,128}$/.test(text) },
];

// What is listed, and searched in its first page. Of things, every attribute's value counts: serial numbers stand there.
const LISTS = [
    { kind: "thing", page: "things", needs: "iot:ListThings", path: "/things", list: "things", name: (row) => row.thingName, words: (row) => [row.thingName, row.thingTypeName, ...Object.values(row.attributes ?? {})] },
    { kind: "pairing", page: "pairings", needs: "vouch:ListPairings", path: "/_vouch/pairings", list: "pairings", name: (row) => row.serialNumber, id: (row) => row.pairingId, words: (row) => [row.serialNumber, row.model, row.userCode, row.thingName, row.decidedBy] },
    { kind: "claim", page: "claims", needs: "vouch:ListClaims", path: "/_vouch/claims", list: "claims", name: (row) => `${row.claimId.slice(0, 12)}… · ${row.templateName}`, id: (row) => row.claimId, words: (row) => [row.claimId, row.templateName, row.createdBy, row.firstClientId] },
    { kind: "certificate", page: "certificates", needs: "iot:ListCertificates", path: "/certificates", list: "certificates", size: "pageSize", name: (row) => `${row.certificateId.slice(0, 16)}…`, id: (row) => row.certificateId, words: (row) => [row.certificateId] },
    { kind: "user", page: "users", needs: "vouch:ListUsers", path: "/_vouch/users", list: "users", name: (row) => row.userName, words: (row) => [row.userName, row.arn] },
    { kind: "template", page: "templates", needs: "iot:ListProvisioningTemplates", path: "/provisioning-templates", list: "templates", name: (row) => row.templateName, words: (row) => [row.templateName, row.description] },
    { kind: "policy", page: "policies", needs: "iot:ListPolicies", path: "/policies", list: "policies", size: "pageSize", name: (row) => row.policyName, words: (row) => [row.policyName] },
];
const PAGE = { maxResults: 250 };

const holds = (words, text) => words.some((word) => String(word ?? "").toLowerCase().includes(text));
const quiet = (promise) => promise.catch(() => null);

export function open(rights, routes) {
    const lists = new Map(); // read once while the box is open
    const rowsOf = (one) => {
        if (!lists.has(one.kind)) lists.set(one.kind, quiet(call("GET", one.path, { query: one.size ? { pageSize: 250 } : PAGE })).then((answer) => answer?.[one.list] ?? []));
        return lists.get(one.kind);
    };
    const exact = async (one, text) => {
        if (!one.fits(text) || !allowed(rights, one.needs) || !(await quiet(call("GET", one.path(text))))) return [];
        return [{ kind: one.kind, text, href: `#/${one.page}/${enc(text)}` }];
    };
    const listed = async (one, text) => {
        if (!allowed(rights, one.needs)) return [];
        const rows = (await rowsOf(one)).filter((row) => holds(one.words(row), text));
        return rows.slice(0, 5).map((row) => ({ kind: one.kind, text: one.name(row), href: `#/${one.page}/${enc((one.id ?? one.name)(row))}` }));
    };
    const find = async (text) => {
        const lower = text.toLowerCase();
        const pagesFound = routes.filter((one) => t(one.title).toLowerCase().includes(lower)).map((one) => ({ kind: "page", icon: one.name, text: t(one.title), href: `#/${one.name}` }));
        const found = await Promise.all([...EXACT.map((one) => exact(one, text)), ...LISTS.map((one) => listed(one, lower))]);
        const all = [...pagesFound, ...found.flat()];
        return all.filter((one, i) => all.findIndex((other) => other.href === one.href) === i).slice(0, 20);
    };

    const input = h("input", { type: "search", autofocus: true, autocomplete: "off", spellcheck: "false", "aria-label": t("search.label"), placeholder: t("search.label"), role: "combobox", "aria-expanded": "true", "aria-controls": "search-results" });
    const results = h("ul", { class: "results", id: "search-results", "aria-label": t("search.title") });
    const said = h("p", { class: "muted small", role: "status" }, t("search.hint"));
    const box = dialog({ title: t("search.title"), body: h("div", { class: "stack" }, input, results, said) });
    const line = (one, i) => h("li", { class: i === 0 && "first" }, h("a", { href: one.href, onclick: () => box.close() }, icon(one.icon ?? { thing: "things", policy: "policies" }[one.kind] ?? `${one.kind}s`), h("span", one.text), h("span", { class: "kind" }, t(`search.${one.kind}`))));
    let asked = 0;
    const ask = async () => {
        const text = input.value.trim();
        const mine = ++asked;
        const found = text ? await find(text) : [];
        if (mine !== asked) return;
        replace(results, found.map(line));
        said.textContent = found.length ? "" : t(text ? "search.none" : "search.hint");
    };
    let timer;
    input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(ask, DELAY_MS);
    });
    const links = () => [...results.querySelectorAll("a")];
    box.node.addEventListener("keydown", async (event) => {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step) {
            event.preventDefault();
            const all = [input, ...links()];
            all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
        } else if (event.key === "Enter" && event.target === input) {
            event.preventDefault();
            clearTimeout(timer);
            await ask();
            links()[0]?.click();
        }
    });
}
