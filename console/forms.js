// Dialogs and forms: what asks people something.
import { h, replace } from "./dom.js";
import { t } from "./texts.js";
import { button, cli, errorBox, icon, id } from "./ui.js";

/* ---- dialogs ---- */

// dialog({title, body, buttons, wide, onClose}): opens at once; {node, close(result)}. `buttons` may be a function of close.
export function dialog({ title, body, buttons, wide, onClose }) {
    const label = id("dialog");
    let result;
    const close = (value) => {
        result = value;
        node.close();
    };
    const foot = typeof buttons === "function" ? buttons(close) : buttons;
    const node = h("dialog", { class: ["dialog", wide && "wide"], "aria-labelledby": label },
        h("header", h("h2", { id: label }, title), h("button", { type: "button", class: "button icon-only quiet", "aria-label": t("ui.close"), onclick: () => close() }, icon("close"))),
        h("div", { class: "dialog-body" }, typeof body === "function" ? body(close) : body), foot ? h("footer", foot) : null);
    node.addEventListener("close", () => {
        const toasts = node.querySelector(".toasts"); // what was said here stays for its time
        if (toasts) document.body.append(toasts);
        node.remove();
        onClose?.(result);
    });
    node.addEventListener("click", (event) => {
        if (event.target === node) close(); // beside it
    });
    document.body.append(node);
    node.showModal();
    (node.querySelector("[autofocus]") ?? node.querySelector(".dialog-body input, .dialog-body select, .dialog-body textarea") ?? node.querySelector("footer button"))?.focus();
    return { node, close };
}

// await confirm({title, text, action, danger, word, body, cli: "vouch …"}): true or false. With `word` it must be typed.
export function confirm({ title, text, action = t("ui.yes"), danger, word, body, cli: command }) {
    return new Promise((resolve) => {
        const typed = word ? field({ name: "word", label: t("ui.type.to.confirm", { word }), autocomplete: "off" }) : null;
        const go = (close) => button(action, () => close(true), { kind: danger ? "danger" : "primary", disabled: Boolean(word) });
        dialog({
            title,
            body: h("div", { class: "stack" }, text ? h("p", text) : null, body, typed, command ? cli(command) : null),
            buttons: (close) => {
                const yes = go(close);
                typed?.input.addEventListener("input", () => (yes.disabled = typed.value !== word));
                return [button(t("ui.cancel"), () => close(false), { kind: "quiet" }), yes];
            },
            onClose: (result) => resolve(result === true),
        });
    });
}

/* ---- forms ---- */

// field({name, label, type, value, hint, required, options, placeholder, pattern, rows, checked, …}): the wrapper, with
// .name, .input, .value (checkboxes: boolean) and .error(text). type: text, password, number, select, textarea, checkbox, …
// options: texts, or [value, text], or {value, text, disabled}.
export function field({ name, label, type = "text", value, hint: help, options, oninput, input: given, wide, star = true, ...attributes }) {
    const own = id(`field-${name}`);
    const described = h("p", { class: "field-hint", id: `${own}-hint` }, help);
    const problem = h("p", { class: "field-error", id: `${own}-error`, role: "alert" });
    const common = { id: own, name, "aria-describedby": `${own}-hint ${own}-error`, oninput, ...attributes };
    const input = given ?? control(type, common, value, options);
    if (given) for (const key of ["id", "name", "aria-describedby"]) given.setAttribute(key, common[key]);
    const caption = h("label", { for: own }, label, attributes.required && star ? h("span", { class: "needed", "aria-hidden": "true" }, " *") : null);
    const node = h("div", { class: ["field", `field-${type}`, wide && "wide"] }, type === "checkbox" ? [input, caption] : [caption, input], described, problem);
    const error = (text) => {
        problem.textContent = text ?? "";
        input.setAttribute("aria-invalid", Boolean(text));
    };
    input.addEventListener("input", () => error(""));
    Object.assign(node, { input, error, fieldName: name });
    Object.defineProperty(node, "value", { get: () => read(input), set: (next) => (input[input.type === "checkbox" ? "checked" : "value"] = next) });
    return node;
}

function read(input) {
    if (input.type === "checkbox") return input.checked;
    if (input.type === "number") return input.value === "" ? undefined : Number(input.value);
    return input.value;
}

function control(type, common, value, options) {
    if (type === "select") return h("select", { ...common, value }, (options ?? []).map(optionOf));
    if (type === "textarea") return h("textarea", { spellcheck: "false", rows: 6, ...common, value: value ?? "" });
    if (type === "checkbox") return h("input", { ...common, type, checked: Boolean(value) });
    return h("input", { autocapitalize: "off", spellcheck: "false", ...common, type, value: value ?? "" });
}

function optionOf(option) {
    if (Array.isArray(option)) return h("option", { value: option[0] }, option[1]);
    if (option !== null && typeof option === "object") return h("option", { value: option.value, disabled: option.disabled }, option.text);
    return h("option", { value: option }, option);
}

// form({fields, submit: "Create", onSubmit(values), cancel(), cli(values), kind}): .values, .error(problem). onSubmit may
// throw: what the server said is shown, at the field whose name it begins with.
export function form({ fields, submit = t("ui.save"), onSubmit, cancel, cli: command, kind = "primary", extra }) {
    const inputs = fields.flat(3).filter((node) => node?.fieldName);
    const values = () => Object.fromEntries(inputs.map((node) => [node.fieldName, node.value]));
    const problem = h("div", { "aria-live": "assertive" });
    const line = h("div");
    const go = h("button", { type: "submit", class: ["button", kind] }, h("span", submit));
    const error = (thrown) => replace(problem, thrown ? errorBox(thrown) : null);
    const node = h("form", { class: "form", novalidate: true }, fields, extra, problem, line,
        h("div", { class: "actions" }, cancel ? button(t("ui.cancel"), () => cancel(), { kind: "quiet" }) : null, go));
    const refresh = () => command && replace(line, cli(command(values())));
    node.addEventListener("input", refresh);
    node.addEventListener("submit", (event) => {
        event.preventDefault();
        if (sound(inputs)) void submitted(go, () => onSubmit(values()), error);
    });
    refresh();
    return Object.assign(node, { error, refresh, button: go, read: values });
}

function sound(inputs) {
    const bad = inputs.filter((node) => !node.input.checkValidity());
    for (const node of bad) node.error(node.input.validationMessage);
    bad[0]?.input.focus();
    return bad.length === 0;
}

async function submitted(go, work, error) {
    if (go.getAttribute("aria-busy") === "true") return;
    go.setAttribute("aria-busy", "true");
    error(null);
    try {
        await work();
    } catch (thrown) {
        if (thrown.name !== "AbortError") error(thrown);
    } finally {
        go.removeAttribute("aria-busy");
    }
}
