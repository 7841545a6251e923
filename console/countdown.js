// What ends soon.
import { h } from "./dom.js";
import { dateOf } from "./ui.js";

// Counts down to a time and says so once: countdown(expiration, {onEnd, signal}).
export function countdown(until, { onEnd, label } = {}) {
    const end = dateOf(until).getTime();
    const node = h("span", { class: "countdown", role: "timer", "aria-label": label });
    const tick = () => {
        const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
        node.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
        node.classList.toggle("short", left <= 60);
        if (left > 0 && (node.isConnected || !node.dataset.seen)) return;
        clearInterval(timer);
        if (left === 0 && node.isConnected) onEnd?.();
    };
    const timer = setInterval(() => {
        if (node.isConnected) node.dataset.seen = "1";
        tick();
    }, 1000);
    tick();
    return node;
}
