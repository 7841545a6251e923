// What changed between two texts, by lines.
import { h } from "./dom.js";
import { addTexts, t } from "./texts.js";
import texts from "./texts-documents.js";

addTexts(texts);

const LINES_MAX = 4000;
const STEPS_MAX = 4000000;

// [{sign: " " | "-" | "+", text}] by the longest common subsequence of what lies between common ends; texts too large are replaced whole.
export function diffLines(before, after) {
    const a = before.split("\n");
    const b = after.split("\n");
    let head = 0;
    while (head < a.length && head < b.length && a[head] === b[head]) head++;
    let tail = 0;
    while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
    const same = (lines) => lines.map((text) => ({sign: " ", text}));
    return [...same(a.slice(0, head)), ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)), ...same(a.slice(a.length - tail))];
}

function middle(a, b) {
    if (a.length > LINES_MAX || b.length > LINES_MAX || a.length * b.length > STEPS_MAX) {
        return [...a.map((text) => ({sign: "-", text})), ...b.map((text) => ({sign: "+", text}))];
    }
    const width = b.length + 1;
    const longest = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i--) {
        for (let j = b.length - 1; j >= 0; j--) {
            longest[i * width + j] = a[i] === b[j] ? longest[(i + 1) * width + j + 1] + 1 : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
        }
    }
    const rows = [];
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
        if (i < a.length && j < b.length && a[i] === b[j]) rows.push({sign: " ", text: a[i++], skip: j++});
        else if (i < a.length && (j === b.length || longest[(i + 1) * width + j] >= longest[i * width + j + 1])) rows.push({sign: "-", text: a[i++]});
        else rows.push({sign: "+", text: b[j++]});
    }
    return rows.map(({sign, text}) => ({sign, text}));
}

const classes = {" ": "diff-same", "-": "diff-gone", "+": "diff-new"};
const words = {" ": "", "-": "diff.gone", "+": "diff.new"};

export function diffView(before, after) {
    const rows = diffLines(before, after);
    if (rows.every((row) => row.sign === " ")) return h("p", {class: "muted", "data-test": "diff-same"}, t("diff.same"));
    return h("pre", {class: "diff", tabindex: "0", "aria-label": t("diff.label"), "data-test": "diff"},
                      ...rows.map(({sign, text}) => h("span", {class: classes[sign]}, h("span", {class: "diff-sign", "aria-hidden": "true"}, sign),
                                                                                      words[sign] ? h("span", {class: "visually-hidden"}, t(words[sign])) : null, text, "\n")));
}
