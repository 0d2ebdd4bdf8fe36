import { z } from "zod";

type Path = readonly PropertyKey[];

/** Keys that a schema knows at a place of a file, for "did you mean"; empty where any name may stand. */
export function keysAt(schema: z.ZodType, path: Path): readonly string[] {
  let at: readonly z.ZodType[] = [schema];
  for (const part of path) at = at.flatMap((one) => below(one, part));
  return [
    ...new Set(at.flatMap(alternatives).flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : []))),
  ];
}

function below(schema: z.ZodType, part: PropertyKey): readonly z.ZodType[] {
  return alternatives(schema).flatMap((one): readonly z.ZodType[] => {
    if (one instanceof z.ZodObject) {
      const member: unknown = one.shape[String(part)];
      return member instanceof z.ZodType ? [member] : [];
    }
    if (one instanceof z.ZodRecord) return one.valueType instanceof z.ZodType ? [one.valueType] : [];
    if (one instanceof z.ZodArray) return one.element instanceof z.ZodType ? [one.element] : [];
    return [];
  });
}

/** What a value may be, with `optional` and unions opened. */
function alternatives(schema: z.ZodType): readonly z.ZodType[] {
  if (schema instanceof z.ZodOptional) {
    const inner: unknown = schema.unwrap();
    return inner instanceof z.ZodType ? alternatives(inner) : [];
  }
  if (schema instanceof z.ZodUnion) {
    return schema.options.flatMap((option) => (option instanceof z.ZodType ? alternatives(option) : []));
  }
  return [schema];
}
