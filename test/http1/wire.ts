/**
 * One client connection and the server connections behind it, on streams that only remember: the
 * decisions of codec and exchange as bytes in, bytes out.
 */

import { type Contain, rethrow } from '../../src/base/contain.ts';
import { TimerWheel } from '../../src/base/wheel.ts';
import { Chooser } from '../../src/core/balance/choose.ts';
import { createStrategy } from '../../src/core/balance/registry.ts';
import { Http1ClientConnection } from '../../src/core/clients/http1-client-connection.ts';
import { Http2ClientStream } from '../../src/core/clients/http2-client-stream.ts';
import type { Http2Port } from '../../src/core/clients/http2-port.ts';
import { Engine } from '../../src/core/exchange/engine.ts';
import { Exchanges } from '../../src/core/exchange/exchanges.ts';
import { TrustedProxies } from '../../src/core/forward/client-address.ts';
import { ClientInfo } from '../../src/core/forward/client-info.ts';
import { DEFAULT_HEAD_LIMITS, DEFAULT_RESPONSE_LIMITS } from '../../src/core/http1/head.ts';
import type { Connector, Stream, StreamOwner } from '../../src/core/ports/stream.ts';
import type { ClientPolicy } from '../../src/core/routes/client-policy.ts';
import { Guard } from '../../src/core/routes/guard.ts';
import { Pool } from '../../src/core/servers/pool.ts';
import { Server } from '../../src/core/servers/server.ts';
import type { PoolSettings } from '../../src/core/servers/settings.ts';
import { WaitQueue } from '../../src/core/servers/wait-queue.ts';
import type { Persistence } from '../../src/core/sticky/persistence.ts';
import { SharedTable } from '../../src/table/table.ts';

const HOUR_MS = 3_600_000;
const SIZE = { serverRows: 1, workerLanes: 1 };

/** A stream that keeps what was written to it. */
export class MemoryStream implements Stream {
  text = '';
  state: 'open' | 'ended' | 'destroyed' = 'open';
  readonly pendingBytes = 0;

  writeText(text: string): void {
    this.text += text;
  }
  writeBytes(bytes: Buffer, start: number, end: number): void {
    this.text += bytes.toString('latin1', start, end);
  }
  writeTextAndBytes(text: string, bytes: Buffer, start: number, end: number): void {
    this.text += text + bytes.toString('latin1', start, end);
  }
  unsentBytes(): number {
    return 0;
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    if (this.state === 'open') this.state = 'ended';
  }
  destroy(): void {
    this.state = 'destroyed';
  }
  reset(): void {
    this.state = 'destroyed';
  }
}

export interface WireOptions {
  peerIsTrusted?: boolean;
  peerAddress?: string;
  keepsSpoofable?: boolean;
  /** Takes what an owner of a stream throws; absent: it comes out. */
  contain?: Contain;
  persistence?: Persistence;
  /** Settings of the pool that differ. */
  pool?: Partial<PoolSettings>;
  policy?: Partial<ClientPolicy>;
}

export class Wire implements Connector {
  client = new MemoryStream();
  readonly table = SharedTable.create(SIZE);
  /** One for each connection that was opened to the server, in order. */
  readonly servers: { stream: MemoryStream; owner: StreamOwner }[] = [];
  readonly wheel: TimerWheel;
  readonly #contain: Contain;
  readonly #connect: () => Http1ClientConnection;
  /** A stream of an HTTP/2 client of the same pool. */
  readonly openStream: (port: Http2Port) => Http2ClientStream;
  #connection: Http1ClientConnection;
  readonly pool: Pool;
  /** As the configuration would change it. */
  readonly route: { pool: Pool; policy: ClientPolicy };
  /** Goes up when the server's name has other addresses. */
  version = 0;
  /** Streams to addresses that the name no longer has. */
  readonly gone = new Set<Stream>();
  #nowMs = 0;

