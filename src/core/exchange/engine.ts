import type { Clock } from '../../base/clock.ts';
import type { Contain } from '../../base/contain.ts';
import { hex8 } from '../../base/hex.ts';
import type { Random } from '../../base/random.ts';
import type { TimerWheel } from '../../base/wheel.ts';
import type { SharedTable } from '../../table/table.ts';
import type { Waf } from '../../waf/waf.ts';
import type { Failure } from '../answers/failures.ts';
import { Traces } from '../decisions/decisions.ts';
import { TrustedProxies } from '../forward/client-address.ts';
import type { Via } from '../forward/forward.ts';
import type { Fault } from '../http1/faults.ts';
import { Framing } from '../http1/framing.ts';
import { Head, type HeadLimits } from '../http1/head.ts';
import { HeadWriter } from '../http1/writer.ts';
import { Shedder } from '../limits/shedding.ts';
import type { Connector } from '../ports/stream.ts';
import type { Guard } from '../routes/guard.ts';
import type { Server } from '../servers/server.ts';
import type { ClientSide } from './client-side.ts';
import { LongLived } from './ending.ts';
import { Exchange } from './exchange.ts';

/** Exchanges kept for the next requests; idle connections hold none. */
const SPARE_EXCHANGES_MAX = 1024;

type EngineParts = Pick<
  Engine,
  | 'clock'
  | 'wheel'
  | 'random'
  | 'table'
  | 'lane'
  | 'connector'
  | 'wake'
  | 'settled'
  | 'refused'
  | 'headLimits'
  | 'responseLimits'
  | 'contain'
>;

/** What all connections of one worker share. */
export class Engine {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly table: SharedTable;
  /** This worker's lane in the table. */
  readonly lane: number;
  readonly connector: Connector;
  /** Wakes another worker, so that it looks at its queues. */
  readonly wake: (lane: number) => void;
  /** Hears of every exchange when it is over, with the server that answered or failed last. */
  readonly settled: (exchange: Exchange, server: Server | null, nowMs: number) => void;
  /** Hears of every request that was refused before it could become an exchange. */
  readonly refused: (via: Via, code: Failure | Fault, status: number, nowMs: number) => void;
  /** Of requests. Follows the configuration. */
  readonly headLimits: HeadLimits;
  /** Of servers' responses. Follows the configuration. */
  readonly responseLimits: HeadLimits;
  /** Who may tell us who the client is. Follows the configuration. */
  proxies = TrustedProxies.none;
  /** Takes what is thrown while a part is handled on behalf of another. */
  readonly contain: Contain;
  /** Who may come in; null: everybody. Follows the configuration. */
  guard: Guard | null = null;
  /** null: requests are not looked at. Follows the configuration. */
  waf: Waf | null = null;
  /** Bytes of bodies that wait for the firewall's verdict. */
  screenedBytes = 0;

  /** Whether this worker has more work than it can do. */
  readonly shedder = new Shedder();

  /** Heads and framings are read and used within one callback, so that one of each serves all. */
  readonly requestHead = new Head();
  readonly requestFraming = new Framing();
  readonly responseHead = new Head();
  readonly responseFraming = new Framing();

  /** What was decided for the last requests. */
  readonly traces = new Traces();
  /** Tunnels and event streams of this worker. */
  readonly longLived = new LongLived(this);

  /** The header line of a request id, up to its number. */
  requestIdLine = Buffer.alloc(0);
  #requestIdPrefix = '';
  /** Where heads are put together. */
  readonly writer = new HeadWriter();
  readonly #spareExchanges: Exchange[] = [];
  #requestCount = 0;
  #dateSecond = 0;
  #dateLine = '';

  constructor(given: EngineParts) {
    this.clock = given.clock;
    this.wheel = given.wheel;
    this.random = given.random;
    this.table = given.table;
    this.lane = given.lane;
    this.connector = given.connector;
    this.wake = given.wake;
    this.settled = given.settled;
    this.refused = given.refused;
    this.headLimits = given.headLimits;
    this.responseLimits = given.responseLimits;
    this.contain = given.contain;
    this.#newRequestIds();
  }

  /** An exchange for a client's request: one that was used before, where there is one. */
  takeExchange(client: ClientSide): Exchange {
    const exchange = this.#spareExchanges.pop();
    if (exchange === undefined) return new Exchange(this, client);
    exchange.client = client;
    return exchange;
  }

  /** The exchange is over and its client has no further use for it. */
  giveBackExchange(exchange: Exchange): void {
    // One that was broken off anywhere is in no state to begin from.
    const isSound = exchange.failure !== 'internal_error';
    if (!isSound || this.#spareExchanges.length === SPARE_EXCHANGES_MAX) return;
    exchange.letGo();
    this.#spareExchanges.push(exchange);
  }

  /** The number of a new request, from 1; `requestId` spells it. */
  nextRequestNumber(): number {
    this.#requestCount = (this.#requestCount + 1) >>> 0;
    if (this.#requestCount === 0) this.#newRequestIds();
    return this.#requestCount;
  }

  /** An id that no other request of any worker or instance has. */
  requestId(number: number): string {
    return this.#requestIdPrefix + hex8(number);
  }

  /** The number in an id of this worker; 0: it is of another, or the client's own. */
  numberOfRequestId(requestId: string): number {
    if (!requestId.startsWith(this.#requestIdPrefix)) return 0;
    const digits = requestId.slice(this.#requestIdPrefix.length);
    return /^[0-9a-f]{8}$/.test(digits) ? Number.parseInt(digits, 16) : 0;
  }

  /** The Date line of this second. RFC 9110 §6.6.1. */
  dateLine(): string {
    const second = Math.floor(this.clock.wallMs() / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#dateLine = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
    }
    return this.#dateLine;
  }

  /** After 2^32 requests their numbers begin anew, under another prefix. */
  #newRequestIds(): void {
    const part = () => hex8(Math.floor(this.random() * 2 ** 32));
    this.#requestCount = 1;
    this.#requestIdPrefix = `${part()}${part()}-`;
    this.requestIdLine = Buffer.from(`X-Request-Id: ${this.#requestIdPrefix}`, 'latin1');
  }
}
