import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { BatchV1Api, CoreV1Api, NetworkingV1Api, RbacAuthorizationV1Api } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import type { Attempt, AttemptEnd, AttemptOrder, Executor } from "../../src/executor/executor.ts";
import { clusterHere, type Cluster } from "../../src/executor/kubernetes-cluster.ts";
import { kubernetesExecutor } from "../../src/executor/kubernetes-executor.ts";
import { digestOf } from "../../src/identity/identity.ts";
import type { KubernetesPool } from "../../src/pipeline/operator.ts";
import { executorContract } from "../contract/executor.ts";
import { until } from "../contract/queue.ts";
import { NAMESPACE, noKubernetes, startKubernetes, type TestCluster } from "./kubernetes-cluster.ts";

const why = noKubernetes();
if (why !== undefined) process.stderr.write(`skipped: steps as Jobs of Kubernetes, because ${why}\n`);

const digest = digestOf("image");
const environment = { kind: "image", image: `localhost/sluice-test@${digest}`, digest } as const;
const batch = { system: "kubernetes", cpus: 1, gpus: 0 } as const;
type Options = Parameters<typeof kubernetesExecutor>[1];

function sleepers(): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8") === "sleep\u0000304\u0000";
    } catch {
      return false;
    }
  });
}

describe.skipIf(why !== undefined)("as a Job of Kubernetes", () => {
  let made: TestCluster | undefined;

  function town(): TestCluster {
    if (made === undefined) throw new Error("the cluster is not there");
    return made;
  }

  beforeAll(async () => {
    made = await startKubernetes();
    process.env["KUBECONFIG"] = made.worker;
  }, 120_000);

  afterAll(async () => {
    await made?.close();
  });

  async function here(): Promise<Cluster> {
    const found = await clusterHere(NAMESPACE);
    if (found.kind !== "cluster") throw new Error(JSON.stringify(found));
    return found.cluster;
  }

  /** A worker's SLUICE_DATA is a directory of the claim. */
  function poolOf(directory: string, more: Partial<KubernetesPool> = {}): KubernetesPool {
    const path = basename(directory);
    const pool = { namespace: NAMESPACE, claim: "sluice-data", path, gpu: "nvidia.com/gpu", pendingMs: 60_000 };
    return { ...pool, nodeSelector: {}, tolerations: [], ...more };
  }

  async function open(directory: string, pool: Partial<KubernetesPool> = {}): Promise<Executor> {
    return kubernetesExecutor(await here(), {
      onError: (error: unknown) => process.stderr.write(`${String(error)}\n`),
      pool: poolOf(directory, pool),
      data: directory,
      directory: join(directory, "work"),
      slots: 2,
      materialize: () => Promise.resolve({ kind: "missing" }),
      everyMs: 100,
    } satisfies Options);
  }

  function place(): string {
    const directory = mkdtempSync(join(town().volume, "data-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    return directory;
  }

  async function bench(
    pool: Partial<KubernetesPool> = {},
  ): Promise<{ readonly directory: string; readonly executor: Executor }> {
    const directory = mkdtempSync(join(town().volume, "data-"));
    const executor = await open(directory, pool);
    onTestFinished(async () => {
      await executor[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    });
    return { directory, executor };
  }

  let count = 0;

  function orderOf(script: string, more: Partial<AttemptOrder> = {}): AttemptOrder {
    return {
      id: `attempt-${++count}`,
      argv: ["/bin/sh", "-c", script],
      env: {},
      inputs: [],
      outputs: [],
      network: false,
      secrets: {},
      environment,
      tools: {},
      timeoutMs: null,
      memoryBytes: null,
      batch,
      ...more,
    };
  }

  async function run(
    script: string,
    order: Partial<AttemptOrder> = {},
    pool: Partial<KubernetesPool> = {},
  ): Promise<{ readonly end: AttemptEnd; readonly log: string; readonly attempt: Attempt }> {
    const { executor } = await bench(pool);
    const attempt = await executor.start(orderOf(script, order), new AbortController().signal);
    const end = await attempt.ended;
    return { end, log: readFileSync(attempt.log, "utf8"), attempt };
  }

  const left = (): Promise<readonly string[]> => town().left("jobs", "pods", "secrets");

  async function only(kind: "jobs" | "pods"): Promise<string> {
    const names = await town().left(kind);
    expect(names).toHaveLength(1);
    return names[0] ?? "";
  }

  executorContract(
    async (outside) => {
      // The contract's directories are not in the claim; what it puts there has to stay out of reach all the same.
      const directory = join(town().volume, basename(outside));
      mkdirSync(directory, { recursive: true });
      return open(directory);
    },
    { environment, batch },
  );

  test("a step that runs and is cancelled is gone with its whole tree, and with all that was made for it", async () => {
    const { executor } = await bench();
    const controller = new AbortController();
    const order = orderOf("setsid sleep 304 & sleep 304", { secrets: { TOKEN: "correct-horse-battery" } });
    const attempt = await executor.start(order, controller.signal);
    await until(() => sleepers().length === 2);
    controller.abort();
    expect(await attempt.ended).toMatchObject({ cancelled: true, failure: null });
    expect(sleepers()).toEqual([]);
    await until(async () => (await left()).length === 0);
  });

  test("nothing of a step stays in the cluster when it has ended", async () => {
    expect((await run("true", { secrets: { TOKEN: "correct-horse-battery" } })).end.failure).toBeNull();
    await until(async () => (await left()).length === 0);
  });

  test("a Job whose worker was killed is ended by the next that starts, another service's is not", async () => {
    const directory = place();
    const child = new URL("./kubernetes-child.ts", import.meta.url).pathname;
    const args = [child, directory, JSON.stringify(poolOf(directory)), JSON.stringify(environment)];
    const worker = spawn(process.execPath, args, { stdio: "inherit" });
    await until(() => sleepers().length === 2);
    const gone = new Promise((resolve) => worker.once("close", resolve));
    worker.kill("SIGKILL");
    await gone;
    await (await bench()).executor[Symbol.asyncDispose]();
    expect(sleepers()).toHaveLength(2);
    await (await open(directory))[Symbol.asyncDispose]();
    await until(async () => sleepers().length === 0 && (await left()).length === 0);
    await (await open(directory))[Symbol.asyncDispose]();
    expect(readdirSync(join(directory, "work"))).toEqual([]);
  });

  test("a secret is in no Job, no pod, no file and no log", async () => {
    const { directory, executor } = await bench();
    const controller = new AbortController();
    const order = orderOf('echo "it is $TOKEN"; sleep 304', { secrets: { TOKEN: "correct-horse-battery" } });
    const attempt = await executor.start(order, controller.signal);
    await until(() => sleepers().length === 1);
    const core = town().config.makeApiClient(CoreV1Api);
    const batches = town().config.makeApiClient(BatchV1Api);
    const told = await Promise.all([
      batches.readNamespacedJob({ namespace: NAMESPACE, name: await only("jobs") }),
      core.readNamespacedPod({ namespace: NAMESPACE, name: await only("pods") }),
    ]);
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const texts = files
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((path) => path !== attempt.log)
      .map((path) => readFileSync(path, "utf8"));
    expect(JSON.stringify([told, texts])).not.toMatch(/correct-horse|Y29ycmVjd/);
    controller.abort();
    await attempt.ended;
    const log = readFileSync(attempt.log, "utf8");
    expect([log.includes("it is"), log.includes("correct-horse")]).toEqual([true, false]);
  });

  test("a step has no network, no capabilities, and a root that nobody writes to", async () => {
    const script = "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; grep CapEff /proc/self/status; touch /x 2>&1";
    const { log } = await run(script);
    expect(log).toMatch(/^lo\nCapEff:\s+0+\n.*Read-only file system\n$/s);
  });

  test("a step asks for the network and gets it", async () => {
    expect((await run("tail -n +3 /proc/net/dev | wc -l", { network: true })).log.trim()).not.toBe("1");
  });

  test("what no node has is refused in the cluster's words, after the time that a Job may wait", async () => {
    const { end } = await run("true", { memoryBytes: 2 ** 42 }, { pendingMs: 4_000 });
    expect(end.failure).toMatchObject({ kind: "refused", why: expect.stringContaining("1 Insufficient memory") });
    const gpu = await run("true", { batch: { ...batch, gpus: 1 } }, { pendingMs: 4_000 });
    expect(gpu.end.failure).toMatchObject({ why: expect.stringContaining("Insufficient nvidia.com/gpu") });
    await until(async () => (await left()).length === 0);
  });

  test("a step that its node evicts, or whose pod or Job somebody deletes, is lost and runs no second time", async () => {
    const core = town().config.makeApiClient(CoreV1Api);
    const batches = town().config.makeApiClient(BatchV1Api);
    const endings = [
      async () => town().kubelet.evict(await only("pods")),
      async () => core.deleteNamespacedPod({ namespace: NAMESPACE, name: await only("pods") }),
      async () =>
        batches.deleteNamespacedJob({
          namespace: NAMESPACE,
          name: await only("jobs"),
          propagationPolicy: "Background",
        }),
    ];
    const { executor } = await bench();
    for (const take of endings) {
      const attempt = await executor.start(orderOf("echo ran; sleep 304"), new AbortController().signal);
      await until(() => sleepers().length === 1);
      await take();
      expect((await attempt.ended).failure).toMatchObject({ kind: "lost" });
      expect(readFileSync(attempt.log, "utf8")).toBe("ran\n");
      await until(async () => (await left()).length === 0);
      expect(sleepers()).toEqual([]);
    }
  });

  test("data in place is read where it lies in the claim, and what lies elsewhere is refused", async () => {
    const { directory, executor } = await bench();
    const source = join(directory, "data.txt");
    writeFileSync(source, "in place\n");
    const inputs = [{ kind: "in-place" as const, path: "in/data.txt", source }];
    const order = orderOf("cat in/data.txt; echo more >> in/data.txt", { inputs });
    const attempt = await executor.start(order, new AbortController().signal);
    expect((await attempt.ended).failure).toMatchObject({ kind: "exit" });
    expect(readFileSync(attempt.log, "utf8")).toMatch(/^in place\n/);
    expect(readFileSync(source, "utf8")).toBe("in place\n");
    const elsewhere = [{ kind: "in-place" as const, path: "in/passwd", source: "/etc/passwd" }];
    expect((await run("true", { inputs: elsewhere })).end.failure).toMatchObject({ kind: "refused" });
  });

  test("a worker without the Role is told which one it needs, and a namespace without the policy runs nothing", async () => {
    const networking = town().config.makeApiClient(NetworkingV1Api);
    const name = "sluice-no-network";
    const policy = await networking.readNamespacedNetworkPolicy({ namespace: NAMESPACE, name });
    await networking.deleteNamespacedNetworkPolicy({ namespace: NAMESPACE, name });
    const { end } = await run("true");
    expect(end.failure).toMatchObject({ kind: "refused", why: expect.stringContaining("NetworkPolicy") });
    await networking.createNamespacedNetworkPolicy({
      namespace: NAMESPACE,
      body: { metadata: { name }, ...(policy.spec === undefined ? {} : { spec: policy.spec }) },
    });
    process.env["KUBECONFIG"] = town().nobody;
    onTestFinished(() => {
      process.env["KUBECONFIG"] = town().worker;
    });
    const barred = await run("true", { network: true });
    expect(barred.end.failure).toMatchObject({ kind: "refused", next: expect.stringContaining("kubernetes.yaml") });
  });

  test("a worker that may make Jobs and not look at them says so, instead of waiting", async () => {
    const rights = town().config.makeApiClient(RbacAuthorizationV1Api);
    const metadata = { name: "half" };
    const rules = [{ apiGroups: ["batch"], resources: ["jobs"], verbs: ["create", "delete"] }];
    await rights.createNamespacedRole({ namespace: NAMESPACE, body: { metadata, rules } });
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "half" };
    const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "nobody" }];
    await rights.createNamespacedRoleBinding({ namespace: NAMESPACE, body: { metadata, roleRef, subjects } });
    process.env["KUBECONFIG"] = town().nobody;
    onTestFinished(() => {
      process.env["KUBECONFIG"] = town().worker;
    });
    const { end } = await run("sleep 304", { network: true });
    expect(end.failure).toMatchObject({ kind: "refused", why: expect.stringContaining("shows no Jobs") });
    await until(async () => (await left()).length === 0);
  });

  test("a long log comes whole", async () => {
    const { log } = await run("seq 1 200000");
    expect(log.split("\n")).toHaveLength(200_001);
    expect(log.endsWith("\n200000\n")).toBe(true);
  });
});
