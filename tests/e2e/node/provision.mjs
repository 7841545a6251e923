// Provisions a device with AWS's own SDK over MQTT 3.1.1 and reconnects with what it got.
// node provision.mjs HOST PORT CA CLAIM_CERT CLAIM_KEY TEMPLATE THING [CSR_FILE DEVICE_KEY]
import fs from 'node:fs';
import sdk from 'aws-iot-device-sdk-v2';

const { iot, iotidentity, mqtt } = sdk;
const [host, port, ca, cert, key, template, thing, csrFile, deviceKey] = process.argv.slice(2);

function connection(certPem, keyPem, clientId) {
  const config = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder(certPem, keyPem)
    .with_certificate_authority(fs.readFileSync(ca, 'utf8'))
    .with_clean_session(false)
    .with_client_id(clientId)
    .with_endpoint(host)
    .with_port(Number(port))
    .build();
  return new mqtt.MqttClient().new_connection(config);
}

// Resolves with the first answer on either topic, after both subscriptions stand.
async function ask(subscribeAccepted, subscribeRejected, publish) {
  let settle;
  const answer = new Promise((resolve, reject) => { settle = { resolve, reject }; });
  await subscribeAccepted((error, response) => (error ? settle.reject(error) : settle.resolve(response)));
  await subscribeRejected((error, response) => settle.reject(error ?? new Error(JSON.stringify(response))));
  await publish();
  return answer;
}

const QOS = mqtt.QoS.AtLeastOnce;
const claim = connection(fs.readFileSync(cert, 'utf8'), fs.readFileSync(key, 'utf8'), `test-${thing}`);
await claim.connect();
const identity = new iotidentity.IotIdentityClient(claim);

const created = csrFile
  ? await ask(
    (handler) => identity.subscribeToCreateCertificateFromCsrAccepted({}, QOS, handler),
    (handler) => identity.subscribeToCreateCertificateFromCsrRejected({}, QOS, handler),
    () => identity.publishCreateCertificateFromCsr({ certificateSigningRequest: fs.readFileSync(csrFile, 'utf8') }, QOS))
  : await ask(
    (handler) => identity.subscribeToCreateKeysAndCertificateAccepted({}, QOS, handler),
    (handler) => identity.subscribeToCreateKeysAndCertificateRejected({}, QOS, handler),
    () => identity.publishCreateKeysAndCertificate({}, QOS));

const registered = await ask(
  (handler) => identity.subscribeToRegisterThingAccepted({ templateName: template }, QOS, handler),
  (handler) => identity.subscribeToRegisterThingRejected({ templateName: template }, QOS, handler),
  () => identity.publishRegisterThing({
    templateName: template,
    certificateOwnershipToken: created.certificateOwnershipToken,
    parameters: { ThingName: thing },
  }, QOS));
await claim.disconnect();

const ownKey = csrFile ? fs.readFileSync(deviceKey, 'utf8') : created.privateKey;
const device = connection(created.certificatePem, ownKey, registered.thingName);
await device.connect();
await device.publish(`${registered.thingName}/hello`, 'from the SDK', QOS);
await device.disconnect();
console.log(JSON.stringify({ thingName: registered.thingName, certificateId: created.certificateId, hasKey: Boolean(created.privateKey) }));
process.exit(0);
