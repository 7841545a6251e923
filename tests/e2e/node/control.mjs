// The AWS SDK for JavaScript against a vouch server's control plane. usage: control.mjs ENDPOINT TEMPLATE_FILE PREFIX
// Prints one line of JSON. Credentials, region and root certificate (NODE_EXTRA_CA_CERTS) come from the environment.
import { readFileSync } from "node:fs";
import * as iot from "@aws-sdk/client-iot";

const [endpoint, templateFile, prefix] = process.argv.slice(2);
const client = new iot.IoTClient({ endpoint, maxAttempts: 1 });
const told = {};

// What an operation refuses with, as the SDK's own classes have it.
async function refusal(command) {
    try {
        await client.send(command);
    } catch (error) {
        return { name: error.name, status: error.$metadata.httpStatusCode, known: error instanceof iot.IoTServiceException, resourceArn: error.resourceArn };
    }
    throw new Error(`${command.constructor.name} was not refused`);
}

async function pages(paginator, list) {
    const found = [], sizes = [];
    for await (const page of paginator) {
        sizes.push(page[list].length);
        found.push(...page[list]);
    }
    return { found, sizes };
}

const template = {
    templateName: `${prefix}Template`,
    templateBody: readFileSync(templateFile, "utf8"),
    provisioningRoleArn: "arn:aws:iam::123456789012:role/IoTFleetProvisioningRole",
    enabled: true,
};
told.created = await client.send(new iot.CreateProvisioningTemplateCommand(template));
told.again = await refusal(new iot.CreateProvisioningTemplateCommand(template));
told.described = await client.send(new iot.DescribeProvisioningTemplateCommand({ templateName: template.templateName }));
told.claim = await client.send(new iot.CreateProvisioningClaimCommand({ templateName: template.templateName }));
told.claim.isDate = told.claim.expiration instanceof Date;
told.missing = await refusal(new iot.DescribeThingCommand({ thingName: `${prefix}-nowhere` }));
told.invalid = await refusal(new iot.ListThingsCommand({ maxResults: 0 }));

for (let i = 0; i < 7; i++)
    await client.send(new iot.CreateThingCommand({ thingName: `${prefix}-${i}`, attributePayload: { attributes: { lot: prefix } } }));
const things = await pages(iot.paginateListThings({ client, pageSize: 3 }, { attributeName: "lot", attributeValue: prefix }), "things");
told.things = { names: things.found.map((thing) => thing.thingName), sizes: things.sizes };

const policyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "iot:Connect", Resource: "*" }] });
for (let i = 0; i < 5; i++) await client.send(new iot.CreatePolicyCommand({ policyName: `${prefix}-p${i}`, policyDocument }));
const policies = await pages(iot.paginateListPolicies({ client, pageSize: 2 }, {}), "policies");
told.policies = { names: policies.found.map((policy) => policy.policyName), sizes: policies.sizes };

const made = await client.send(new iot.CreateKeysAndCertificateCommand({ setAsActive: true }));
await client.send(new iot.AttachPolicyCommand({ policyName: `${prefix}-p0`, target: made.certificateArn }));
await client.send(new iot.AttachThingPrincipalCommand({ thingName: `${prefix}-0`, principal: made.certificateArn }));
told.principals = (await client.send(new iot.ListThingPrincipalsCommand({ thingName: `${prefix}-0` }))).principals;
told.certificateArn = made.certificateArn;
told.inUse = await refusal(new iot.DeletePolicyCommand({ policyName: `${prefix}-p0` }));

console.log(JSON.stringify(told));
