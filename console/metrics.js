// GET /metrics, read every few seconds and kept for some minutes: gauges, rates and quantiles of what happened meanwhile.
import { s } from "./dom.js";

const KEPT = 121;

// "name{a="b"} 1.5" lines to a map of name to [{labels, value}].
export function parse(text) {
    const samples = new Map();
    for (const line of text.split("\n")) {
        const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
        if (!found) continue;
        const [, name, inside, number] = found;
        const labels = {};
        for (const [, key, value] of (inside || "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
            labels[key] = value.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
        const value = number === "+Inf" ? Infinity : Number(number);
        if (!samples.has(name)) samples.set(name, []);
        samples.get(name).push({ labels, value });
    }
    return samples;
}

function matches(labels, wanted) {
    return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

// The sum over the rows that carry these labels.
export function total(samples, name, labels = {}) {
    return (samples.get(name) || []).reduce((sum, row) => (matches(row.labels, labels) ? sum + row.value : sum), 0);
}

export class History {
    constructor() {
        this.samples = [];
    }

    add(atMillis, samples) {
        this.samples.push({ atMillis, samples });
        if (this.samples.length > KEPT) this.samples.shift();
    }

    get last() {
        return this.samples.length ? this.samples[this.samples.length - 1].samples : new Map();
    }

    now(name, labels) {
        return total(this.last, name, labels);
    }

    gauge(name, labels) {
        return this.samples.map((sample) => total(sample.samples, name, labels));
    }

    // Per second, between each sample and the one before. A counter that fell began anew with its process.
    rates(name, labels) {
        const rates = [];
        for (let i = 1; i < this.samples.length; i++) {
            const seconds = (this.samples[i].atMillis - this.samples[i - 1].atMillis) / 1000;
            const grown = total(this.samples[i].samples, name, labels) - total(this.samples[i - 1].samples, name, labels);
            rates.push(seconds > 0 && grown > 0 ? grown / seconds : 0);
        }
        return rates;
    }

    // Of a histogram, over all that is kept here; since the server's start while nothing happened meanwhile. Null: never.
    quantile(name, q) {
        const first = this.samples.length ? this.samples[0].samples : new Map();
        return quantile(buckets(this.last, name, first), q) ?? quantile(buckets(this.last, name, new Map()), q);
    }

    // [{label, value}] of a counter by one of its labels, largest first.
    by(name, key) {
        const sums = new Map();
        for (const { labels, value } of this.last.get(name) || []) if (value) sums.set(labels[key], (sums.get(labels[key]) || 0) + value);
        return [...sums].map(([label, value]) => ({ label, value })).sort((a, b) => b.value - a.value);
    }
}

function buckets(samples, name, before) {
    const sums = new Map();
    const add = (from, sign) => {
        for (const { labels, value } of from.get(`${name}_bucket`) || []) {
            const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
            sums.set(bound, (sums.get(bound) || 0) + sign * value);
        }
    };
    add(samples, 1);
    add(before, -1);
    return [...sums].sort(([a], [b]) => a - b);
}

function quantile(sums, q) {
    const count = sums.length ? sums[sums.length - 1][1] : 0;
    if (!(count > 0)) return null;
    let low = 0;
    let below = 0;
    for (const [bound, upTo] of sums) {
        if (upTo >= q * count) return bound === Infinity ? low : low + (bound - low) * ((q * count - below) / Math.max(upTo - below, 1));
        low = bound;
        below = upTo;
    }
    return low;
}

// Asks for these metrics alone, and calls back with their history now and then until the signal says stop; rests while the page is hidden.
export function watch(names, seconds, signal, onSample, onError) {
    const from = `/metrics?${new URLSearchParams(names.map((name) => ["name[]", name]))}`;
    const history = new History();
    let timer = 0;
    const look = async () => {
        try {
            if (!document.hidden) {
                const answer = await fetch(from, { signal, cache: "no-store" });
                if (!answer.ok) throw new Error(String(answer.status));
                history.add(Date.now(), parse(await answer.text()));
                onSample(history);
            }
        } catch (error) {
            if (signal.aborted) return;
            onError(error);
        }
        timer = setTimeout(look, seconds * 1000);
    };
    signal.addEventListener("abort", () => clearTimeout(timer));
    look();
}

/* ---- charts ---- */

// A line of the last values, with a name for who does not see it: chart([1, 2, 3], {label: "Connections", width, height, max}).
export function chart(values, { label, width = 160, height = 40, max, kind = "" } = {}) {
    const numbers = values.filter(Number.isFinite);
    const top = Math.max(max ?? 0, ...numbers, 1e-9);
    const step = width / Math.max(1, numbers.length - 1);
    const points = numbers.map((value, i) => `${(i * step).toFixed(1)},${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`);
    if (!points.length) points.push(`0,${height - 2}`); // nothing known yet: a quiet line
    const line = points.length === 1 ? [`0,${points[0].split(",")[1]}`, `${width},${points[0].split(",")[1]}`] : points;
    return s("svg", { class: ["chart", kind], viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
        s("polygon", { points: `0,${height} ${line.join(" ")} ${width},${height}` }), s("polyline", { points: line.join(" ") }));
}
