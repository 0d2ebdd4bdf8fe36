/** Locks that this process holds and somebody else renews. */
export interface WatchedLocks {
  begin(id: string): void;
  renewed(ids: readonly string[]): void;
  end(id: string): void;
  close(): void;
}

/** A lock's time is looked at so often while it lasts. */
const LOOKS = 10;

/**
 * Tells of locks that were not renewed for as long as they last: where the server cannot be reached nobody else says that
 * they are lost. What is counted are looks, not the time between them: a process that stood still renews first.
 */
export function watchLocks(lastsMs: number, lost: (id: string) => void): WatchedLocks {
  const looks = new Map<string, number>();
  const timer = setInterval(() => {
    for (const [id, before] of looks) {
      looks.set(id, before + 1);
      if (before + 1 === LOOKS) lost(id);
    }
  }, lastsMs / LOOKS).unref();
  return {
    begin: (id) => void looks.set(id, 0),
    renewed(ids) {
      for (const id of ids) if (looks.has(id)) looks.set(id, 0);
    },
    end: (id) => void looks.delete(id),
    close: () => clearInterval(timer),
  };
}
