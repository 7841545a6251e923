// The code that a device shows, checked here before the server is asked: src/core/pair_code.h says how it is made.
export const ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXZ";
const LENGTH = 8;

export const symbols = (text) => String(text ?? "").toUpperCase().replace(/[\s-]/g, "");
export const spelled = (text) => symbols(text).replace(/^(.{4})(.+)$/, "$1-$2");

// "good", "short" (so far), "form" (a sign that no code has, or too many) or "mistyped" (the check is not right).
export function judge(text) {
    const values = [...symbols(text)].map((one) => ALPHABET.indexOf(one));
    if (values.includes(-1) || values.length > LENGTH) return "form";
    if (values.length < LENGTH) return "short";
    return values.reduce((sum, value, i) => sum + (LENGTH - i) * value, 0) % 29 === 0 ? "good" : "mistyped";
}

// What a device's QR says: {code, key?, root?, host?}; null for anything else. `#c=…&k=…&r=…` of the installer's address.
export function parseHandover(text) {
    let address;
    try {
        address = new URL(text, location.href);
    } catch {
        return judge(text) === "good" ? { code: symbols(text) } : null;
    }
    const words = new URLSearchParams(address.hash.slice(1));
    const code = symbols(words.get("c"));
    if (address.pathname !== "/install" || judge(code) !== "good") return judge(text) === "good" ? { code: symbols(text) } : null;
    const hex = (name, length) => (new RegExp(`^[0-9a-f]{${length}}$`).test(words.get(name) ?? "") ? words.get(name) : undefined);
    const twice = ["c", "k", "r"].some((name) => words.getAll(name).length > 1); // which of them did the device see?
    const bad = twice || ["k", "r"].some((name) => words.has(name) && !hex(name, name === "k" ? 16 : 64));
    return bad ? null : { code, key: hex("k", 16), root: hex("r", 64), host: address.host };
}
