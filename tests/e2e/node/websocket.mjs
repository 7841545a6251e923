// AWS's own SDK over WebSocket with static credentials: MQTT 3.1.1 and, with "5", MQTT 5.
// node websocket.mjs 3|5 HOST PORT CA REGION CLIENT_ID [EXPECT_REFUSAL]; credentials in the usual variables.
import fs from 'node:fs';
import sdk from 'aws-iot-device-sdk-v2';

const { auth, iot, mqtt, mqtt5 } = sdk;
const [level, host, port, ca, region, clientId] = process.argv.slice(2);
const topic = `${clientId}/echo`;
const pem = fs.readFileSync(ca, 'utf8');
const provider = () => auth.AwsCredentialsProvider.newStatic(process.env.AWS_ACCESS_KEY_ID, process.env.AWS_SECRET_ACCESS_KEY,
  process.env.AWS_SESSION_TOKEN || undefined);

async function by311() {
  const config = iot.AwsIotMqttConnectionConfigBuilder.new_with_websockets({ region, credentials_provider: provider() })
    .with_certificate_authority(pem)
    .with_clean_session(true)
    .with_client_id(clientId)
    .with_endpoint(host)
    .with_port(Number(port))
    .build();
  const connection = new mqtt.MqttClient().new_connection(config);
  await connection.connect();
  const told = new Promise((resolve) => { connection.subscribe(topic, mqtt.QoS.AtLeastOnce, (_, payload) => resolve(payload)); });
  await new Promise((resolve) => { setTimeout(resolve, 200); });
  await connection.publish(topic, 'by 3.1.1', mqtt.QoS.AtLeastOnce);
  const payload = Buffer.from(await told).toString();
  await connection.disconnect();
  return { payload };
}

async function by5() {
  const config = iot.AwsIotMqtt5ClientConfigBuilder.newWebsocketMqttBuilderWithSigv4Auth(host, { region, credentialsProvider: provider() })
    .withCertificateAuthority(pem)
    .withConnectProperties({ clientId, keepAliveIntervalSeconds: 60 })
    .withPort(Number(port))
    .build();
  const client = new mqtt5.Mqtt5Client(config);
  const event = (name) => new Promise((resolve) => { client.once(name, resolve); });
  const connected = event('connectionSuccess'), failed = event('connectionFailure'), told = event('messageReceived');
  client.start();
  const first = await Promise.race([connected.then((e) => ({ e })), failed.then((e) => { throw new Error(`refused: ${e.error}`); })]);
  const suback = await client.subscribe({ subscriptions: [{ topicFilter: topic, qos: 1 }] });
  const puback = await client.publish({ topicName: topic, qos: 1, payload: 'by 5', contentType: 'text/plain', userProperties: [{ name: 'a', value: '1' }] });
  const { message } = await told;
  const stopped = event('stopped');
  client.stop();
  await stopped;
  return { payload: Buffer.from(message.payload).toString(), contentType: message.contentType, userProperties: message.userProperties,
    suback: suback.reasonCodes, puback: puback.reasonCode, keepAlive: first.e.settings.serverKeepAlive };
}

try {
  console.log(JSON.stringify(level === '5' ? await by5() : await by311()));
  process.exit(0);
} catch (error) {
  console.error(String(error));
  process.exit(2);
}
