/** A log that nobody reads, for tests of what writes one. */
import { pino } from 'pino';
import type { InstanceLog } from './instance.ts';

export const NO_LOG: InstanceLog = {
  logger: pino({ enabled: false }),
  writeLines: async () => {},
  prepare: async () => ({ commit: () => {}, abandon: async () => {} }),
  dropped: () => 0,
};
