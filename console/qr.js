// A QR code that the server encoded, as SVG: dark modules on white whatever the theme is, with the quiet zone of four that readers need.
import { call } from "./api.js";
import { s } from "./dom.js";

const QUIET = 4;

// Runs of dark modules in one path.
export function pathOf(rows) {
    let path = "";
    rows.forEach((row, y) => {
        for (const run of row.matchAll(/1+/g)) path += `M${run.index + QUIET} ${y + QUIET}h${run[0].length}v1h-${run[0].length}z`;
    });
    return path;
}

export function drawing(rows, label) {
    const side = rows.length + 2 * QUIET;
    return s(
        "svg",
        { class: "qr", viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" },
        s("rect", { width: side, height: side, fill: "#fff" }),
        s("path", { d: pathOf(rows), fill: "#000" }),
    );
}

export async function qr(text, label, level) {
    const { rows } = await call("POST", "/_vouch/qr", { body: level ? { text, level } : { text } });
    return drawing(rows, label);
}
