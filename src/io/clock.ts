import type { Clock } from '../core/exchange/engine.ts';

/** The machine's clocks. */
export const realClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
};
