// A field for JSON documents: line numbers, the server's findings while one types, and what they are about at a click.
//
//   const editor = jsonEditor({ label, value, kind: "policy" | "template", hook, account, readonly, test });
//   editor.node; editor.value; editor.set(text); editor.valid: false when it is sure to be refused
//
// Tab leaves the field, as everywhere; Enter keeps the indentation.
import { ApiError, call } from "./api.js";
import { h, replace } from "./dom.js";
import { jsonAt, jsonFault, lineOf, pretty } from "./json-at.js";
import { may } from "./kit.js";
import { addTexts, t } from "./texts.js";
import texts from "./texts-documents.js";

addTexts(texts);

const PAUSE_MS = 350;
const ROWS_MIN = 12;
const ROWS_MAX = 48;

let counter = 0;

function indentOf(text, at) {
    return /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", at - 1) + 1, at))[0];
}

class Editor {
    constructor(options) {
        this.options = options;
        this.valid = true;
        this.turn = 0;
        const id = `editor-${++counter}`;
        this.gutter = h("pre", { class: "editor-lines", "aria-hidden": "true" });
        this.area = h("textarea", {
            id, class: "editor-text", spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off", readonly: Boolean(options.readonly),
            "aria-describedby": `${id}-findings`, "data-test": options.test,
            oninput: () => this.typed(), onkeydown: (event) => this.key(event), onscroll: () => { this.gutter.scrollTop = this.area.scrollTop; },
        });
        this.findings = h("div", { id: `${id}-findings`, class: "editor-findings", "aria-live": "polite", "data-test": `${options.test}-findings` });
        this.tools = options.readonly ? null : h("div", { class: "editor-tools" },
            h("button", { type: "button", class: "button quiet small", onclick: () => this.set(pretty(this.value)), "data-test": `${options.test}-format` }, t("editor.format")),
            options.account ? h("button", { type: "button", class: "button quiet small", onclick: () => this.putAccount(), "data-test": `${options.test}-account` }, t("editor.account")) : null,
            ...(options.starters ?? []).map(({ label, text, test }) => h("button", { type: "button", class: "button quiet small", onclick: () => this.set(text), "data-test": test }, label)));
        this.node = h("div", { class: "editor" },
            h("div", { class: "editor-head" }, h("label", { for: id }, options.label), this.tools),
            h("div", { class: "editor-box" }, this.gutter, this.area), this.findings);
        this.set(options.value ?? "");
    }

    get value() {
        return this.area.value;
    }

    set(text) {
        this.area.value = text;
        this.typed();
    }

    focus() {
        this.area.focus();
    }

    typed() {
        const lines = this.value.split("\n").length;
        this.area.rows = Math.min(ROWS_MAX, Math.max(ROWS_MIN, lines + 2));
        this.gutter.textContent = Array.from({ length: lines }, (_, i) => i + 1).join("\n");
        this.gutter.scrollTop = this.area.scrollTop;
        this.options.onChange?.(this.value);
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.look(), PAUSE_MS);
    }

    key(event) {
        if (this.options.readonly || event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        const { selectionStart: from, selectionEnd: to } = this.area;
        const deeper = /[[{]\s*$/.test(this.value.slice(0, from)) ? "  " : "";
        this.area.setRangeText(`\n${indentOf(this.value, from)}${deeper}`, from, to, "end");
        this.typed();
    }

    // The placeholder that examples have where the account belongs.
    putAccount() {
        this.set(this.value.replace(/(arn:aws[\w-]*:[\w-]*:[\w-]*:)[\w<>{}$-]*account[\w<>{}-]*(?=:)/gi, `$1${this.options.account}`));
        this.focus();
    }

    async look() {
        const turn = ++this.turn;
        const text = this.value;
        if (!text.trim()) return this.show(turn, { valid: false, findings: [] }, true);
        let told;
        try {
            const body = { document: text, kind: this.options.kind, hook: Boolean(this.options.hook) };
            told = (await may())("vouch:LintDocument") ? await call("POST", "/_vouch/lint", { body }) : this.lookHere(text);
        } catch (error) {
            if (!(error instanceof ApiError)) throw error;
            told = this.lookHere(text);
        }
        this.show(turn, told, false);
    }

    // Who may not ask the server still hears what is no JSON.
    lookHere(text) {
        const fault = jsonFault(text);
        return { valid: !fault, unasked: true, findings: fault ? [{ rule: "json", field: "", sentence: fault.message }] : [] };
    }

    show(turn, told, empty) {
        if (turn !== this.turn) return;
        this.valid = told.valid;
        this.told = told;
        const rows = told.findings.map((finding) => this.row(finding, told.valid));
        const clean = told.valid && !rows.length;
        replace(this.findings,
            clean && !told.unasked ? h("p", { class: "finding-clean" }, t("editor.clean")) : null,
            rows.length ? h("ul", { class: "findings" }, rows) : null,
            told.mended ? h("button", { type: "button", class: "button small", onclick: () => this.set(JSON.stringify(told.mended, null, 2)), "data-test": `${this.options.test}-mend` }, t("editor.mend")) : null,
            empty ? h("p", { class: "muted" }, t("editor.empty")) : null);
        this.options.onLint?.(told);
    }

    row(finding, valid) {
        const refusal = !valid && !/^[LTM]\d$/.test(finding.rule);
        const place = finding.field ? jsonAt(this.value, finding.field) : this.faultPlace(refusal, finding.sentence);
        const where = place ? t("editor.line", { line: lineOf(this.value, place[0]) }) : "";
        return h("li", { class: refusal ? "finding-bad" : "finding-warn" },
            h("span", { class: "finding-rule" }, refusal ? t("editor.refused") : finding.rule),
            h("span", { class: "finding-text" }, finding.sentence),
            place ? h("button", { type: "button", class: "place", onclick: () => this.go(place), title: finding.field || null }, where) : null);
    }

    // What is no JSON has no pointer; the server says the line.
    faultPlace(refusal, sentence) {
        const said = /\(line (\d+), column (\d+)\)/.exec(sentence);
        if (said) {
            const at = this.value.split("\n").slice(0, said[1] - 1).reduce((sum, line) => sum + line.length + 1, 0) + Math.max(0, said[2] - 1);
            return [Math.min(at, this.value.length), Math.min(at + 1, this.value.length)];
        }
        const fault = refusal ? jsonFault(this.value) : null;
        return fault ? [fault.at, Math.min(fault.at + 1, this.value.length)] : null;
    }

    go([start, end]) {
        this.focus();
        this.area.setSelectionRange(start, end);
        const line = lineOf(this.value, start);
        const height = parseFloat(getComputedStyle(this.area).lineHeight) || 20;
        this.area.scrollTop = Math.max(0, (line - 4) * height);
    }
}

export const jsonEditor = (options) => new Editor(options);
