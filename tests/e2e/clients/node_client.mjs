// A program with @kubernetes/client-node: what it does, one line each. Run by test_api_clients.py.
//
//     node_client.mjs basics          everything that is done with objects once
//     node_client.mjs follow NAME     an informer of quotas until it has NAME, over restarts of the server
import { PassThrough } from 'node:stream';
import * as k8s from '@kubernetes/client-node';

const config = new k8s.KubeConfig();
config.loadFromFile(process.env.KUBECONFIG);
const api = config.makeApiClient(k8s.CustomObjectsApi);
const core = config.makeApiClient(k8s.CoreV1Api);
const space = { group: 'reeve.dev', version: 'v1', namespace: 'default' };
const quotas = { ...space, plural: 'budgetquotas' };
const quotasPath = '/apis/reeve.dev/v1/namespaces/default/budgetquotas';
const say = (...words) => console.log(...words);
const names = (items) => items.map((item) => item.metadata.name).join(',');
const object = (kind, name, spec) => ({ apiVersion: 'reeve.dev/v1', kind, metadata: { name }, spec });
const quota = (name) => object('BudgetQuota', name, { limits: { maxTotalTokens: 1 } });

// Resolves with the first event for which `wanted` is true.
function watchFor(path, query, wanted) {
  return new Promise((resolve, reject) => {
    let request;
    const done = (type, seen) => {
      if (!wanted(type, seen)) return;
      resolve(`${type} ${seen.metadata.name}`);
      request?.abort?.();
    };
    new k8s.Watch(config).watch(path, query, done, (error) => reject(error ?? new Error('it ended')))
      .then((made) => { request = made; }, reject);
  });
}

async function objects() {
  for (const name of ['a', 'b', 'c']) await api.createNamespacedCustomObject({ ...quotas, body: quota(name) });
  const page = await api.listNamespacedCustomObject({ ...quotas, limit: 2 });
  const token = page.metadata._continue ?? page.metadata.continue;
  const rest = await api.listNamespacedCustomObject({ ...quotas, limit: 2, _continue: token });
  say('listed', names([...page.items, ...rest.items]));
  const patched = await api.patchNamespacedCustomObject(
    { ...quotas, name: 'a', body: { metadata: { labels: { x: 'y' } } } },
    k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch),
  );
  say('patched', patched.metadata.labels.x);
  patched.spec.limits.maxTotalTokens = 2;
  const replaced = await api.replaceNamespacedCustomObject({ ...quotas, name: 'a', body: patched });
  say('replaced', replaced.spec.limits.maxTotalTokens);
  await api.replaceNamespacedCustomObject({ ...quotas, name: 'a', body: patched })
    .catch((error) => say('stale', error.code));
  const seen = watchFor(quotasPath, { resourceVersion: rest.metadata.resourceVersion },
    (type) => type === 'DELETED');
  await api.deleteNamespacedCustomObject({ ...quotas, name: 'b' });
  say('watched', await seen);
  await api.getNamespacedCustomObject({ ...quotas, name: 'b' }).catch((error) => say('missing', error.code));
}

// KubernetesObjectApi: any kind, by discovery.
async function anyKind() {
  const any = k8s.KubernetesObjectApi.makeApiClient(config);
  const made = await any.create(quota('d'));
  say('made', made.kind, made.metadata.name);
  const read = await any.read({ ...quota('d'), metadata: { name: 'd', namespace: 'default' } });
  say('read', read.spec.limits.maxTotalTokens);
}

async function runAndLogs() {
  const ended = watchFor('/apis/reeve.dev/v1/namespaces/default/missions', {},
    (_, seen) => seen.status?.state === 'COMPLETE');
  await api.createNamespacedCustomObject(
    { ...space, plural: 'missions', body: object('Mission', 'm', { workflow: { name: 'w' } }) });
  say('complete', (await ended).split(' ')[1]);
  for (const pod of (await core.listNamespacedPod({ namespace: 'default' })).items) {
    say('pod', pod.metadata.name, pod.status.phase);
    const text = new PassThrough();
    let read = '';
    text.on('data', (piece) => { read += piece; });
    const end = new Promise((resolve) => { text.on('end', resolve); });
    await new k8s.Log(config).log('default', pod.metadata.name, '', text, { follow: true });
    await end;
    say('log', read.trim());
  }
  say('events', (await core.listNamespacedEvent({ namespace: 'default' })).items.length > 0);
}

function follow(wanted) {
  const informer = k8s.makeInformer(config, quotasPath, () => api.listNamespacedCustomObject(quotas));
  const known = new Set();
  const take = (seen) => {
    known.add(seen.metadata.name);
    if (!known.has(wanted)) return;
    say('has', wanted);
    process.exit(0);
  };
  informer.on('add', take);
  informer.on('update', take);
  informer.on('connect', () => say('synced', [...known].sort().join(',')));
  // What its documentation asks for: whoever has an error starts again.
  informer.on('error', () => { setTimeout(() => informer.start().catch(again), 100); });
  const again = () => { setTimeout(() => informer.start().catch(again), 100); };
  informer.start().catch(again);
}

if (process.argv[2] === 'follow') {
  follow(process.argv[3]);
} else {
  await objects();
  await anyKind();
  await runAndLogs();
  process.exit(0);
}
