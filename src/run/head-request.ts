import type { PastRun } from "./due-upstream.ts";

/**
 * What runs a pull request's head by itself: once, and once more where it is the head again, by a push or because the
 * pull request was reopened, after all that ran there was superseded. Null: it ran. `there`: newest first.
 */
export function headRequest(
  number: number,
  there: readonly Pick<PastRun, "id" | "request" | "status">[],
): string | null {
  const first = `pull-request:${number}`;
  if (!there.some(({ request }) => request === first)) return first;
  const [newest] = there;
  if (newest === undefined || there.some(({ status }) => status !== "superseded")) return null;
  return `${first}:${newest.id}`;
}
