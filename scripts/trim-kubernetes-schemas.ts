import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes test/fixtures/kubernetes/schemas.json: of Kubernetes' own description (api/openapi-spec/swagger.json) the kinds that
 * we write, with all that they refer to, nothing that explains, and no room for fields that are not theirs.
 * `node scripts/trim-kubernetes-schemas.ts <swagger.json>`.
 */
const KINDS = [
  "io.k8s.api.batch.v1.Job",
  "io.k8s.api.core.v1.Namespace",
  "io.k8s.api.core.v1.PersistentVolumeClaim",
  "io.k8s.api.core.v1.Secret",
  "io.k8s.api.core.v1.ServiceAccount",
  "io.k8s.api.networking.v1.NetworkPolicy",
  "io.k8s.api.rbac.v1.Role",
  "io.k8s.api.rbac.v1.RoleBinding",
];

type Node = Readonly<Record<string, unknown>>;

const swagger = JSON.parse(readFileSync(process.argv[2] ?? "swagger.json", "utf8")) as {
  readonly info: { readonly version: string };
  readonly definitions: Readonly<Record<string, Node>>;
};

function bare(value: unknown, names = false): unknown {
  if (Array.isArray(value)) return value.map((item) => bare(item));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(
    ([key]) => names || !(key.startsWith("x-") || key === "description" || key === "default"),
  );
  const schema = Object.fromEntries(members.map(([key, member]) => [key, bare(member, key === "properties")]));
  return !names && "properties" in schema ? { ...schema, additionalProperties: false } : schema;
}

const definitions: Record<string, unknown> = {};
const left = [...KINDS];
for (let name = left.pop(); name !== undefined; name = left.pop()) {
  if (name in definitions) continue;
  const text = JSON.stringify(bare(swagger.definitions[name]));
  definitions[name] = JSON.parse(text);
  for (const [, other = ""] of text.matchAll(/"#\/definitions\/([^"]+)"/g)) left.push(other);
}
const directory = join(import.meta.dirname, "../test/fixtures/kubernetes");
mkdirSync(directory, { recursive: true });
const sorted = Object.fromEntries(Object.entries(definitions).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(
  join(directory, "schemas.json"),
  `${JSON.stringify({ version: swagger.info.version, definitions: sorted })}\n`,
);
