// The only way in which pages make elements. Text stays text: nothing here, or anywhere in console/, reads a string as markup.
//
//   h("button", {class: "primary", onclick: save, disabled: busy}, "Save")
//   s("path", {d: "M0 0"})                the same for SVG
//   replace(node, ...children)            instead of what it held
//
// Attributes: null, undefined and false are left out, true is the empty string; `class` may be a list; `on…` functions
// listen; `style` and `dataset` are objects; value, checked, selected, disabled and the like are set as properties.
// Children: nodes, texts, numbers, lists of them; null, undefined and booleans are left out.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "selected", "disabled", "indeterminate", "srcObject"]);
const ADDRESSES = new Set(["href", "src", "action", "formaction"]);

// What may stand in an address: this origin, and what a page made itself.
export function safeAddress(text) {
    const address = new URL(text, location.href);
    return (address.origin === location.origin && ["http:", "https:", "blob:"].includes(address.protocol)) || /^data:image\/(png|jpeg|webp);/.test(text);
}

// Signs that turn the text beside them, or are not seen, are spelled: what a device calls itself does not change what stands next to it.
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;
export const visible = (text) => String(text).replace(HIDDEN, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);

function listen(node, name, value) {
    if (typeof value !== "function") throw new TypeError(`${name} must be a function`);
    node.addEventListener(name.slice(2).toLowerCase(), value);
}

function set(node, name, value) {
    if (value === null || value === undefined || value === false) return;
    if (name.startsWith("on")) listen(node, name, value);
    else if (name === "class") node.setAttribute("class", [value].flat(3).filter(Boolean).join(" "));
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name === "style") for (const [key, part] of Object.entries(value)) node.style.setProperty(key, part);
    else if (PROPERTIES.has(name)) node[name] = value;
    else if (name === "srcdoc") throw new TypeError("no markup");
    else if (ADDRESSES.has(name) && !safeAddress(value)) node.setAttribute(name, "#");
    else node.setAttribute(name, value === true ? "" : String(value));
}

function add(node, children) {
    for (const child of children) {
        if (Array.isArray(child)) add(node, child);
        else if (child instanceof Node) node.append(child);
        else if (child !== null && child !== undefined && typeof child !== "boolean") node.append(visible(child));
    }
    return node;
}

const isAttributes = (value) => value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Node);

function make(node, attributes, children) {
    if (attributes !== null && attributes !== undefined && !isAttributes(attributes)) return add(node, [attributes, ...children]);
    const { value, ...others } = attributes ?? {};
    for (const [name, other] of Object.entries(others)) set(node, name, other);
    add(node, children);
    set(node, "value", value); // behind the options of a select
    return node;
}

export const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => make(document.createElementNS(SVG, tag), attributes, children);

export function replace(node, ...children) {
    node.replaceChildren();
    return add(node, children);
}

export const append = (node, ...children) => add(node, children);
