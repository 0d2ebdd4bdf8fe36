import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { BatchV1Api, CoreV1Api, KubeConfig, KubernetesObjectApi, type KubernetesObject } from "@kubernetes/client-node";
import { parseAllDocuments } from "yaml";

import { until } from "../contract/queue.ts";
import { startKubelet, type VirtualKubelet } from "./virtual-kubelet.ts";

export interface TestCluster {
  /** All may be done with it. */
  readonly config: KubeConfig;
  /** Files for KUBECONFIG: the worker's account with the Role of docs/kubernetes.yaml, and one without any. */
  readonly worker: string;
  readonly nobody: string;
  readonly kubelet: VirtualKubelet;
  /** The directory that the claim `sluice-data` holds. */
  readonly volume: string;
  /** Names of what stands in the namespace. */
  left(...kinds: readonly ("jobs" | "pods" | "secrets")[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

export const NAMESPACE = "sluice";
const PROGRAMS = ["kube-apiserver", "kube-controller-manager"];
const SERVERS = process.env["SLUICE_KUBERNETES"] ?? "";

/** Why there is no API server here; undefined where one can be started. */
export function noKubernetes(): string | undefined {
  if (SERVERS === "") return "SLUICE_KUBERNETES names no directory with kube-apiserver (scripts/build-kubernetes.sh)";
  const missing = PROGRAMS.find((name) => !existsSync(join(SERVERS, name)));
  if (missing !== undefined) return `there is no ${missing} in ${SERVERS}`;
  if (process.getuid?.() !== 0) return "pods become processes of their own as root only";
  const lacking = ["etcd", "bwrap"].find((name) => findProgram(name) === undefined);
  return lacking === undefined ? undefined : `there is no ${lacking} (apt install etcd-server bubblewrap)`;
}

/** A real control plane, with a node that runs pods as processes of this machine. */
export async function startKubernetes(): Promise<TestCluster> {
  const root = mkdtempSync(join(tmpdir(), "sluice-kubernetes-"));
  const volume = join(root, "volume");
  const certificates = join(root, "certificates");
  for (const path of [volume, certificates]) mkdirSync(path);
  const [etcd, peer, api, manager] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const servers: ChildProcess[] = [];
  const start = (program: string, args: readonly string[]): void => {
    const log = openSync(join(root, `${program.split("/").at(-1) ?? ""}.log`), "a");
    servers.push(spawn(program, args, { stdio: ["ignore", log, log] }));
  };
  const close = async (): Promise<void> => {
    for (const server of servers.toReversed()) {
      const gone = new Promise((resolve) => server.once("close", resolve));
      if (server.exitCode === null && server.signalCode === null && server.kill("SIGKILL")) await gone;
    }
    rmSync(root, { recursive: true, force: true });
  };
  try {
    start(findProgram("etcd") ?? "", etcdArguments(root, etcd, peer));
    start(join(SERVERS, "kube-apiserver"), apiArguments(root, etcd, api));
    await until(() => existsSync(join(certificates, "apiserver.crt")));
    const file = (token: string): string => writeConfig(root, certificates, { api, token });
    const config = new KubeConfig();
    config.loadFromFile(file("admin"));
    const core = config.makeApiClient(CoreV1Api);
    await until(
      () =>
        core.readNamespace({ name: "default" }).then(
          () => true,
          () => false,
        ),
      50_000,
    );
    start(join(SERVERS, "kube-controller-manager"), managerArguments(root, file("admin"), manager));
    await apply(config, volume);
    const kubelet = await startKubelet(config, { namespace: NAMESPACE, certificates });
    const stop = async (): Promise<void> => {
      await kubelet.close();
      await close();
    };
    const left: TestCluster["left"] = (...kinds) => namesOf(config, kinds);
    return { config, worker: file("worker"), nobody: file("nobody"), kubelet, volume, left, close: stop };
  } catch (error) {
    for (const name of PROGRAMS)
      process.stderr.write(
        existsSync(join(root, `${name}.log`)) ? readFileSync(join(root, `${name}.log`)).subarray(-3_000) : "",
      );
    await close();
    throw error;
  }
}

async function namesOf(config: KubeConfig, kinds: readonly string[]): Promise<readonly string[]> {
  const [core, batch] = [config.makeApiClient(CoreV1Api), config.makeApiClient(BatchV1Api)];
  const namespace = NAMESPACE;
  const lists = await Promise.all([
    kinds.includes("jobs") ? batch.listNamespacedJob({ namespace }) : { items: [] },
    kinds.includes("pods") ? core.listNamespacedPod({ namespace }) : { items: [] },
    kinds.includes("secrets") ? core.listNamespacedSecret({ namespace }) : { items: [] },
  ]);
  return lists.flatMap(({ items }) => items.map(({ metadata }) => metadata?.name ?? ""));
}

/** What docs/kubernetes.yaml says, word for word; the claim is bound to a directory of this machine. */
async function apply(config: KubeConfig, volume: string): Promise<void> {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const capacity = { storage: "100Gi" };
  const spec = { capacity, accessModes: ["ReadWriteMany"], hostPath: { path: volume } };
  await objects.create({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "data" },
    spec,
  } as KubernetesObject);
  const text = readFileSync(join(import.meta.dirname, "../../docs/kubernetes.yaml"), "utf8");
  for (const document of parseAllDocuments(text)) {
    const object = document.toJS() as KubernetesObject & { readonly spec?: object };
    const bound = object.kind === "PersistentVolumeClaim" ? { spec: { ...object.spec, volumeName: "data" } } : {};
    await objects.create({ ...object, ...bound });
  }
}

function etcdArguments(root: string, client: number, peer: number): readonly string[] {
  const [clients, peers] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  return [
    `--data-dir=${join(root, "etcd")}`,
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
    "--unsafe-no-fsync",
  ];
}

function apiArguments(root: string, etcd: number, port: number): readonly string[] {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const key = join(root, "accounts.key");
  writeFileSync(key, privateKey.export({ type: "pkcs1", format: "pem" }));
  const tokens = join(root, "tokens.csv");
  const account = `system:serviceaccount:${NAMESPACE}:sluice-worker`;
  writeFileSync(tokens, `admin,admin,admin,"system:masters"\nworker,${account},worker\nnobody,nobody,nobody\n`);
  return [
    `--etcd-servers=http://127.0.0.1:${etcd}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${port}`,
    `--cert-dir=${join(root, "certificates")}`,
    "--service-cluster-ip-range=10.0.0.0/24",
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    "--service-account-issuer=https://sluice.invalid",
    `--token-auth-file=${tokens}`,
    "--authorization-mode=RBAC",
    "--kubelet-preferred-address-types=InternalIP",
    // No controller makes the accounts' tokens.
    "--disable-admission-plugins=ServiceAccount",
  ];
}

function managerArguments(root: string, config: string, port: number): readonly string[] {
  return [
    `--kubeconfig=${config}`,
    "--controllers=job,namespace,garbagecollector,ttl-after-finished,podgc",
    "--leader-elect=false",
    "--feature-gates=TTLAfterFinished=true",
    "--port=0",
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--cert-dir=${join(root, "manager")}`,
  ];
}

function writeConfig(
  root: string,
  certificates: string,
  { api, token }: { readonly api: number; readonly token: string },
): string {
  const cluster = {
    server: `https://127.0.0.1:${api}`,
    "certificate-authority": join(certificates, "apiserver.crt"),
  };
  const path = join(root, `${token}.kubeconfig`);
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster }],
    users: [{ name: token, user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: token } }],
    "current-context": "test",
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

function findProgram(name: string): string | undefined {
  const places = (process.env["PATH"] ?? "").split(delimiter);
  return places.map((place) => join(place, name)).find((path) => existsSync(path));
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
