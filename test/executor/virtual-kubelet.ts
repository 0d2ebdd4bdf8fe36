import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  CoreV1Api,
  type KubeConfig,
  type V1ContainerState,
  type V1Pod,
  type V1PodStatus,
} from "@kubernetes/client-node";

import { environmentOf, expanded, quantity, sandboxOf, type PodPlace } from "./virtual-pod.ts";

export interface VirtualKubelet {
  /** Ends a pod as a node does that runs out of something. */
  evict(pod: string): Promise<void>;
  close(): Promise<void>;
}

interface Node extends PodPlace {
  readonly pods: Map<string, Running>;
}

/** One pod of this node, by its name: a Job's pod never has the name of another. */
interface Running {
  readonly log: string;
  child: ChildProcess | undefined;
  ended: boolean;
}

const NODE = "virtual";
const EVERY_MS = 50;
const ROOM: Readonly<Record<string, number>> = { cpu: 4_000, memory: 2 ** 31 };
const PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * A node whose container runtime is bubblewrap, and the scheduler that gives it pods: a pod's command becomes a real
 * process with the pod's mounts, variables and network, and its words are told as a kubelet tells them.
 */
export async function startKubelet(
  config: KubeConfig,
  { namespace, certificates }: { readonly namespace: string; readonly certificates: string },
): Promise<VirtualKubelet> {
  const core = config.makeApiClient(CoreV1Api);
  const directory = mkdtempSync(join(tmpdir(), "sluice-kubelet-"));
  const node: Node = { core, namespace, directory, pods: new Map() };
  const key = readFileSync(join(certificates, "apiserver.key"));
  const server = createServer({ key, cert: readFileSync(join(certificates, "apiserver.crt")) }, (request, response) => {
    // /containerLogs/<namespace>/<pod>/<container>
    const [, , , pod = ""] = new URL(request.url ?? "", "https://node").pathname.split("/");
    void tell(node.pods.get(pod), (chunk) => response.write(chunk)).then(() => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await core.createNode({
    body: {
      metadata: { name: NODE },
      status: {
        addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    },
  });
  const state = { closing: false };
  const keeping = (async () => {
    while (!state.closing) {
      const { items } = await core.listNamespacedPod({ namespace });
      for (const pod of items) await keep(node, pod);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  return {
    async evict(name) {
      const pod = await core.readNamespacedPod({ namespace, name });
      const message = "The node was low on resource: ephemeral-storage.";
      await say(node, pod, { phase: "Failed", reason: "Evicted", message });
      end(node.pods.get(name));
    },
    async close() {
      state.closing = true;
      await keeping;
      for (const running of node.pods.values()) end(running);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function keep(node: Node, pod: V1Pod): Promise<void> {
  const { metadata, spec, status } = pod;
  const running = node.pods.get(metadata?.name ?? "");
  if (spec?.nodeName === undefined) return schedule(node, pod);
  if (metadata?.deletionTimestamp !== undefined) {
    end(running);
    if (running?.ended === false) return;
    await quietly(
      node.core.deleteNamespacedPod({ namespace: node.namespace, name: metadata.name ?? "", gracePeriodSeconds: 0 }),
    );
  } else if (running === undefined && status?.phase === "Pending") await begin(node, pod);
}

async function schedule(node: Node, pod: V1Pod): Promise<void> {
  const name = pod.metadata?.name ?? "";
  const asked = Object.entries(pod.spec?.containers[0]?.resources?.requests ?? {});
  const lacking = asked.find(([what, much]) => quantity(what, much) > (ROOM[what] ?? 0))?.[0];
  if (lacking === undefined) {
    const body = { metadata: { name }, target: { apiVersion: "v1", kind: "Node", name: NODE } };
    // The client reads a pod where the server answers with a status.
    await quietly(node.core.createNamespacedPodBinding({ namespace: node.namespace, name, body }));
  } else if (pod.status?.conditions === undefined) {
    const message = `0/1 nodes are available: 1 Insufficient ${lacking}.`;
    const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }];
    await say(node, pod, { phase: "Pending", conditions });
  }
}

async function begin(node: Node, pod: V1Pod): Promise<void> {
  const container = pod.spec?.containers[0];
  const uid = pod.metadata?.uid ?? "";
  const env = await environmentOf(node, pod);
  if (env === undefined) {
    await say(node, pod, stateOf("Pending", { waiting: { reason: "CreateContainerConfigError" } }));
    return;
  }
  const [program = "", ...args] = (container?.command ?? []).map((word) => expanded(word, env));
  const running: Running = { log: join(node.directory, `${uid}.log`), child: undefined, ended: false };
  node.pods.set(pod.metadata?.name ?? "", running);
  const log = openSync(running.log, "a");
  const startedAt = now();
  if (!(program.startsWith("/") ? [""] : PATH.split(":")).some((place) => existsSync(join(place, program)))) {
    closeSync(log);
    running.ended = true;
    const message = `failed to create containerd task: exec: "${program}": executable file not found in $PATH: unknown`;
    const terminated = { exitCode: 128, reason: "StartError", message, startedAt, finishedAt: now() };
    await say(node, pod, stateOf("Failed", { terminated }));
    return;
  }
  const sandbox = await sandboxOf(node, pod);
  await say(node, pod, stateOf("Running", { running: { startedAt } }));
  running.child = spawn("/usr/bin/bwrap", [...sandbox, "--", program, ...args], {
    env: { PATH, ...env },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  running.child.once("close", (code, signal) => {
    running.ended = true;
    const exitCode = code ?? (signal === "SIGTERM" ? 143 : 137);
    const reason = exitCode === 0 ? "Completed" : "Error";
    const terminated = { exitCode, reason, startedAt, finishedAt: now() };
    void say(node, pod, stateOf(exitCode === 0 ? "Succeeded" : "Failed", { terminated }));
  });
}

function end(running: Running | undefined): void {
  if (running?.child === undefined || running.ended) return;
  running.child.kill("SIGKILL");
}

async function tell(running: Running | undefined, write: (chunk: Uint8Array) => void): Promise<void> {
  if (running === undefined) return;
  const file = openSync(running.log, "r");
  const buffer = Buffer.alloc(65_536);
  for (let at = 0; ;) {
    const { ended } = running;
    const read = readSync(file, buffer, 0, buffer.length, at);
    at += read;
    if (read > 0) write(Buffer.from(buffer.subarray(0, read)));
    else if (ended) break;
    else await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  closeSync(file);
}

function stateOf(phase: string, state: V1ContainerState): V1PodStatus {
  const one = { name: "step", image: "", imageID: "", ready: false, restartCount: 0, state };
  return { phase, containerStatuses: [one] };
}

/** Writes a pod's status, whoever else wrote it meanwhile. */
async function say(node: Node, pod: V1Pod, status: V1PodStatus): Promise<void> {
  const name = pod.metadata?.name ?? "";
  for (let tries = 0; tries < 10; tries++) {
    try {
      const { namespace, core } = node;
      const body = await core.readNamespacedPod({ namespace, name });
      if (body.metadata?.uid !== pod.metadata?.uid || body.status?.phase === "Failed") return;
      await core.replaceNamespacedPodStatus({ namespace, name, body: { ...body, status } });
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === 409)) return;
    }
  }
}

/** What somebody else did first is done. */
async function quietly(doing: Promise<unknown>): Promise<void> {
  await doing.catch(() => undefined);
}

/** Kubernetes keeps whole seconds. */
function now(): Date {
  return new Date(Math.floor(Date.now() / 1_000) * 1_000);
}
