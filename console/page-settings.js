// Where devices find this server and what they trust; what to type on a device and on a command line.
import { call, session } from "./api.js";
import { h, replace } from "./dom.js";
import { may, section, small, vouch } from "./kit.js";
import { addTexts, t } from "./texts.js";
import texts from "./texts-settings.js";
import { download } from "./export.js";
import { cli, copy, copyable, dateText, errorBox, facts, header, linkButton, timeAgo } from "./ui.js";

addTexts(texts);

export const title = t("settings.title");
export const nav = "settings";
export const needs = [];

const ENDPOINT_TYPES = ["iot:Data-ATS", "iot:CredentialProvider", "iot:Jobs"];

// Groups of four, as people compare them.
const fingerprintText = (hex) => hex.toUpperCase().match(/.{1,4}/g).join(" ");

const port = (number) => (number ? h("code", String(number)) : h("span", { class: "muted" }, t("settings.port.closed")));
const apiPort = () => Number(location.port) || 443;

const endpointOf = async (type) => (await call("GET", "/endpoint", { query: { endpointType: type } })).endpointAddress;

async function endpointCard(site) {
    const asks = (await may())("iot:DescribeEndpoint");
    const addresses = asks ? await Promise.all(ENDPOINT_TYPES.map(endpointOf)) : [];
    const main = addresses[0] ?? site.endpointAddress;
    return section(t("settings.endpoint"), null,
        h("p", { class: "muted" }, t("settings.endpoint.text")),
        h("p", { class: "big-value" }, h("code", { "data-test": "settings-endpoint" }, main), copy(main, t("settings.endpoint.copy"))),
        facts({
            [t("settings.mqtt")]: port(site.mqttPort),
            [t("settings.edge")]: port(site.edgePort),
            [t("settings.https")]: port(apiPort()),
            [t("settings.names")]: site.hostnames.length ? site.hostnames.join(", ") : null,
        }),
        asks ? h("details", h("summary", t("settings.endpoint.types")), facts(Object.fromEntries(ENDPOINT_TYPES.map((type, i) => [type, h("code", addresses[i])])))) : null,
        cli(vouch("endpoint")));
}

async function rootPem() {
    const answer = await fetch("/ca.pem", { cache: "no-store" });
    if (!answer.ok) throw new Error(`GET /ca.pem: ${answer.status}`);
    return answer.text();
}

function rootCard(site) {
    const { root } = site;
    return section(t("settings.root"), [
        small(t("kit.copy"), async () => navigator.clipboard.writeText(await rootPem()), { "data-test": "settings-ca-copy" }),
        small(t("kit.download"), async () => download(await rootPem(), "root-ca.pem", "application/x-pem-file"), { kind: "primary", "data-test": "settings-ca-download" }),
    ],
        h("p", { class: "muted" }, t("settings.root.text")),
        facts({
            [t("settings.root.name")]: root.commonName,
            [t("settings.root.fingerprint")]: h("span", { class: "copyable" }, h("code", { class: "fingerprint", "data-test": "settings-fingerprint" }, fingerprintText(root.fingerprint)), copy(root.fingerprint, t("settings.root.fingerprint.copy"))),
            [t("settings.root.valid")]: h("span", `${dateText(root.notBefore)} – ${dateText(root.notAfter)} `, h("span", { class: "muted" }, "(", timeAgo(root.notAfter), ")")),
        }),
        cli(vouch("ca")));
}

function siteCard(site, who) {
    return section(t("settings.site"), null, facts({
        [t("settings.account")]: copyable(site.account),
        [t("settings.region")]: copyable(site.region),
        [t("settings.version")]: who.version ?? null,
        [t("settings.limits")]: t(`settings.limits.${site.limits}`),
        [t("settings.claim.life")]: t("settings.claim.life.text", { hours: Math.round(site.claimLifetimeMax / 360) / 10 }),
    }), cli(vouch("site")));
}

function deviceCard(site) {
    const ports = site.edgePort ? ["--port", site.edgePort] : site.mqttPort ? ["--port", site.mqttPort] : [];
    return section(t("settings.device"), null,
        h("p", { class: "muted" }, t("settings.device.text")),
        cli(["curl", "--insecure", "--output", "root-ca.pem", `${location.origin}/ca.pem`]),
        h("p", { class: "muted small" }, t("settings.device.compare")),
        cli(["openssl", "x509", "-in", "root-ca.pem", "-noout", "-fingerprint", "-sha256"]),
        h("p", { class: "muted small" }, t("settings.device.agent")),
        cli(["vouch-agent", "--claim", "bundle.json"]),
        cli(["vouch-agent", "--endpoint", site.endpointAddress, ...ports, "--root-ca", "root-ca.pem", "--cert", "claim.pem.crt", "--key", "claim.private.pem.key", "--enable-fleet-provisioning", "true",
            "--fleet-provisioning-template-name", "TEMPLATE"]));
}

function toolsCard(site) {
    const lines = ["export AWS_ACCESS_KEY_ID=AKIA… AWS_SECRET_ACCESS_KEY=…", `export AWS_REGION=${site.region} AWS_DEFAULT_REGION=${site.region}`, `export AWS_CA_BUNDLE=$PWD/root-ca.pem`,
        ...["IOT", "IOT_DATA_PLANE", "STS"].map((name) => `export AWS_ENDPOINT_URL_${name}=${location.origin}`)].join("\n");
    return section(t("settings.tools"), copy(lines), h("p", { class: "muted" }, t("settings.tools.text")), h("pre", { class: "code" }, lines),
        h("div", { class: "actions start" }, linkButton(t("settings.openapi"), "/_vouch/openapi.json", { kind: "quiet" }), linkButton(t("settings.metrics"), "/metrics", { kind: "quiet" })));
}

export async function render(root, params, signal) {
    root.classList.add("page");
    const [site, who] = await Promise.all([call("GET", "/_vouch/site", { signal }), session()]);
    replace(root,
        header(title, { text: t("settings.lead") }),
        h("div", { class: "columns" }, await endpointCard(site).catch(errorBox), rootCard(site), siteCard(site, who), deviceCard(site), toolsCard(site)));
}
