import type { V1ContainerState, V1Pod, V1PodStatus } from "@kubernetes/client-node";
import { expect, test } from "vitest";

import { standOf } from "../../src/executor/kubernetes-stand.ts";

const order = {
  id: "one",
  argv: ["train"],
  env: {},
  inputs: [],
  outputs: [],
  network: false,
  secrets: {},
  environment: { kind: "system" },
  tools: {},
  timeoutMs: 5_000,
  memoryBytes: 1_024,
} as const;

function podOf(status: V1PodStatus, deleted = false): V1Pod {
  return { metadata: { name: "p", ...(deleted ? { deletionTimestamp: new Date(0) } : {}) }, status };
}

function step(phase: string, state: V1ContainerState, more: V1PodStatus = {}): V1PodStatus {
  const one = { name: "step", image: "", imageID: "", ready: false, restartCount: 0, state };
  return { phase, containerStatuses: [one], ...more };
}

const failed = (reason: string, exitCode: number, message?: string): V1PodStatus =>
  step("Failed", { terminated: { reason, exitCode, ...(message === undefined ? {} : { message }) } });

function failureOf(pod: V1Pod | undefined, timeoutMs: number | null = 5_000): unknown {
  const stand = standOf({ job: { metadata: { name: "j" } }, pod }, { ...order, timeoutMs });
  return stand.kind === "ended" ? stand.failure : stand.kind;
}

test.each<[string, V1Pod, unknown]>([
  ["an exit code", podOf(failed("Error", 3)), { kind: "exit", code: 3 }],
  ["a signal", podOf(failed("Error", 143)), { kind: "signal", signal: "SIGTERM" }],
  [
    "memory, where the status says so",
    podOf(failed("OOMKilled", 137)),
    { kind: "oom", limitBytes: 1_024, peakBytes: null },
  ],
  ["a kill that says nothing of memory", podOf(failed("Error", 137)), { kind: "signal", signal: "SIGKILL" }],
  [
    "a program that is not there",
    podOf(failed("StartError", 128, 'exec: "train": executable file not found in $PATH')),
    { kind: "refused", why: expect.stringContaining("executable file not found") },
  ],
  [
    "an eviction",
    podOf({ phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory. " }),
    { kind: "lost", why: "the Job of Kubernetes: Evicted: The node was low on resource: memory." },
  ],
  [
    "an eviction that took the step along",
    podOf(step("Failed", { terminated: { reason: "Error", exitCode: 137 } }, { reason: "Evicted" })),
    { kind: "lost", why: "the Job of Kubernetes: Evicted" },
  ],
  [
    "the deadline of the pod",
    podOf({ phase: "Failed", reason: "DeadlineExceeded" }),
    { kind: "timeout", limitMs: 5_000 },
  ],
  [
    "a preemption",
    podOf(
      step(
        "Failed",
        { terminated: { reason: "Error", exitCode: 143 } },
        { conditions: [{ type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" }] },
      ),
    ),
    { kind: "lost", why: "the Job of Kubernetes: PreemptionByScheduler" },
  ],
  [
    "a pod that somebody deletes",
    podOf(step("Running", { running: {} }), true),
    { kind: "lost", why: expect.stringContaining("not by Sluice") },
  ],
  ["an end before the deletion", podOf(step("Succeeded", { terminated: { exitCode: 0 } }), true), null],
  ["a step that runs", podOf(step("Running", { running: {} })), "running"],
])("%s is told apart", (_, pod, failure) => {
  if (typeof failure === "object" && failure !== null) expect(failureOf(pod)).toMatchObject(failure);
  else expect(failureOf(pod)).toBe(failure);
});

test("a deadline that the step did not ask for says what to write", () => {
  const pod = podOf({ phase: "Failed", reason: "DeadlineExceeded" });
  expect(failureOf(pod, null)).toMatchObject({ kind: "refused", next: expect.stringContaining("timeout:") });
});

test("what may still run is not called stopped", () => {
  const running = podOf(step("Running", { running: {} }), true);
  expect(standOf({ job: undefined, pod: running }, order)).toMatchObject({ kind: "ended", stopped: false });
  const evicted = podOf({ phase: "Failed", reason: "Evicted" });
  expect(standOf({ job: undefined, pod: evicted }, order)).toMatchObject({ kind: "ended", stopped: false });
  const done = podOf(step("Failed", { terminated: { exitCode: 143 } }), true);
  expect(standOf({ job: undefined, pod: done }, order)).toMatchObject({ kind: "ended", stopped: true });
});

test("a Job that is gone is lost, one without a pod waits", () => {
  expect(standOf({ job: undefined, pod: undefined }, order)).toMatchObject({ failure: { kind: "lost" } });
  expect(failureOf(undefined)).toBe("waiting");
});

test.each([
  [
    step("Pending", { waiting: { reason: "InvalidImageName", message: "no digest" } }),
    "InvalidImageName: no digest",
    0,
  ],
  [step("Pending", { waiting: { reason: "ImagePullBackOff" } }), "ImagePullBackOff", 120_000],
  [step("Pending", { waiting: { reason: "ContainerCreating" } }), "its node did not begin with it", null],
  [
    {
      phase: "Pending",
      conditions: [
        { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes: 3 Insufficient gpu." },
      ],
    },
    "Unschedulable: 0/3 nodes: 3 Insufficient gpu.",
    null,
  ],
])("waiting has its reason and its patience", (status, why, patienceMs) => {
  expect(standOf({ job: undefined, pod: podOf(status) }, order)).toEqual({ kind: "waiting", why, patienceMs });
});

test("the time is the container's own", () => {
  const terminated = { exitCode: 0, startedAt: new Date(1_000), finishedAt: new Date(4_000) };
  expect(standOf({ job: undefined, pod: podOf(step("Succeeded", { terminated })) }, order)).toMatchObject({
    wallMs: 3_000,
  });
});
