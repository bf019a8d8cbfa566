/**
 * A connection to a server on its way, for traffic and for probes alike.
 *
 * A name's addresses race as RFC 8305 ("Happy Eyeballs") has it: the next one begins when the one
 * before has failed, or has said nothing for a quarter of a second, and the first that is open, TLS
 * included, is it. How one address is connected is the backend's; time and retries are the caller's.
 */
import { isIP } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { ServerAddress } from '../core/ports/server-address.ts';
import type { Resolver } from './resolver.ts';
import { isShortage } from './shortage.ts';

/** Addresses of one name that are tried for one connection. */
const ADDRESSES_MAX = 8;
/** After this much silence the next address begins too (RFC 8305 §5). */
const NEXT_ADDRESS_MS = 250;
/** One that has answered is given longer for its handshake: a busy server needs no second one. */
const NEXT_AFTER_HANDSHAKE_MS = 1_000;

export type DialStep = 'resolve' | 'connect' | 'tls';

/** What the dials of one thread share. */
export interface DialContext {
  readonly clock: Clock;
  readonly resolver: Resolver;
  /** @returns ends that */
  readonly after: (delayMs: number, call: () => void) => () => void;
}

/** Tells how a dial ends; nothing follows `onOpen`, `onFailed` or `cancel`. */
export interface DialEvents<Connection> {
  /** The name's addresses are there; not called where the address needs no looking up. */
  onResolved?(): void;
  /** The first of the addresses has taken a connection. */
  onConnected?(): void;
  /** Open, TLS included, to an address or socket path. */
  onOpen(connection: Connection, host: string): void;
  /** No address could be connected; the error is that of the last one. */
  onFailed(error: NodeJS.ErrnoException, step: DialStep): void;
}

/**
 * Begins to connect to one address.
 *
 * @param host the IP address; empty where the server has a socket path
 * @param owner told later, never within the call
 * @throws NodeJS.ErrnoException if the address is refused at once: it counts as failed
 */
export type Attempt<Connection> = (host: string, owner: AttemptOwner<Connection>) => Attempting;

/** A connection to one address on its way. */
export interface Attempting {
  /** Gives it up. Called at most once, and not after `opened` or `failed`. */
  close(): void;
}

/** Hears how an attempt ends: one of `opened` and `failed` is the last call. */
export interface AttemptOwner<Connection> {
  /** The address has taken the connection; a handshake may follow. */
  connected(): void;
  opened(connection: Connection): void;
  failed(error: NodeJS.ErrnoException, step: 'connect' | 'tls'): void;
}

/** Neither end is told within the constructor. */
export class Dial<Connection> {
  readonly #address: ServerAddress;
  readonly #context: DialContext;
  readonly #attempt: Attempt<Connection>;
  readonly #events: DialEvents<Connection>;
  readonly #racers: Racer<Connection>[] = [];
  #waiting: readonly string[] = [];
  #cancelNext: (() => void) | null = null;
  /** What became of one address says something only where there are others. */
  #hasOthers = false;
  #isConnected = false;
  #isOver = false;

