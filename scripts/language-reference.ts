import { readableNames, type ConditionKind } from "../src/expression/condition.ts";
import { operatorJsonSchema, pipelineJsonSchema, settingsJsonSchema } from "../src/pipeline/json-schema.ts";
import { RESERVED } from "../src/pipeline/schema.ts";

interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly pattern?: string;
  readonly required?: readonly string[];
}

/** The language reference as Markdown, generated from the same schemas that parse. */
export function languageReference(): string {
  return [
    "# Language reference",
    "",
    "Generated from the schemas by `node scripts/generate-language-reference.ts`; do not edit.",
    "How a step gets its inputs, parameters and variables stands in [What a step sees](steps.md), with how inputs and outputs are written.",
    "",
    "## A pipeline: `pipelines/*.yaml`",
    "",
    ...table(pipelineJsonSchema(), ""),
    "",
    `Reserved, each answered with "not in this version": ${[...RESERVED].map((key) => `\`${key}\``).join(", ")}.`,
    "",
    "## The settings: `sluice.yaml`",
    "",
    ...table(settingsJsonSchema(), ""),
    "",
    ...conditions(),
    "",
    "## The operator's file: `SLUICE_CONFIG`",
    "",
    "The keys of `sluice.yaml`, and what only an operator may say; `sluice.yaml` can narrow it, never widen it.",
    "",
    ...table(onlyOperator(), ""),
    "",
  ].join("\n");
}

/** What rules may read, from where they are checked. */
function conditions(): readonly string[] {
  const variables = (kind: ConditionKind): string =>
    readableNames(kind)
      .map((name) => `\`${name}\``)
      .join(", ");
  return [
    "### What gates and policies read",
    "",
    "Both are conditions in CEL (Common Expression Language): `&&`, `||`, `!`, `==`, `in`, `size(…)`, `has(…)`, `.exists(x, …)`, `.all(x, …)`, `startsWith`, `endsWith` and `contains`, but not `matches`; at most 4,096 characters. Numbers are doubles.",
    "",
    `- A gate of an environment: ${variables("gate")}. \`metrics\` are those of the run that is to be released; \`run.isolation\` is the least of its steps: \`workspace\`, \`sandbox\` or \`container\`; \`run.pinned\` says that every step has an image or a lock. \`run.reproducible\` is true once \`sluice reproduce\` was recorded without a difference, and else unknown. \`live\` is what is released there now, null before the first time. A gate that cannot be told is not passed; one that reads \`live\` when nothing is live is not applicable, or fails where it says \`first: deny\`.`,
    `- A policy: ${variables("policy")}. \`verdict\` is \`run\`, \`cached\`, \`depends\` or \`withheld\`; \`memory\` is in bytes. What is not known (\`forecast.cost_usd\`, \`forecast.seconds\`, the \`memory\` of a step that declares none) is not there: ask with \`has(…)\` first. A rule that cannot be judged warns and says why.`,
    "- `gate:` of a metric in a pipeline is no CEL: a comparison such as `>= 0.93`.",
  ];
}

/** The operator's schema without the keys that both files share word for word. */
function onlyOperator(): Schema {
  const shared: Schema = settingsJsonSchema();
  const operator: Schema = operatorJsonSchema();
  const own = Object.entries(operator.properties ?? {}).filter(
    ([key, member]) => JSON.stringify(shared.properties?.[key]) !== JSON.stringify(member),
  );
  return { ...operator, properties: Object.fromEntries(own) };
}

function table(schema: Schema, prefix: string): readonly string[] {
  return ["| key | is | meaning |", "|---|---|---|", ...rows(schema, prefix)];
}

/** `form`: the key that tells one of several forms from the others. */
function rows(schema: Schema, prefix: string, form?: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, member]) => {
    const name = `${prefix}${key}`;
    const needed = neededIn(schema, key, form);
    return [`| \`${name}\`${needed} | ${cell(kind(member))} | ${cell(meaning(member))} |`, ...below(member, name)];
  });
}

function neededIn({ required = [] }: Schema, key: string, form: string | undefined): string {
  if (form === undefined) return required.includes(key) ? " (required)" : "";
  if (form === key) return " (one form)";
  return required.includes(key) ? ` (required with \`${form}\`)` : ` (with \`${form}\`)`;
}

/** Members of maps, of named maps (`steps.<name>`) and of the forms a value may have. */
function below(schema: Schema, name: string, form?: string): readonly string[] {
  if (schema.properties !== undefined) return rows(schema, `${name}.`, form);
  if (typeof schema.additionalProperties === "object" && schema.additionalProperties.properties !== undefined) {
    return rows(schema.additionalProperties, `${name}.<name>.`, form);
  }
  if (schema.items !== undefined) return below(schema.items, `${name}[]`, form);
  const maps = (schema.anyOf ?? []).filter(({ properties }) => properties !== undefined);
  return (schema.anyOf ?? []).flatMap((one) => below(one, name, maps.length < 2 ? form : tellingKey(one, maps)));
}

/** The first key that only this form requires, or else has, or else requires with a value of its own. */
function tellingKey(form: Schema, forms: readonly Schema[]): string | undefined {
  const others = forms.filter((other) => other !== form);
  const keys = Object.keys(form.properties ?? {});
  const required = keys.filter((key) => form.required?.includes(key) === true);
  return (
    required.find((key) => others.every((other) => other.properties?.[key] === undefined)) ??
    required.find((key) => form.properties?.[key]?.const !== undefined)
  );
}

function kind(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(kind))].join(" or ");
  if (schema.type === "array") return schema.items === undefined ? "list" : `list of ${kind(schema.items)}`;
  if (schema.type === "object") return "map";
  if (schema.type === "string") return "text";
  if (schema.type === "integer") return "whole number";
  return typeof schema.type === "string" ? schema.type : "any value";
}

function meaning(schema: Schema): string {
  const own = schema.description ?? "";
  const forms = (schema.anyOf ?? []).flatMap((form) => (form.description === undefined ? [] : [form.description]));
  return [own, ...forms, ofEach(schema)].filter((text) => text !== "").join(" ");
}

/** What is said of the members of a list; of a map's members its own rows tell. */
function ofEach({ items }: Schema): string {
  if (items === undefined) return "";
  const said = meaning(items);
  return said === "" ? "" : `Each: ${said}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
