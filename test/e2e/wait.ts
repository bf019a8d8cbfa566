import { Patience } from '../patience.ts';

/** How long a test waits for what must happen: generous, for it is only reached by a failure. */
export const DEADLINE_MS = 15_000;

const POLL_MS = 10;

/** Waits until `holds` gives something that is neither false nor undefined, and returns that. */
export async function until<T>(
  what: string,
  holds: () => T | Promise<T>,
): Promise<Exclude<T, false | undefined>> {
  const patience = new Patience(DEADLINE_MS);
  for (;;) {
    const result = await holds();
    if (result !== undefined && result !== false) return result as Exclude<T, false | undefined>;
    if (patience.isOver) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Waits until a number has stayed the same for a while, and returns it. */
export async function untilSettled(what: string, read: () => number): Promise<number> {
  const SAME_READS = 25;
  let last = read();
  let same = 0;
  return until(what, () => {
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
    return same >= SAME_READS && now;
  }) as Promise<number>;
}
