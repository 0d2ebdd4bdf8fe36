import { workerData } from "node:worker_threads";

import { filesystemStore } from "../../src/store/filesystem-store.ts";

/** Puts the bytes of each round when it is their turn. */
const { root, turns, rounds } = workerData as {
  readonly root: string;
  readonly turns: Int32Array;
  readonly rounds: number;
};
const store = filesystemStore(root);
for (let round = 1; round <= rounds; round++) {
  while (Atomics.load(turns, 0) < round) continue;
  await store.putBytes(new TextEncoder().encode(`round ${round}`));
  Atomics.store(turns, 1, round);
}
