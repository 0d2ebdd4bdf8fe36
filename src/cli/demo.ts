import { openService } from "./serve.ts";
import type { World } from "./world.ts";

/** `sluice demo`: the whole story on this machine. */
export async function demo(world: World): Promise<number> {
  const service = await openService(world);
  return service.demo(world.terminal.interrupted);
}
