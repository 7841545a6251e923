// Panels of which one is shown.
import { h, replace } from "./dom.js";
import { id } from "./ui.js";

// tabs([{id, title, render(panel)}], {selected, onSelect}): a panel is filled when it is first shown.
export function tabs(list, { selected, onSelect, label } = {}) {
    const group = id("tabs");
    const panel = h("div", { class: "tab-panel", role: "tabpanel", id: `${group}-panel`, tabindex: "0" });
    const show = (tab, focus) => {
        for (const [i, node] of buttons.entries()) {
            const on = list[i] === tab;
            node.setAttribute("aria-selected", on);
            node.tabIndex = on ? 0 : -1;
            if (on && focus) node.focus();
            if (on) panel.setAttribute("aria-labelledby", node.id);
        }
        replace(panel);
        tab.render(panel);
    };
    const move = (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const at = buttons.indexOf(event.target);
        const next = list[(at + step + list.length) % list.length];
        show(next, true);
        onSelect?.(next.id);
    };
    const buttons = list.map((tab, i) => h("button", { type: "button", role: "tab", id: `${group}-${i}`, "aria-controls": `${group}-panel`, onclick: () => { show(tab); onSelect?.(tab.id); } }, tab.title));
    const node = h("div", { class: "tabs" }, h("div", { role: "tablist", "aria-label": label, onkeydown: move }, buttons), panel);
    show(list.find((tab) => tab.id === selected) ?? list[0]);
    return node;
}
