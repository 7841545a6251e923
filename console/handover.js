// A claim in the forms in which a device may get it: bundle.json and files, as `vouch claim create --out` writes them.
import { call } from "./api.js";

export async function rootCertificate() {
    const answer = await fetch("/ca.pem", { cache: "no-store" });
    if (!answer.ok) throw new Error(`GET /ca.pem: ${answer.status}`);
    return answer.text();
}

export async function bundleOf(claim, templateName) {
    const [site, rootCa] = await Promise.all([call("GET", "/_vouch/site"), rootCertificate()]);
    return {
        endpoint: site.endpointAddress.replace(/:\d+$/, ""),
        ...(site.mqttPort ? { mqttPort: site.mqttPort } : {}),
        ...(site.edgePort ? { edgePort: site.edgePort } : {}),
        templateName,
        certificateId: claim.certificateId,
        expiration: claim.expiration,
        certificatePem: claim.certificatePem,
        ...(claim.keyPair ? { privateKey: claim.keyPair.PrivateKey } : {}),
        rootCa,
    };
}

// [name, text, media type] of each file.
export function filesOf(bundle) {
    return [
        ["bundle.json", `${JSON.stringify(bundle, null, 2)}\n`, "application/json"],
        ["claim.pem.crt", bundle.certificatePem, "application/x-pem-file"],
        ...(bundle.privateKey ? [["claim.private.pem.key", bundle.privateKey, "application/x-pem-file"]] : []),
        ["root-ca.pem", bundle.rootCa, "application/x-pem-file"],
    ];
}
