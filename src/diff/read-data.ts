import { ok, refused, type Result } from "../result/result.ts";

const MAX_BYTES = 16_777_216;

/** A JSON or YAML file that a step wrote, by its ending; the refusal says what is wrong with it. */
export async function readData(path: string, bytes: Uint8Array): Promise<Result<unknown, string>> {
  const text = readText(bytes);
  if (text.kind === "refused") return text;
  try {
    return ok(/\.ya?ml$/i.test(path) ? (await import("yaml")).parse(text.value) : parseJson(text.value));
  } catch (error) {
    const line = error instanceof Error ? error.message.split("\n")[0] : undefined;
    return refused(line === undefined || line === "" ? "it cannot be parsed" : line.slice(0, 300));
  }
}

/** Text of at most 16 MiB in UTF-8, without its byte-order mark. */
export function readText(bytes: Uint8Array): Result<string, string> {
  if (bytes.byteLength > MAX_BYTES)
    return refused(`it has ${bytes.byteLength} bytes, and at most ${MAX_BYTES} are read`);
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return refused("it is not UTF-8 text");
  }
}

/** JSON with the words NaN and Infinity outside of strings, which Python's json module writes. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const tamed = text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (token) =>
      token.startsWith('"') ? token : `"${token}"`,
    );
    if (tamed === text) throw error;
    return JSON.parse(tamed);
  }
}
