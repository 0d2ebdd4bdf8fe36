import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv } from "ajv";
import fc from "fast-check";
import { parseAllDocuments } from "yaml";
import { expect, test } from "vitest";

import type { AttemptOrder } from "../../src/executor/executor.ts";
import { jobDocument, secretDocument, type JobPlan } from "../../src/executor/kubernetes-document.ts";
import { digestOf } from "../../src/identity/identity.ts";
import schemas from "../fixtures/kubernetes/schemas.json" with { type: "json" };

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
ajv.addSchema(schemas, "kubernetes");

/** What Kubernetes' own description says against a document. */
function complaints(document: { readonly apiVersion?: string; readonly kind?: string }): readonly string[] {
  const [group = "core", version] = `core/${document.apiVersion ?? ""}`.split("/").slice(-2);
  const room = group.split(".")[0] ?? "";
  const accepts = ajv.getSchema(`kubernetes#/definitions/io.k8s.api.${room}.${version ?? ""}.${document.kind ?? ""}`);
  if (accepts === undefined) return [`no schema of ${document.kind ?? "nothing"}`];
  // What JSON leaves out is not there.
  void accepts(JSON.parse(JSON.stringify(document)));
  return (accepts.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ""}`);
}

const digest = digestOf("image");
const order: AttemptOrder = {
  id: "k3y-7",
  argv: ["python", "train.py", "--rate", "$(HOME) $5"],
  env: { RATE: "$(PATH)", A: "1" },
  inputs: [],
  outputs: [{ path: "out/model.pkl", directory: false }],
  network: false,
  secrets: { TOKEN: "correct-horse", B: "battery" },
  environment: { kind: "image", image: `docker.io/library/python@${digest}`, digest },
  tools: {},
  timeoutMs: 90_500,
  memoryBytes: 2 ** 31,
  batch: { system: "kubernetes", cpus: 2.5, gpus: 1 },
};
const plan: JobPlan = {
  pool: {
    namespace: "ml",
    claim: "sluice-data",
    path: "sluice",
    gpu: "nvidia.com/gpu",
    pendingMs: 3_600_000,
    nodeSelector: { "acme.com/kind": "a100" },
    tolerations: [
      { key: "nvidia.com/gpu", value: null, effect: "NoSchedule" },
      { key: "team", value: "ml", effect: null },
    ],
  },
  order,
  image: `docker.io/library/python@${digest}`,
  name: "sluice-0123456789abcdef0123456789abcdef",
  service: "0123456789abcdef0123456789abcdef",
  worker: "fedcba9876543210fedcba9876543210",
  pulse: "kubernetes-worker_1-4026531836-7-1.pulse",
  workspace: "sluice/work/kubernetes-worker_1-4026531836-7-1.job-x7/workspace",
  shown: [
    { subPath: "sluice/datasets/images", path: "data/images", writable: false },
    { subPath: "sluice/store/checkpoints/pr/k", path: "kept", writable: true },
  ],
  user: { uid: 1000, gid: 1000 },
};

test("a Job asks for what its step needs and for nothing else", async () => {
  await expect(`${JSON.stringify(jobDocument(plan), null, 2)}\n`).toMatchFileSnapshot("../golden/kubernetes/job.json");
  await expect(`${JSON.stringify(secretDocument(plan, "uid"), null, 2)}\n`).toMatchFileSnapshot(
    "../golden/kubernetes/secret.json",
  );
  const plain = jobDocument({
    ...plan,
    user: { uid: 0, gid: 0 },
    order: {
      ...order,
      network: true,
      secrets: {},
      timeoutMs: null,
      memoryBytes: null,
      batch: { system: "kubernetes", cpus: 0.5, gpus: 0 },
    },
  });
  await expect(`${JSON.stringify(plain, null, 2)}\n`).toMatchFileSnapshot("../golden/kubernetes/plain-job.json");
});

test("Kubernetes' own description accepts what is written, and would not accept everything", () => {
  const job = jobDocument(plan);
  expect(complaints(job)).toEqual([]);
  expect(complaints(secretDocument(plan, "uid"))).toEqual([]);
  const wrong = { ...job, spec: { template: {}, backoffLimit: "0", retries: 1 } };
  expect(complaints(wrong)).toEqual([
    "/spec must NOT have additional properties",
    "/spec/backoffLimit must be integer",
  ]);
});

test("so it does with what a cluster is asked to have", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/kubernetes.yaml"), "utf8");
  const documents = parseAllDocuments(text).map((one) => one.toJS() as Parameters<typeof complaints>[0]);
  expect(documents).toHaveLength(6);
  expect(documents.flatMap(complaints)).toEqual([]);
});

test("no text of people is anything but an argument, a value or an annotation", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom("$(HOME)", "$$(A)", "$", "a\n:/é日本"));
  fc.assert(
    fc.property(text, text, text, (id, argument, value) => {
      const job = jobDocument({ ...plan, order: { ...order, id, argv: [argument], env: { V: value }, secrets: {} } });
      const labels = Object.values(job.metadata?.labels ?? {});
      for (const label of labels) expect(label).toMatch(/^[A-Za-z0-9][\w.-]{0,61}[A-Za-z0-9]$/);
      expect(job.metadata?.name).toMatch(/^[a-z0-9-]{1,63}$/);
      const container = job.spec?.template.spec?.containers[0];
      expect(container?.command?.map(expanded)).toEqual([argument]);
      expect(container?.env?.filter(({ name }) => name === "V").map((one) => expanded(one.value ?? ""))).toEqual([
        value,
      ]);
    }),
    { numRuns: 30 },
  );
});

test("a secret stands in no Job", () => {
  expect(JSON.stringify(jobDocument(plan))).not.toMatch(/correct-horse|battery|Y29ycmVjd/);
});

/** As a kubelet reads it, with every name known. */
function expanded(text: string): string {
  return text.replaceAll(/\$(\$|\(([^)]*)\))/g, (_, sign: string) => (sign === "$" ? "$" : "known"));
}
