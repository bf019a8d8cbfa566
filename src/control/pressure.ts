/** Tells when there is more work, or there are more clients, than can be: once when it begins. */
import type { Logger } from '../observe/log.ts';
import { GAUGE, WORKER_COUNTER, type WorkerNumber } from '../table/measures.ts';
import type { SharedTable } from '../table/table.ts';

/** After so long without it, it is over, and the next time is told anew. */
const OVER_MS = 60_000;

interface Trouble {
  readonly event: string;
  readonly mend: string;
  /** A number that grows, or is not 0, while it lasts. */
  readonly sign: WorkerNumber;
  readonly isGauge: boolean;
}

const TROUBLES: readonly Trouble[] = [
  {
    event: 'overloaded',
    mend: 'part of the requests is refused with 503; give more workers or machines, or look at performance.overload',
    sign: GAUGE.shedShare,
    isGauge: true,
  },
  {
    event: 'descriptors_exhausted',
    mend: 'connections cannot be accepted for lack of file descriptors; raise the limit (ulimit -n, LimitNOFILE= in a systemd unit), or lower load_balancing.max_connections',
    sign: WORKER_COUNTER.acceptsFailed,
    isGauge: false,
  },
  {
    event: 'clients_full',
    mend: 'as many clients are connected as may be, and new ones wait; raise load_balancing.max_connections if the machine can bear it',
    sign: GAUGE.clientsWaiting,
    isGauge: true,
  },
];

export class Pressure {
  readonly #table: SharedTable;
  readonly #log: Logger;
  readonly #seen = TROUBLES.map(() => ({ value: 0, lastMs: Number.NEGATIVE_INFINITY, isOn: false }));

  constructor(table: SharedTable, log: Logger) {
    this.#table = table;
    this.#log = log;
  }

  /** About once a second. */
  look(nowMs: number): void {
    for (const [at, { event, mend, sign, isGauge }] of TROUBLES.entries()) {
      const seen = this.#seen[at]!;
      const value = this.#table.measures.total(sign);
      const isThere = isGauge ? value > 0 : value > seen.value;
      seen.value = value;
      if (isThere) seen.lastMs = nowMs;
      if (isThere && !seen.isOn) {
        seen.isOn = true;
        this.#log.warn({ event, mend });
      } else if (seen.isOn && nowMs - seen.lastMs >= OVER_MS) {
        seen.isOn = false;
        this.#log.info({ event: `${event}_over` });
      }
    }
  }
}