  constructor({
    peerIsTrusted = false,
    peerAddress = '203.0.113.7',
    keepsSpoofable = false,
    contain = rethrow,
    persistence,
    pool: more = {},
    policy: morePolicy = {},
  }: WireOptions = {}) {
    const clock = { nowMs: () => this.#nowMs, wallMs: () => 1e12 };
    const { table } = this;
    this.#contain = contain;
    this.wheel = new TimerWheel(0, 50, contain);
    const engine = new Engine({
      clock,
      wheel: this.wheel,
      random: () => 0,
      table,
      lane: 0,
      connector: this,
      wake: () => {},
      refused: () => {},
      contain,
    });
    const exchanges = new Exchanges(engine, () => {});
    const address = { host: '192.0.2.1', port: 80, path: '', tls: null };
    const plan = {
      row: 0,
      label: 's',
      name: 's',
      address,
      weight: 1,
      backup: false,
      maxInFlight: 0,
    };
    const servers = [new Server(plan, engine)];
    const strategy = createStrategy('round_robin', () => 0);
    const random = () => 0;
    const chooser = new Chooser({
      poolRow: 0,
      random,
      servers,
      strategy,
      table,
      panicThresholdPercent: 0,
    });
    const timeouts = {
      connectMs: HOUR_MS,
      readMs: HOUR_MS,
      writeMs: HOUR_MS,
      streamMs: HOUR_MS,
    };
    const settings = {
      name: 'default',
      row: 0,
      strategy: 'round_robin' as const,
      retryWithinMs: 0,
      detects: false,
      breaker: null,
      ejection: null,
      slowStartMs: 0,
      timeouts,
      connectionsMax: 1_000_000,
      idleMax: 0,
      ageMsMax: 0,
      responseLimits: DEFAULT_RESPONSE_LIMITS,
      longAwaitMs: 500,
      idleMin: 0,
      waitingMax: 0,
      waitMs: HOUR_MS,
      idleMs: HOUR_MS,
      retries: 0,
      retryBudgetPercent: 0,
      ...more,
    };
    const queue = new WaitQueue<Pool>(engine, 0);
    const pool = new Pool(engine, settings, servers, chooser, null, persistence ?? null, queue);
    this.pool = pool;
    const policy = {
      requestMs: HOUR_MS,
      idleMs: HOUR_MS,
      readMs: HOUR_MS,
      writeMs: HOUR_MS,
      uploadBytesPerSecond: 0,
      downloadBytesPerSecond: 0,
      highWaterBytes: 64 * 1024,
      replayBytes: 0,
      tracing: null,
      headLimits: { ...DEFAULT_HEAD_LIMITS, keepsSpoofable },
      ...morePolicy,
    };
    const guard = new Guard(TrustedProxies.none, null, null, { low: 1, high: 2 });
    const route = { pool, guard, waf: null, policy };
    this.route = route;
    const clientInfo = new ClientInfo({
      peer: { address: peerAddress, port: 0, localAuthority: () => '198.51.100.1:8080' },
      peerIsTrusted,
      scheme: 'http',
    });
    this.#connect = () => {
      this.client = new MemoryStream();
      return new Http1ClientConnection(
        exchanges,
        route,
        this.client,
        clientInfo,
        this.#nowMs,
        () => {},
      );
    };
    this.#connection = this.#connect();
    this.openStream = (port) => new Http2ClientStream(exchanges, route, clientInfo, port, () => {});
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Time goes by, timers fire; connections to servers that are on their way open. */
  pass(ms: number): void {
    this.#nowMs += ms;
    this.wheel.advance(this.#nowMs);
    this.#open();
  }

  /** The client leaves, and another comes. */
  reconnect(): void {
    this.clientLeaves();
    this.#connection = this.#connect();
  }

  connect(_address: unknown, owner: StreamOwner): Stream {
    const stream = new MemoryStream();
    this.servers.push({ stream, owner });
    return stream;
  }

  addressesVersion(): number {
    return this.version;
  }

  leadsTo(_address: unknown, stream: Stream): boolean {
    return !this.gone.has(stream);
  }

  /** Bytes of the client, in a buffer that is gone afterwards. Opens the connections it led to. */
  clientSends(bytes: Buffer): void {
    if (this.client.state === 'destroyed') return;
    const lent = Buffer.from(bytes);
    const connection = this.#connection;
    this.#tell(connection, () => connection.onBytes(lent, 0, lent.length, this.#nowMs));
    lent.fill(0xff);
    this.#open();
  }

  #open(): void {
    for (const { stream, owner } of this.servers) {
      if (stream.state !== 'open' || stream.text !== '') continue;
      this.#tell(owner, () => owner.onOpen(this.#nowMs));
    }
  }

  /** Bytes of the server that was connected to last. */
  serverSends(text: string): void {
    const last = this.servers.at(-1);
    if (last === undefined || last.stream.state === 'destroyed') return;
    const { owner } = last;
    const lent = Buffer.from(text, 'latin1');
    this.#tell(owner, () => owner.onBytes(lent, 0, lent.length, this.#nowMs));
    lent.fill(0xff);
  }

  serverEnds(): void {
    const last = this.servers.at(-1);
    if (last === undefined || last.stream.state === 'destroyed') return;
    this.#tell(last.owner, () => last.owner.onEnd(this.#nowMs));
  }

  /** The client says no more, or has left: one cannot be told from the other. */
  clientEnds(): void {
    const connection = this.#connection;
    if (this.client.state === 'destroyed') return;
    this.#tell(connection, () => connection.onEnd(this.#nowMs));
  }

  clientLeaves(): void {
    const connection = this.#connection;
    if (this.client.state === 'destroyed') return;
    this.client.state = 'destroyed';
    this.#tell(connection, () => connection.onClose('closed', this.#nowMs));
  }

  /** As the streams of `io/` call their owners. */
  #tell(owner: StreamOwner, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#contain(error, owner, this.#nowMs);
    }
  }

  /** What the servers were sent, each connection's bytes apart. */
  get sent(): string[] {
    return this.servers.map(({ stream }) => stream.text);
  }
}
