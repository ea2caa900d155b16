"""Client libraries of Kubernetes against the server. Those that are not there are skipped."""

import os
import shutil
import subprocess
import textwrap

from reeve import PATIENCE_SECONDS, main
from server import ServerTest, quota

try:
    import kubernetes
except ImportError:
    kubernetes = None

# A folder with node_modules/@kubernetes/client-node.
NODE_FOLDER = os.environ.get("REEVE_CLIENT_NODE", "")

NODE_SCRIPT = """
import * as k8s from '@kubernetes/client-node';
const config = new k8s.KubeConfig();
config.loadFromFile(process.env.KUBECONFIG);
const api = config.makeApiClient(k8s.CustomObjectsApi);
const at = { group: 'reeve.dev', version: 'v1', namespace: 'default', plural: 'budgetquotas' };
const quota = (name) => ({
  apiVersion: 'reeve.dev/v1', kind: 'BudgetQuota', metadata: { name },
  spec: { limits: { maxTotalTokens: 1 } },
});
const names = async (more) => (await api.listNamespacedCustomObject({ ...at, ...more }));
for (const name of ['a', 'b', 'c']) await api.createNamespacedCustomObject({ ...at, body: quota(name) });
const page = await names({ limit: 2 });
const rest = await names({ limit: 2, _continue: page.metadata._continue ?? page.metadata.continue });
console.log('listed', [...page.items, ...rest.items].map((item) => item.metadata.name).join(','));
const watch = new k8s.Watch(config);
let begun;
const seen = new Promise((resolve) => {
  begun = watch.watch('/apis/reeve.dev/v1/namespaces/default/budgetquotas',
    { resourceVersion: page.metadata.resourceVersion },
    (type, object) => resolve(`${type} ${object.metadata.name}`), () => {});
});
const request = await begun;
await api.deleteNamespacedCustomObject({ ...at, name: 'b' });
console.log('watched', await seen);
request.abort?.();
try {
  await api.getNamespacedCustomObject({ ...at, name: 'b' });
} catch (error) {
  console.log('missing', error.code);
}
process.exit(0);
"""


class ApiClientsTest(ServerTest):
    def test_python(self):
        if kubernetes is None:
            self.skipTest("the Python module kubernetes is not there")
        client = kubernetes.config.new_client_from_config(str(self.kubeconfig.path))
        self.addCleanup(client.close)
        dynamic = kubernetes.dynamic.DynamicClient(client, cache_file=str(self.dir / "discovery"))
        quotas = dynamic.resources.get(api_version="reeve.dev/v1", kind="BudgetQuota")
        for name in "abc":
            quotas.create(body=quota(name), namespace="default")
        page = quotas.get(namespace="default", limit=2)
        rest = quotas.get(namespace="default", limit=2, _continue=page.metadata["continue"])
        self.assertEqual([item.metadata.name for item in [*page.items, *rest.items]], list("abc"))
        body = {"metadata": {"name": "a", "labels": {"x": "y"}}}
        quotas.patch(body=body, namespace="default", content_type="application/merge-patch+json")
        self.assertEqual(quotas.get(name="a", namespace="default").metadata.labels.x, "y")
        for event in quotas.watch(namespace="default", timeout=30):
            if event["object"].metadata.name == "c":
                break
        quotas.delete(name="b", namespace="default")
        with self.assertRaises(kubernetes.dynamic.exceptions.NotFoundError):
            quotas.get(name="b", namespace="default")

    def test_node(self):
        if shutil.which("node") is None:
            self.skipTest("node is not there")
        if not NODE_FOLDER:
            self.skipTest("REEVE_CLIENT_NODE names no folder with @kubernetes/client-node")
        (self.dir / "node_modules").symlink_to(os.path.join(NODE_FOLDER, "node_modules"))
        script = self.write("t.mjs", textwrap.dedent(NODE_SCRIPT))
        result = subprocess.run(
            ["node", script],
            env=self.environment({"KUBECONFIG": str(self.kubeconfig.path)}),
            capture_output=True, text=True, timeout=PATIENCE_SECONDS, cwd=self.dir, check=False,
        )  # fmt: skip
        self.assertEqual(
            result.stdout.splitlines(), ["listed a,b,c", "watched DELETED b", "missing 404"], result.stderr
        )


if __name__ == "__main__":
    main()
