// What the steps of the installer's page share: templates, parameters, what came before, sentences for refusals.
import { h } from "./dom.js";
import { allowed, call } from "./api.js";
import { has, t } from "./texts.js";
import { field } from "./forms.js";

/* ---- templates ---- */

// Names of what the user may make claims of; null: only typing tells.
export async function templateNames(found) {
    if (!found.templates.includes("*")) return found.templates;
    if (!allowed(found, "iot:ListProvisioningTemplates")) return null;
    const { templates } = await call("GET", "/provisioning-templates", { query: { maxResults: 250 } });
    return templates.filter((one) => one.type !== "JITP" && one.enabled !== false).map((one) => one.templateName);
}

async function parametersOf(templateName, found) {
    if (!templateName || !allowed(found, "iot:DescribeProvisioningTemplate")) return {};
    try {
        const { templateBody } = await call("GET", `/provisioning-templates/${encodeURIComponent(templateName)}`);
        return JSON.parse(templateBody).Parameters ?? {};
    } catch {
        return {}; // one that may not be read: the device says what it says
    }
}

// A choice of template with the fields of its parameters below it: {node, values()}; values: {templateName, parameters}.
export async function templateFields(found, { suggested = {}, serial } = {}) {
    const names = await templateNames(found);
    if (names && names.length === 0) return null;
    const only = names?.length === 1 ? names[0] : "";
    const list = h("div", { class: "stack" });
    let fields = [];
    const fill = async (name) => {
        const known = await parametersOf(name, found);
        const all = { ...Object.fromEntries(Object.keys(suggested).map((key) => [key, {}])), ...known };
        fields = Object.entries(all).filter(([key]) => !key.startsWith("AWS::")).map(([key, rule]) => field({
            name: key, label: key, maxlength: 1024, autocomplete: "off",
            value: suggested[key] ?? (key === "SerialNumber" ? serial : undefined) ?? rule?.Default ?? "",
            hint: suggested[key] ? t("install.parameter.hint", { value: suggested[key] }) : null,
        }));
        list.replaceChildren(...fields);
    };
    const choice = names
        ? field({ name: "templateName", label: t("install.template"), type: "select", required: true, value: only, "data-test": "install-template",
            options: [...(only ? [] : [["", t("install.template.choose")]]), ...names.map((name) => [name, name])] })
        : field({ name: "templateName", label: t("install.template.name"), required: true, autocomplete: "off", "data-test": "install-template" });
    choice.input.addEventListener("change", () => void fill(choice.value));
    if (only) await fill(only);
    const values = () => {
        const parameters = Object.fromEntries(fields.filter((one) => one.value !== "").map((one) => [one.fieldName, one.value]));
        return { templateName: choice.value, ...(Object.keys(parameters).length ? { parameters } : {}) };
    };
    return { node: h("div", { class: "stack" }, choice, list), choice, values };
}

/* ---- fingerprints ---- */

export const fingerprint = (hex) => h("code", { class: "fingerprint" }, String(hex).match(/.{1,4}/g)?.map((part) => h("span", part)));

// SHA-256 of the root that this page's server hands out.
export async function rootFingerprint() {
    const text = await call("GET", "/ca.pem");
    const base64 = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END/.exec(text)?.[1].replace(/\s/g, "") ?? "";
    const der = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
    return [...new Uint8Array(await crypto.subtle.digest("SHA-256", der))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* ---- what came before, on this phone: names only ---- */

const KEY = "vouch-recent";
export function recent() {
    try {
        const list = JSON.parse(localStorage.getItem(KEY) ?? "[]");
        return Array.isArray(list) ? list.filter((one) => typeof one?.name === "string").slice(0, 8) : [];
    } catch {
        return [];
    }
}
export function remember(name, model) {
    try {
        const others = recent().filter((one) => one.name !== name);
        localStorage.setItem(KEY, JSON.stringify([{ name, model: model || "", at: Date.now() / 1000 }, ...others].slice(0, 8)));
    } catch { /* storage is off */ }
}
export function forgetRecent() {
    try {
        localStorage.removeItem(KEY);
    } catch { /* storage is off */ }
}

/* ---- sentences ---- */

export const nextAction = (reason) => (has(`install.why.${reason}`) ? t(`install.why.${reason}`) : null);

// The foot of a step: what the thumb reaches.
export const dock = (...children) => h("div", { class: "dock" }, children);
