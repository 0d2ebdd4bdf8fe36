import { inThread } from "./thread.ts";
import type { ParsedPipeline, Source } from "../../pipeline/parsed.ts";

/** What takes as long to parse as a thread takes to start, some times over (bytes). */
const WORTH_A_THREAD = 200_000;

/** Gives the last of many pipeline files to threads, as much to each as is left for the one that asks. */
export function parseAside(sources: readonly Source[], cpus: number): ReadonlyMap<Source, Promise<ParsedPipeline>> {
  const bytes = sources.reduce((sum, source) => sum + source.bytes.byteLength, 0);
  const threads = Math.min(cpus - 1, Math.floor(bytes / WORTH_A_THREAD) - 1);
  const parsed = new Map<Source, Promise<ParsedPipeline>>();
  if (threads < 1) return parsed;
  const size = Math.ceil(sources.length / (threads + 1));
  for (let from = size; from < sources.length; from += size) {
    const share = sources.slice(from, from + size);
    const answer = inThread<readonly ParsedPipeline[]>("parser", share);
    for (const [at, source] of share.entries())
      parsed.set(
        source,
        answer.then((all) => nth(all, at)),
      );
  }
  return parsed;
}

function nth(all: readonly ParsedPipeline[], at: number): ParsedPipeline {
  const one = all[at];
  if (one === undefined) throw new Error(`parsing aside: ${all.length} answers, and none at ${at}`);
  return one;
}
