// What a person reads, in one language. For another one, translate this file and texts-*.js, which pages bring along (addTexts).
//
//   t("things.title")      t("table.page", {page: 2})        {name} is replaced
//
// A key that is missing shows itself, so that it is seen.
const all = {
    "app.name": "vouch",
    "app.console": "Console",
    "app.menu": "Menu",
    "app.skip": "Skip to content",
    "app.navigation": "Pages",
    "app.loading": "Loading…",
    "app.refused": "You may not see this page",
    "app.refused.text": "Your user has no permission for it. Who looks after this server can allow {actions}.",
    "app.nothing": "There is no such page",
    "app.nothing.text": "The address may be mistyped, or the page belongs to a later version.",
    "app.nothing.go": "Go to the overview",
    "app.nowhere": "Nothing here for your user yet",
    "app.nowhere.text": "Your user may sign in, and nothing else. Who looks after this server can give it permissions.",
    "app.install": "Vouch for a device",
    "app.install.short": "Vouch",
    "app.away": "The server does not answer. Trying again.",
    "app.back": "The server answers again.",

    "nav.group.fleet": "Fleet",
    "nav.group.provisioning": "Provisioning",
    "nav.group.insight": "Insight",
    "nav.group.server": "Server",
    "nav.overview": "Overview",
    "nav.live": "Live activity",
    "nav.things": "Things",
    "nav.groups": "Groups",
    "nav.certificates": "Certificates",
    "nav.pairings": "Pairing",
    "nav.claims": "Claims",
    "nav.templates": "Templates",
    "nav.policies": "Policies",
    "nav.hooks": "Hooks",
    "nav.users": "Users and keys",
    "nav.ledger": "Ledger",
    "nav.why": "Why",
    "nav.settings": "Settings",

    "search.title": "Search",
    "search.short": "Search",

    "parts.all": "All",

    "ui.actions": "Actions",
    "ui.cancel": "Cancel",
    "ui.save": "Save",
    "ui.yes": "Yes, do it",
    "ui.close": "Close",
    "ui.copy": "Copy",
    "ui.copied": "Copied",
    "ui.copy.failed": "Could not be copied",
    "ui.cli": "The same on the command line",
    "ui.export": "Export",
    "ui.export.csv": "CSV",
    "ui.export.json": "JSON",
    "ui.export.all": "all pages",
    "ui.export.rows": "{count} rows",
    "ui.export.done": "{count} rows saved",
    "ui.export.most": "The first {count} rows saved, which is all that fits into one file",
    "ui.export.stopped": "Stopped; nothing saved",
    "ui.previous": "Previous",
    "ui.next": "Next",
    "ui.page": "Page {page}",
    "ui.empty": "Nothing here yet",
    "ui.retry": "Try again",
    "ui.type.to.confirm": "Type {word} to confirm",
    "ui.now": "just now",

    "account.menu": "Account of {user}",
};

export function t(key, values) {
    const text = all[key] ?? key;
    return values ? text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole)) : text;
}

// Before the modules that use them are evaluated.
export const addTexts = (more) => void Object.assign(all, more);
// Of one and of several: "key.one" is for one.
export const many = (key, count, values) => t(count === 1 && has(`${key}.one`) ? `${key}.one` : key, { count, ...values });
export const has = (key) => key in all;
