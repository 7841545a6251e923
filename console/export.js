// Files of what a page shows: CSV and JSON, of one page or of all of them.
import { h } from "./dom.js";

// As many rows as a file of all pages holds: a browser keeps it whole before it is saved.
export const MOST_ROWS = 100000;

// A cell that a spreadsheet would take for a formula is made text.
export function csvCell(value) {
    const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const namesOf = (rows) => [...new Set(rows.flatMap((row) => Object.keys(row)))];

export function csvText(rows) {
    const names = namesOf(rows);
    return [names, ...rows.map((row) => names.map((name) => row[name]))].map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

export function download(text, name, type = "text/plain") {
    const address = URL.createObjectURL(text instanceof Blob ? text : new Blob([text], { type }));
    const link = h("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// Pieces of a file: begin(first rows), more(rows), end(). The columns of CSV are those of the first rows.
const FORMS = {
    csv: () => {
        let names;
        const line = (cells) => `${cells.map(csvCell).join(",")}\r\n`;
        return { type: "text/csv", end: () => "", more: (rows) => {
            const head = names ? "" : line(names = namesOf(rows));
            return head + rows.map((row) => line(names.map((name) => row[name]))).join("");
        } };
    },
    json: () => {
        let begun = false;
        return { type: "application/json", end: () => (begun ? "\n]\n" : "[]\n"), more: (rows) => rows.map((row) => {
            const before = begun ? "," : "[";
            begun = true;
            return `${before}\n  ${JSON.stringify(row, null, 2).replaceAll("\n", "\n  ")}`;
        }).join("") };
    },
};

// save(pages, name, "csv" | "json", {onRows(count), signal}): pages is an iterable of lists of rows, asynchronous or not. Gives
// {rows, more}: how many there are in the file, and whether the bound left some out. Throws AbortError once the signal says stop.
export async function save(pages, name, form, { onRows, signal } = {}) {
    const { type, more, end } = FORMS[form]();
    const parts = [];
    let count = 0;
    let left = false;
    for await (const rows of pages) {
        signal?.throwIfAborted();
        const taken = rows.slice(0, MOST_ROWS - count);
        left = taken.length < rows.length;
        if (taken.length) parts.push(more(taken));
        count += taken.length;
        onRows?.(count);
        if (left) break;
    }
    signal?.throwIfAborted();
    parts.push(end());
    download(new Blob(parts, { type }), `${name}.${form}`);
    return { rows: count, more: left };
}
