// The server, as pages see it: the same public API that everybody has, with the session's cookie instead of a signature.
//
//   await call("GET", "/things", {query: {maxResults: 50}})        parsed JSON; throws ApiError
//   await call("PUT", `/policies/${name}`, {body: {...}})
//   await session()   {userName, arn, csrfToken, …}; rights()  {actions, templates}; allowed(rights, "iot:ListThings")
//   for await (const rows of pages("/things", {list: "things", marker: "nextToken"})) …     rows of one page
//   const load = pager("/things", {list: "things", marker: "nextToken"});  const {rows, next} = await load(token)
//   const close = events((event) => …, {query: {thingName}, signal, onState: (word) => …})
//
// Who has no session (any more) is sent to the sign-in page and comes back to the same place.

export class ApiError extends Error {
    constructor(status, code, message, reason, data) {
        super(message || code || `HTTP ${status}`);
        Object.assign(this, { name: "ApiError", status, code: code || "", reason: reason || "", data: data ?? {} });
    }
}

const CHANGING = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const NO_SESSION = new Set(["MissingAuthenticationTokenException", "ExpiredTokenException"]);
let token = null; // against forged requests; never stored
let sessionPromise = null;
let rightsPromise = null;
let leaving = false;

export const here = () => location.pathname + location.search + location.hash;

// A place of this origin, or the console: what stands in an address may come from anybody.
export function localPath(text) {
    if (typeof text !== "string" || !/^\/(?![/\\])/.test(text) || /[\\\u0000-\u001f]/.test(text)) return "/console";
    return new URL(text, location.origin).origin === location.origin ? text : "/console";
}

export function goSignIn() {
    if (leaving) return;
    leaving = true;
    location.assign(`/sign-in?return=${encodeURIComponent(here())}`);
}

function isSignedOut(error) {
    if (NO_SESSION.has(error.code) || error.reason === "session-ended") return true;
    return error.status === 401 && !["sign-in-refused", "totp-needed"].includes(error.reason);
}

export function address(path, query) {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {}))
        for (const one of [value].flat()) if (one !== undefined && one !== null && one !== "") words.append(name, one);
    const text = words.toString();
    return text ? `${path}?${text}` : path;
}

async function read(response) {
    const text = await response.text();
    if (!/json/.test(response.headers.get("content-type") ?? "")) return text;
    return text ? JSON.parse(text) : {};
}

function errorOf(response, data) {
    const code = (response.headers.get("x-amzn-errortype") ?? data?.__type ?? "").split(":")[0];
    const error = new ApiError(response.status, code, data?.message ?? data?.Message, response.headers.get("x-vouch-reason"), data);
    const wait = Number(response.headers.get("retry-after"));
    if (wait > 0) error.retryAfter = wait;
    return error;
}

// What early.js asked, once.
function early(method, path, query) {
    const asked = globalThis.vouchEarly?.[path];
    if (!asked || method !== "GET" || query) return null;
    delete globalThis.vouchEarly[path];
    return asked;
}

async function send(method, path, { query, body, signal, headers }) {
    const all = { accept: "application/json", ...headers };
    if (CHANGING.has(method) && token) all["x-vouch-csrf"] = token;
    let bytes;
    if (body !== undefined) {
        bytes = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
        all["content-type"] ??= "application/json";
    }
    try {
        return await (early(method, path, query) ?? fetch(address(path, query), { method, headers: all, body: bytes, signal, credentials: "same-origin", redirect: "error", cache: "no-store" }));
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new ApiError(0, "Unreachable", "The server does not answer.", "unreachable");
    }
}

/* ---- a server that is away ---- */