  constructor(
    address: ServerAddress,
    context: DialContext,
    attempt: Attempt<Connection>,
    events: DialEvents<Connection>,
  ) {
    this.#address = address;
    this.#context = context;
    this.#attempt = attempt;
    this.#events = events;
    const { host } = address;
    if (!isNamed(address)) this.#start([host]);
    else context.resolver.resolve(host, (addresses, error) => this.#resolved(addresses, error));
  }

  /** Gives up. An address that was silent until now is remembered for it. */
  cancel(): void {
    if (this.#isOver) return;
    this.#end(null);
  }

  #resolved(addresses: readonly string[], error: NodeJS.ErrnoException | null): void {
    if (this.#isOver) return;
    if (addresses.length === 0) {
      process.nextTick(() => {
        if (this.#isOver) return;
        this.#isOver = true;
        this.#events.onFailed(error ?? noAddress(), 'resolve');
      });
      return;
    }
    this.#events.onResolved?.();
    this.#start(this.#context.resolver.lateFailuresLast(addresses, this.#address.port));
  }

  #start(addresses: readonly string[]): void {
    this.#waiting = addresses.slice(0, ADDRESSES_MAX);
    this.#hasOthers = addresses.length > 1;
    this.#tryNext();
  }

  #tryNext(): void {
    this.#cancelNext?.();
    this.#cancelNext = null;
    const [host, ...others] = this.#waiting;
    if (host === undefined) return;
    this.#waiting = others;
    const racer = new Racer(this, host, this.#context.clock.nowMs());
    this.#racers.push(racer);
    racer.start(this.#attempt);
    this.#tryNextIn(NEXT_ADDRESS_MS);
  }

  #tryNextIn(delayMs: number): void {
    this.#cancelNext?.();
    this.#cancelNext = null;
    if (this.#waiting.length === 0) return;
    this.#cancelNext = this.#context.after(delayMs, () => this.#tryNext());
  }

  /** @internal of a racer */
  connected(): void {
    if (this.#address.tls !== null) this.#tryNextIn(NEXT_AFTER_HANDSHAKE_MS);
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#events.onConnected?.();
  }

  /** @internal of a racer */
  opened(racer: Racer<Connection>, connection: Connection): void {
    if (this.#hasOthers) this.#context.resolver.worked(racer.host, this.#address.port);
    this.#end(racer);
    this.#events.onOpen(connection, racer.host);
  }

  /** @internal of a racer */
  failed(racer: Racer<Connection>, error: NodeJS.ErrnoException, step: DialStep): void {
    this.#racers.splice(this.#racers.indexOf(racer), 1);
    if (!isShortage(error)) this.#remember(racer);
    if (this.#waiting.length > 0) this.#tryNext();
    else if (this.#racers.length === 0) {
      this.#isOver = true;
      this.#events.onFailed(error, step);
    }
  }

  #end(winner: Racer<Connection> | null): void {
    this.#isOver = true;
    this.#cancelNext?.();
    const nowMs = this.#context.clock.nowMs();
    for (const racer of this.#racers) {
      if (racer === winner) continue;
      if (nowMs - racer.startedMs >= NEXT_ADDRESS_MS) this.#remember(racer);
      racer.close();
    }
    this.#racers.length = 0;
  }

  /** The next connections try this address last. */
  #remember({ host }: Racer<Connection>): void {
    if (this.#hasOthers) this.#context.resolver.failed(host, this.#address.port);
  }
}

/** One address of the race. */
class Racer<Connection> implements AttemptOwner<Connection> {
  readonly host: string;
  readonly startedMs: number;
  readonly #dial: Dial<Connection>;
  #attempting: Attempting | null = null;
  #isOver = false;

  constructor(dial: Dial<Connection>, host: string, startedMs: number) {
    this.#dial = dial;
    this.host = host;
    this.startedMs = startedMs;
  }

  start(attempt: Attempt<Connection>): void {
    try {
      this.#attempting = attempt(this.host, this);
    } catch (error) {
      // What is refused at once is an address that cannot be connected, whoever calls.
      process.nextTick(() => this.failed(error as NodeJS.ErrnoException, 'connect'));
    }
  }

  close(): void {
    this.#isOver = true;
    this.#attempting?.close();
  }

  connected(): void {
    if (!this.#isOver) this.#dial.connected();
  }

  opened(connection: Connection): void {
    this.#isOver = true;
    this.#dial.opened(this, connection);
  }

  failed(error: NodeJS.ErrnoException, step: 'connect' | 'tls'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#dial.failed(this, error, step);
  }
}

/** As `Connector.addressesVersion`. */
export function addressesVersion(resolver: Resolver, address: ServerAddress): number {
  return isNamed(address) ? resolver.renew(address.host) : 0;
}

/** As `Connector.leadsTo`. @param host the address that the stream was opened to; empty: it is not open */
export function leadsTo(resolver: Resolver, address: ServerAddress, host: string): boolean {
  return !isNamed(address) || host === '' || resolver.has(address.host, host);
}

/** Whether an address has to be looked up. */
export function isNamed({ host, path }: ServerAddress): boolean {
  return path === '' && isIP(host) === 0;
}

function noAddress(): NodeJS.ErrnoException {
  return Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
}
