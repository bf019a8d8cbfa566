/**
 * How long tests wait on a machine that has other things to do.
 *
 * A wait with a fixed end is a guess about the machine: where eight programs want two cores, a start
 * of one second takes ten, and a test fails that has found nothing. So a wait counts the time that
 * the machine could have given it: a second in which each core had four programs to run counts as
 * a quarter of one.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

/** However crowded the machine, a wait ends after this many times its length. */
const CROWDING_MAX = 12;
const CORES = availableParallelism();

export class Patience {
  #leftMs: number;
  #lastMs = performance.now();

  /** @param ms on a machine with nothing else to do */
  constructor(ms: number) {
    this.#leftMs = ms;
  }

  /** Whether the time is over; asked every second at least, for crowding is looked at just then. */
  get isOver(): boolean {
    const nowMs = performance.now();
    this.#leftMs -= (nowMs - this.#lastMs) / crowding();
    this.#lastMs = nowMs;
    return this.#leftMs <= 0;
  }
}

/** Programs that want a core now, for each core; 1 at least. */
function crowding(): number {
  return Math.min(Math.max(1, runnable() / CORES), CROWDING_MAX);
}

function runnable(): number {
  try {
    // proc_loadavg(5): the fourth field is runnable/all.
    return Number.parseInt(readFileSync('/proc/loadavg', 'latin1').split(' ')[3]!, 10);
  } catch {
    return loadavg()[0]!;
  }
}
