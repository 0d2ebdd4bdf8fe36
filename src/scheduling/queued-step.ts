/** What a step takes from a pool while it runs, its slot aside. */
export interface Room {
  /** Cores, may be a fraction. */
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly gpus: number;
}

/** A limit that running steps share: a repository's, an author's, a pipeline's. */
export interface Limit {
  readonly key: string;
  /** Steps at once. */
  readonly most: number;
}

/** A ready step that waits for a slot of a pool. */
export interface QueuedStep {
  /** Names one attempt. */
  readonly id: string;
  /** Whose turn it takes: a pipeline of a repository. */
  readonly flow: string;
  /** The flow's part of the pool, compared with the other flows'; above 0. */
  readonly weight: number;
  /** What it is expected to take, in ms of one slot; above 0. */
  readonly cost: number;
  /** Larger first, within its flow only: it takes nothing from others. */
  readonly priority: number;
  /** Its critical path in ms: the longer, the earlier within its flow. */
  readonly path: number;
  readonly demand: Room;
  readonly limits: readonly Limit[];
}
