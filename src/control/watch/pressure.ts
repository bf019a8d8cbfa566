/** Tells when there is more work, or there are more clients, than can be: once when it begins. */
import { descriptorLimit, openDescriptors } from '../../base/descriptors.ts';
import type { Logger } from '../../observe/log.ts';
import { GAUGE } from '../../table/measures.ts';
import type { SharedTable } from '../../table/table.ts';

/** After so long without it, it is over, and the next time is told anew. */
const OVER_MS = 60_000;

/** From this part of the descriptors on they are counted: by then most are connections. */
const COUNTED_FROM = 0.7;
const LEFT_MIN = 8;
/** Up to so many are always counted. */
const FEW = 4_096;

interface Trouble {
  readonly event: string;
  readonly mend: string;
  isThere(table: SharedTable): boolean;
}

const TROUBLES: readonly Trouble[] = [
  {
    event: 'overloaded',
    mend: 'some requests are refused with 503; add workers or machines, or see performance.overload',
    isThere: ({ measures }) => measures.total(GAUGE.shedShare) > 0,
  },
  {
    event: 'descriptors_exhausted',
    mend: 'new connections are closed because file descriptors ran out; raise the limit (ulimit -n, LimitNOFILE= in a systemd unit), or lower load_balancing.max_connections',
    isThere: hasNoDescriptors,
  },
  {
    event: 'clients_full',
    mend: 'max_connections is reached, and new clients wait; raise load_balancing.max_connections if the machine can handle more',
    isThere: (table) => table.clientCounts.waiting() > 0,
  },
];

/** The system accepts and closes then, and nobody is told. */
function hasNoDescriptors(table: SharedTable): boolean {
  const most = descriptorLimit() ?? 0;
  const connections =
    table.clientCounts.open() + table.clientCounts.waiting() + table.poolCounts.connections(0);
  if (connections > FEW && connections < most * COUNTED_FROM) return false;
  const open = openDescriptors();
  return open !== undefined && open >= most - LEFT_MIN;
}

export class Pressure {
  readonly #table: SharedTable;
  readonly #log: Logger;
  readonly #seen = TROUBLES.map(() => ({ lastMs: Number.NEGATIVE_INFINITY, isOn: false }));

  constructor(table: SharedTable, log: Logger) {
    this.#table = table;
    this.#log = log;
  }

  /** About once a second. */
  look(nowMs: number): void {
    for (const [at, { event, mend, isThere }] of TROUBLES.entries()) {
      const seen = this.#seen[at]!;
      const isNow = isThere(this.#table);
      if (isNow) seen.lastMs = nowMs;
      if (isNow && !seen.isOn) {
        seen.isOn = true;
        this.#log.warn({ event, mend });
      } else if (seen.isOn && nowMs - seen.lastMs >= OVER_MS) {
        seen.isOn = false;
        this.#log.info({ event: `${event}_over` });
      }
    }
  }
}
