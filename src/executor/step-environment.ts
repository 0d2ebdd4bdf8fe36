import type { PreparedEnvironment } from "./environment.ts";
import type { AttemptOrder } from "./executor.ts";

/** Set for every step (SEMANTICS §2), so that a result never depends on the machine's habits. */
export function environmentOf(
  order: AttemptOrder,
  prepared: { readonly environment: PreparedEnvironment; readonly path: string },
  places: { readonly home: string; readonly temporary: string },
): Readonly<Record<string, string>> {
  return {
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
    SOURCE_DATE_EPOCH: "315532800",
    PYTHONHASHSEED: "0",
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONUNBUFFERED: "1",
    ...prepared.environment.env,
    ...order.env,
    ...order.secrets,
    PATH: prepared.path,
    HOME: places.home,
    TMPDIR: places.temporary,
  };
}
