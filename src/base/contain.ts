/**
 * What an error of our own may cost: the connection, or the one stream of it, that was being
 * handled, and never the thread with all the others. Everything that comes from outside enters at a
 * few seams (streams, timers, accepted connections, handshakes, HTTP/2 streams, the wait queue),
 * and each of them calls its owner within `try` and hands what was thrown to a `Contain`.
 */

/** A part that handles input from outside. */
export interface Contained {
  /**
   * A call of it threw: ends at once, whatever state that left it in, and gives back all that it
   * holds. May be called more than once.
   */
  crashed(nowMs: number): void;
}

/** Reports an error and ends the part that was being handled. Never throws where it is real. */
export type Contain = (error: unknown, part: Contained, nowMs: number) => void;

/** @param report logs and counts an error; must not throw */
export function containing(report: (error: unknown) => void): Contain {
  return (error, part, nowMs) => {
    report(error);
    try {
      part.crashed(nowMs);
    } catch (further) {
      report(further);
    }
  };
}

/** For tests and the simulation, which are to fail of every error. */
export const rethrow: Contain = (error) => {
  throw error;
};
