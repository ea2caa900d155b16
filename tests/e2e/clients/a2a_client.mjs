// The official SDK of A2A against the server: one line for each thing that works.
import { Client, ClientFactory, ClientFactoryOptions, JsonRpcTransportFactory, RestTransportFactory } from '@a2a-js/sdk/client';
import { DefaultAgentCardResolver } from '@a2a-js/sdk/client';
import { randomUUID } from 'node:crypto';

const [card, token, binding] = process.argv.slice(2);
const withToken = (url, init = {}) =>
  fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

const factory = new ClientFactory({
  transports: [
    binding === 'rest'
      ? new RestTransportFactory({ fetchImpl: withToken })
      : new JsonRpcTransportFactory({ fetchImpl: withToken }),
  ],
  cardResolver: new DefaultAgentCardResolver({ fetchImpl: withToken }),
});
const client = await factory.createFromUrl(card, '');
console.log('card', (await client.getAgentCard()).name);

const message = (text, more = {}) => ({
  tenant: '',
  message: {
    messageId: randomUUID(), contextId: '', taskId: '', role: 1, extensions: [], referenceTaskIds: [],
    metadata: undefined,
    parts: [{ content: { $case: 'text', value: text }, filename: '', mediaType: '', metadata: undefined }],
    ...more,
  },
  configuration: undefined,
  metadata: undefined,
});

const states = { 1: 'submitted', 2: 'working', 3: 'completed', 4: 'failed', 5: 'canceled' };
const one = message('hello', { contextId: 'talk-1' });
const task = await client.sendMessage(one);
console.log('sent', states[task.status.state], task.contextId, task.artifacts[0].parts[0].content.value);
const again = await client.sendMessage(one);
console.log('again', again.id === task.id);

const seen = [];
let last;
for await (const event of client.sendMessageStream(message('streamed'))) {
  seen.push(event.payload.$case);
  last = event.payload.value;
}
console.log('stream', seen[0], seen.includes('artifactUpdate'), states[last.status.state]);

const got = await client.getTask({ tenant: '', id: task.id, historyLength: undefined });
console.log('got', states[got.status.state]);
const listed = await client.listTasks({
  tenant: '', contextId: 'talk-1', status: 0, pageSize: undefined, pageToken: '',
  historyLength: undefined, statusTimestampAfter: '', includeArtifacts: undefined,
});
console.log('listed', listed.tasks.length, listed.tasks[0].id === task.id);

const slow = await client.sendMessage({
  ...message('wait'),
  configuration: {
    acceptedOutputModes: [], taskPushNotificationConfig: undefined, historyLength: undefined,
    returnImmediately: true,
  },
});
const canceled = await client.cancelTask({ tenant: '', id: slow.id, metadata: undefined });
console.log('canceled', states[canceled.status.state]);
try {
  await client.cancelTask({ tenant: '', id: slow.id, metadata: undefined });
} catch (error) {
  console.log('twice', error.name);
}
try {
  await client.getTask({ tenant: '', id: 'a2a-0000000000-00000000000000000000', historyLength: undefined });
} catch (error) {
  console.log('missing', error.name);
}
