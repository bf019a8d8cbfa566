import type { Clock } from '../base/clock.ts';
import { LIMIT_CODES } from '../core/answers/codes.ts';
import type { Failure } from '../core/answers/failures.ts';
import type { Exchange } from '../core/exchange/exchange.ts';
import type { Server } from '../core/servers/server.ts';
import type { WorkerPlan } from '../plan/worker-plan.ts';
import type { SharedTable } from '../table/table.ts';
import { BusiestClients } from './busiest-clients.ts';
import { measureExchange, measureObserved, measureRefusal, measureStream } from './measure.ts';
import { type ExchangeRecord, type Refused, recordOf, refusalRecord, wentWrong } from './record.ts';
import type { RecordSink } from './records.ts';

/** Codes a client can trigger at will. */
const REFUSALS: ReadonlySet<string> = new Set([
  'address_denied',
  'bad_forwarding_header',
  ...LIMIT_CODES,
] satisfies Failure[]);
/** Refusals told apart between flushes; further ones are counted only by code. */
const KINDS_MAX = 256;

/**
 * Measures what is over, and passes on what is to be logged. Unless every request is, a flood of
 * refusals becomes no flood of lines: the first of each client and code is passed on at once, and
 * once a second how many more there were.
 */
export class Recorder {
  /** The busiest clients. */
  readonly clients = new BusiestClients();
  readonly #table: SharedTable;
  readonly #lane: number;
  readonly #sink: RecordSink;
  readonly #clock: Clock;
  #access: WorkerPlan['access'] = 'errors';
  #logLevel: WorkerPlan['logLevel'] = 'info';
  #measures = true;
  readonly #kinds = new Map<string, { first: ExchangeRecord; repeats: number }>();

  constructor(table: SharedTable, lane: number, sink: RecordSink, clock: Clock) {
    this.#table = table;
    this.#lane = lane;
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Follows a plan, from the next request on. */
  follow({ access, logLevel, measures }: WorkerPlan): void {
    this.#access = access;
    this.#logLevel = logLevel;
    this.#measures = measures;
  }

  /** A request is over. */
  settled(exchange: Exchange, server: Server | null, nowMs: number): void {
    const isError = wentWrong(exchange);
    this.#measure(exchange, server, isError, nowMs);
    const code = exchange.observed === '' ? exchange.failure : exchange.observed;
    const isHit = exchange.screening?.isHit === true;
    if (!isHit && this.#access !== 'all' && REFUSALS.has(code)) {
      const client = exchange.clientAddress;
      this.#together(`${code} ${client}`, code, () => recordOf(exchange, server, nowMs));
      return;
    }
    if (isHit || isError || this.#access === 'all') {
      // What the firewall hits is written whatever else is.
      this.#pass(recordOf(exchange, server, nowMs), isHit);
    }
  }

  /**
   * What came in was refused before it became an exchange.
   *
   * @param observed it continues all the same, for limits are only observed
   */
  refused(peer: Refused, code: string, status: number, observed = false): void {
    if (this.#measures) {
      const { measures } = this.#table;
      if (observed) measureObserved(measures, this.#lane, code);
      else measureRefusal(measures, this.#lane, code, status);
      this.clients.count(peer.peerAddress, true, 0);
    }
    const record = () => refusalRecord(peer, code, status, observed);
    if (this.#access === 'all' || !REFUSALS.has(code)) this.#pass(record(), false);
    else this.#together(`${code} ${peer.peerAddress}`, code, record);
  }

  /** Call it about once a second. */
  flush(): void {
    for (const { first, repeats } of this.#kinds.values()) {
      if (repeats > 0) this.#log({ ...first, repeats }, false);
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
    this.#pass(first, false);
  }

  #measure(exchange: Exchange, server: Server | null, isError: boolean, nowMs: number): void {
    const { measures } = this.#table;
    if (!this.#measures) {
      return measureStream(measures, this.#lane, exchange, nowMs - exchange.startedMs);
    }
    measureExchange(measures, this.#lane, exchange, server, nowMs);
    this.clients.count(exchange.clientAddress, isError, exchange.responseBodyBytes);
  }

  #pass(record: ExchangeRecord, isHit: boolean): void {
    if (isHit || wentWrong(record)) this.#sink.failed(record);
    this.#log(record, isHit);
  }

  #log(record: ExchangeRecord, isHit: boolean): void {
    if ((this.#access === 'off' && !isHit) || this.#logLevel === 'error') return;
    if (this.#logLevel === 'warn' && record.status < 500) return;
    this.#sink.log(record, this.#clock.wallMs());
  }
}
