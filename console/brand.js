// The mark, and what all pages share at their top: colours by choice.
import { h, s } from "./dom.js";
import { t } from "./texts.js";

export const mark = () => s("svg", { class: "mark", viewBox: "0 0 32 32", "aria-hidden": "true" },
    s("rect", { class: "seal", width: 32, height: 32, rx: 9 }), s("path", { class: "tick", d: "M9 16.5l4.8 4.8L23.5 11" }));

export const brand = (href, text = t("app.name")) => h("a", { class: "brand", href }, mark(), text);

export function theme() {
    try {
        return localStorage.getItem("vouch-theme") ?? "auto";
    } catch {
        return document.documentElement.dataset.theme ?? "auto";
    }
}

export function setTheme(word) {
    const root = document.documentElement;
    if (word === "auto") delete root.dataset.theme;
    else root.dataset.theme = word;
    try {
        if (word === "auto") localStorage.removeItem("vouch-theme");
        else localStorage.setItem("vouch-theme", word);
    } catch { /* storage is off: for this page only */ }
}
