import { isObject } from "./shape.ts";
import { PREDICATE_TYPE, STATEMENT_TYPE } from "./statement.ts";

type Fields = Readonly<Record<string, unknown>>;
type Report = (at: string, rule: string) => void;

const HEX_LENGTHS: ReadonlyMap<string, readonly number[]> = new Map([
  ["sha256", [64]],
  ["sha512", [128]],
  ["sha1", [40]],
  ["gitCommit", [40, 64]],
  ["gitTree", [40, 64]],
  ["gitBlob", [40, 64]],
  ["gitTag", [40, 64]],
]);

/**
 * Breaches of the in-toto Statement v1 and SLSA provenance v1 rules, each as `path: rule`; none for a sound statement.
 * Strict where the two differ: every resource gives a digest and a name or URI. Unknown members are allowed, as SLSA demands.
 */
export function statementFaults(statement: unknown): readonly string[] {
  const faults: string[] = [];
  const report: Report = (at, rule) => faults.push(`${at}: ${rule}`);
  if (!isObject(statement)) return ["statement: must be an object"];
  if (statement["_type"] !== STATEMENT_TYPE) report("_type", `must be ${STATEMENT_TYPE}`);
  checkSubjects(statement["subject"], report);
  if (statement["predicateType"] !== PREDICATE_TYPE) report("predicateType", `must be ${PREDICATE_TYPE}`);
  const predicate = member(statement, "predicate", { path: "", report });
  if (predicate !== undefined) {
    checkDefinition(predicate, report);
    checkDetails(predicate, report);
  }
  return faults;
}

interface Place {
  readonly path: string;
  readonly report: Report;
}

/** A member that must be an object. */
function member(parent: Fields, name: string, { path, report }: Place): Fields | undefined {
  const value = parent[name];
  if (isObject(value)) return value;
  report(`${path}${name}`, value === undefined ? "is required" : "must be an object");
  return undefined;
}

function checkSubjects(subjects: unknown, report: Report): void {
  if (!Array.isArray(subjects) || subjects.length === 0)
    return report("subject", "must be a list with at least one entry");
  const names = new Set<unknown>();
  subjects.forEach((subject: unknown, at) => {
    checkResource(subject, { path: `subject[${at}]`, report });
    if (!isObject(subject)) return;
    if (subject["digest"] === undefined) report(`subject[${at}].digest`, "is required");
    if (names.has(subject["name"])) report(`subject[${at}].name`, "must be unique");
    names.add(subject["name"]);
  });
}

function checkDefinition(predicate: Fields, report: Report): void {
  const definition = member(predicate, "buildDefinition", { path: "predicate.", report });
  if (definition === undefined) return;
  const path = "predicate.buildDefinition.";
  checkUri(definition["buildType"], { path: `${path}buildType`, report });
  const external = member(definition, "externalParameters", { path, report });
  if (external !== undefined && Object.keys(external).length === 0)
    report(`${path}externalParameters`, "must not be empty");
  if (definition["internalParameters"] !== undefined) member(definition, "internalParameters", { path, report });
  checkResources(definition["resolvedDependencies"], { path: `${path}resolvedDependencies`, report });
}

function checkDetails(predicate: Fields, report: Report): void {
  const details = member(predicate, "runDetails", { path: "predicate.", report });
  if (details === undefined) return;
  const path = "predicate.runDetails.";
  const builder = member(details, "builder", { path, report });
  if (builder !== undefined) {
    checkUri(builder["id"], { path: `${path}builder.id`, report });
    const version = builder["version"];
    const sound =
      version === undefined ||
      (isObject(version) && Object.values(version).every((value) => typeof value === "string"));
    if (!sound) report(`${path}builder.version`, "must be a map of strings");
    checkResources(builder["builderDependencies"], { path: `${path}builder.builderDependencies`, report });
  }
  if (details["metadata"] !== undefined)
    checkMetadata(member(details, "metadata", { path, report }), { path: `${path}metadata`, report });
  checkResources(details["byproducts"], { path: `${path}byproducts`, report });
}

function checkMetadata(metadata: Fields | undefined, { path, report }: Place): void {
  if (metadata === undefined) return;
  if (metadata["invocationId"] !== undefined && typeof metadata["invocationId"] !== "string")
    report(`${path}.invocationId`, "must be a string");
  const [started, finished] = ["startedOn", "finishedOn"].map((name) => {
    const value = metadata[name];
    if (value === undefined) return undefined;
    const time =
      typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value) ? Date.parse(value) : NaN;
    if (Number.isNaN(time)) report(`${path}.${name}`, "must be an RFC 3339 time in UTC");
    return time;
  });
  if (started !== undefined && finished !== undefined && finished < started)
    report(`${path}.finishedOn`, "must not be before startedOn");
}

function checkUri(value: unknown, { path, report }: Place): void {
  if (value === undefined || value === "") return report(path, "is required");
  if (typeof value !== "string" || !/^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$/.test(value)) report(path, "must be a URI");
}

function checkResources(value: unknown, { path, report }: Place): void {
  if (value === undefined) return;
  if (!Array.isArray(value)) return report(path, "must be a list");
  value.forEach((resource: unknown, at) => checkResource(resource, { path: `${path}[${at}]`, report }));
}

function checkResource(resource: unknown, { path, report }: Place): void {
  if (!isObject(resource)) return report(path, "must be an object");
  const { name, uri, digest, content } = resource;
  if (name !== undefined && (typeof name !== "string" || name === ""))
    report(`${path}.name`, "must be a string that is not empty");
  if (uri !== undefined) checkUri(uri, { path: `${path}.uri`, report });
  if (digest === undefined && uri === undefined && content === undefined)
    report(path, "must have a digest, a URI or content");
  if (name === undefined && uri === undefined) report(path, "must have a name or a URI");
  if (resource["annotations"] !== undefined && !isObject(resource["annotations"]))
    report(`${path}.annotations`, "must be an object");
  if (digest !== undefined) checkDigests(digest, { path: `${path}.digest`, report });
}

function checkDigests(digest: unknown, { path, report }: Place): void {
  if (!isObject(digest) || Object.keys(digest).length === 0)
    return report(path, "must be a map with at least one digest");
  for (const [algorithm, value] of Object.entries(digest)) {
    const lengths = HEX_LENGTHS.get(algorithm);
    const hex = typeof value === "string" && /^[0-9a-f]+$/.test(value);
    if (!hex || (lengths !== undefined && !lengths.includes(value.length)))
      report(`${path}.${algorithm}`, "must be lower-case hex of the algorithm's length");
  }
}