const LOOK_MS = [300, 600, 1000, 2000];
let told = null; // told(true) while nobody answers, told(false) when it is over
let away = null;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const stopped = (signal) => new Promise((resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

async function comeBack() {
    told(true);
    for (let i = 0; ; i++) {
        await pause(LOOK_MS[Math.min(i, LOOK_MS.length - 1)]);
        const answer = await fetch("/readyz", { cache: "no-store" }).catch(() => null);
        if (answer?.ok) break;
    }
    away = null;
    told(false);
}

// From now on what only reads waits for a server that does not answer, and then asks again. What changes something does not: nobody
// knows whether it was done.
export const patient = (tell) => void (told = tell);

// Whether the server is away, once it is back: for what no call brings, such as modules.
export async function wasAway() {
    if (!told || (await fetch("/readyz", { cache: "no-store" }).then((answer) => answer.ok, () => false))) return false;
    away ??= comeBack();
    await away;
    return true;
}

// False: there is nothing to wait for.
async function returned(error, method, { open: opened, signal }) {
    if (!told || error.reason !== "unreachable" || method !== "GET" || opened) return false;
    away ??= comeBack();
    await (signal ? Promise.race([away, stopped(signal)]) : away);
    return true;
}

async function sendOn(method, path, options) {
    for (;;) {
        try {
            return await send(method, path, options);
        } catch (error) {
            if (!await returned(error, method, options)) throw error;
        }
    }
}

// stay: true throws for a missing session too, instead of leaving the page.
export async function call(method, path, options = {}) {
    if (CHANGING.has(method) && !token && !options.open) await session(options);
    let response = await sendOn(method, path, options);
    let data = await read(response);
    if (response.ok) return data;
    let error = errorOf(response, data);
    if (error.reason === "csrf-refused" && !options.open) {
        forget(); // another tab signed in anew
        await session(options);
        response = await send(method, path, options);
        data = await read(response);
        if (response.ok) return data;
        error = errorOf(response, data);
    }
    if (isSignedOut(error) && !options.stay && !options.open) {
        goSignIn();
        return new Promise(() => {}); // the page is on its way out
    }
    throw error;
}

// What needs no session: sign-in and the like.
export const open = (method, path, options = {}) => call(method, path, { ...options, open: true });

export function forget() {
    token = null;
    sessionPromise = null;
    rightsPromise = null;
}

export function session(options = {}) {
    sessionPromise ??= call("GET", "/_vouch/session", { stay: options.stay }).then((found) => {
        token = found.csrfToken;
        return found;
    }, (error) => {
        sessionPromise = null;
        throw error;
    });
    return sessionPromise;
}

export function sessionIs(found) { // after a sign-in on this very page
    token = found.csrfToken;
    sessionPromise = null;
    rightsPromise = null;
}

export function rights(options = {}) {
    rightsPromise ??= call("GET", "/_vouch/session/rights", { stay: options.stay }).catch((error) => {
        rightsPromise = null;
        throw error;
    });
    return rightsPromise;
}

// "all" and "some" let the page offer it; the server judges each request.
export const allowed = (found, action) => !action || ["all", "some"].includes(found.actions?.[action]);
export const allowedAll = (found, actions) => (actions ?? []).every((action) => [action].flat().some((one) => allowed(found, one)));

export async function signOut() {
    await call("DELETE", "/_vouch/session", { stay: true }).catch((error) => {
        if (!isSignedOut(error)) throw error;
    });
    forget();
    leaving = true;
    location.assign("/sign-in");
}

// A page that the browser kept whole for its Back button is asked for anew: its reader may have signed out since.
addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.documentElement.hidden = true;
    location.reload();
});

/* ---- lists ---- */

// The answer's member and the request's parameter: nextToken and nextToken, nextMarker and marker.
const parameterOf = (marker) => (marker === "nextMarker" ? "marker" : marker);
const sizeOf = (marker) => (marker === "nextMarker" ? "pageSize" : "maxResults");

export function pager(path, { query, list, marker = "nextToken", size = 100, method = "GET", body } = {}) {
    return async (at, signal) => {
        const answer = await call(method, path, { query: { [sizeOf(marker)]: size, ...query, [parameterOf(marker)]: at }, body, signal });
        return { rows: answer[list] ?? [], next: answer[marker] || null, answer };
    };
}

export async function* pages(path, options = {}) {
    const load = pager(path, options);
    let at;
    do {
        const { rows, next } = await load(at, options.signal);
        yield rows;
        at = next;
    } while (at);
}

/* ---- what happens ---- */

// handler({type: "ledger" | "connection", id, data}); onState("open" | "waiting" | "off"). Returns what closes it.
export function events(handler, { query, signal, onState } = {}) {
    const source = new EventSource(address("/_vouch/events", query));
    const told = (word) => onState?.(word);
    const pass = (type) => source.addEventListener(type, (event) => {
        let data;
        try {
            data = JSON.parse(event.data);
        } catch {
            return;
        }
        handler({ type, id: event.lastEventId, data });
    });
    const close = () => {
        source.close();
        removeEventListener("pagehide", close);
    };
    ["ledger", "connection"].forEach(pass);
    source.onopen = () => told("open");
    source.onerror = () => told(source.readyState === EventSource.CLOSED ? "off" : "waiting");
    signal?.addEventListener("abort", close, { once: true });
    addEventListener("pagehide", close, { once: true });
    return close;
}
