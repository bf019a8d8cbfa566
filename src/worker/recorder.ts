import type { Exchange } from '../core/exchange/exchange.ts';
import type { Failure } from '../core/exchange/failures.ts';
import type { Server } from '../core/exchange/server.ts';
import type { SharedTable } from '../table/table.ts';
import { measureExchange, measureObserved, measureRefusal } from './measure.ts';
import type { WorkerPlan } from './plan.ts';
import { type ExchangeRecord, type Refused, recordOf, refusalRecord } from './record.ts';

/** Codes of which an attacker can cause as many as he likes. */
const REFUSALS: ReadonlySet<string> = new Set([
  'address_denied',
  'address_rate_limited',
  'rate_limited',
  'too_many_connections',
] satisfies Failure[]);
/** Refusals that are told apart between two flushes; further ones are counted by code alone. */
const KINDS_MAX = 256;

/**
 * Measures what is over, and passes on what is to be logged. Unless every request is, a flood of
 * refusals becomes no flood of lines: the first of each client and code is passed on at once, and
 * once a second how many more there were.
 */
export class Recorder {
  /** Which requests are logged. */
  access: WorkerPlan['access'] = 'errors';
  readonly #table: SharedTable;
  readonly #lane: number;
  readonly #onRecord: (record: ExchangeRecord) => void;
  readonly #kinds = new Map<string, { first: ExchangeRecord; repeats: number }>();

  constructor(table: SharedTable, lane: number, onRecord: (record: ExchangeRecord) => void) {
    this.#table = table;
    this.#lane = lane;
    this.#onRecord = onRecord;
  }

  /** A request is over. */
  settled(exchange: Exchange, server: Server | null, nowMs: number): void {
    measureExchange(this.#table.measures, this.#lane, exchange, server, nowMs);
    // What the firewall hits is written whatever else is.
    if (exchange.screening?.isHit) return this.#onRecord(recordOf(exchange, server, nowMs));
    if (this.access === 'off') return;
    const code = exchange.observed === '' ? exchange.failure : exchange.observed;
    if (this.access !== 'all' && REFUSALS.has(code)) {
      const { via } = exchange.client;
      const client = via.peerIsTrusted ? via.forwardedAddress : via.peerAddress;
      this.#together(`${code} ${client}`, code, () => recordOf(exchange, server, nowMs));
      return;
    }
    const isError = exchange.failure !== '' || exchange.status >= 500;
    if (this.access === 'all' || isError) this.#onRecord(recordOf(exchange, server, nowMs));
  }

  /**
   * What came in was refused before it became an exchange.
   *
   * @param observed it goes on all the same, for limits are only observed
   */
  refused(peer: Refused, code: string, status: number, observed = false): void {
    const { measures } = this.#table;
    if (observed) measureObserved(measures, this.#lane, code);
    else measureRefusal(measures, this.#lane, code, status);
    if (this.access === 'off') return;
    const record = () => refusalRecord(peer, code, status, observed);
    if (this.access === 'all' || !REFUSALS.has(code)) this.#onRecord(record());
    else this.#together(`${code} ${peer.peerAddress}`, code, record);
  }

  /** To be called about once a second. */
  flush(): void {
    for (const { first, repeats } of this.#kinds.values()) {
      if (repeats > 0) this.#onRecord({ ...first, repeats });
    }
    this.#kinds.clear();
  }

  #together(kind: string, code: string, record: () => ExchangeRecord): void {
    const isFull = this.#kinds.size >= KINDS_MAX;
    const known = this.#kinds.get(kind) ?? (isFull ? this.#kinds.get(code) : undefined);
    if (known !== undefined) {
      known.repeats += 1;
      return;
    }
    const first = record();
    this.#kinds.set(isFull ? code : kind, { first, repeats: 0 });
    this.#onRecord(first);
  }
}
