import type { Clock } from '../base/clock.ts';

/** The machine's clocks. */
export const realClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
};
