/**
 * The port to the machine's connections: accepting them, TLS, and connecting to servers. Data
 * threads and the control thread know this file; what is behind it is chosen where a thread begins.
 * `backend.suite.ts` is what every backend has to do, as tests.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import type { Contain } from '../base/contain.ts';
import type { TimerWheel } from '../base/wheel.ts';
import type { Arrival } from '../core/ports/arrival.ts';
import type { Connector } from '../core/ports/stream.ts';
import type { ListenAddress } from '../plan/listen.ts';
import type { TlsPlan } from '../plan/tls.ts';
import type { Resolver } from './resolver.ts';
import type { TlsFailure } from './tls/failures.ts';

/** Makes the backend of one thread. */
export type OpenBackend = (context: BackendContext) => Backend;

/** What a thread gives its backend. */
export interface BackendContext {
  readonly clock: Clock;
  /** Ends handshakes that are late. */
  readonly wheel: TimerWheel;
  /** Takes what is thrown by those who are called. */
  readonly contain: Contain;
  readonly doorkeeper: Doorkeeper;
  /** Notes what nobody else gives back should the thread die. */
  readonly holder: Holder;
  /** Looks up the names of servers. */
  readonly resolver: Resolver;
  /** Connections that may wait to be let in; those beyond it are closed. */
  readonly waitingMax: number;
  /** The most that one read gives. */
  readonly readBytes: number;
}

/** All connections of one thread. */
export interface Backend {
  readonly connector: Connector;
  /** As in the context; follows the configuration. */
  waitingMax: number;
  /**
   * Accepts from one address.
   *
   * @param given descriptor of a socket that listens there, to accept on that one; it stays open
   *   when the listener is closed, where `ListeningSockets.areKept`. Null: the backend opens its own
   * @param onAccept called with each connection that is let in
   * @throws the system's error
   */
  listen(
    address: ListenAddress,
    given: number | null,
    onAccept: (accepted: Accepted) => void,
  ): Promise<Listener>;
  /** Lets in connections that wait, as far as there are places. Call it on each tick. */
  letIn(): void;
  /**
   * Accepts who waits in the listening sockets: closing those resets whoever is in them, perhaps
   * with a request sent. Ends when nobody is left, or after `withinMs`.
   */
  acceptWaiting(withinMs: number): Promise<void>;
  /**
   * What TLS handshakes with clients are made with from a plan.
   *
   * @throws Error from OpenSSL if a certificate, key or list is invalid
   */
  securityOf(plan: TlsPlan): Security;
  /**
   * Calls every so often, each time once what has arrived was read: what came in time is never late,
   * though the thread was busy.
   *
   * @returns ends that
   */
  every(periodMs: number, call: () => void): () => void;
  /** Like `every`, but once. */
  after(delayMs: number, call: () => void): () => void;
  /** Closes the connections that wait to be let in. Listeners and connections are their owners'. */
  close(): void;
}

/** Notes what a thread holds of the system. */
export interface Holder {
  /** A descriptor is open. */
  add(fd: number): void;
  /** It is about to be closed: once it is, another thread may get its number. */
  remove(fd: number): void;
  /** Memory that is shared with the kernel. */
  mapped(start: bigint, lengthBytes: number): void;
}

/** Counts connections in and out, over all listeners and threads. */
export interface Doorkeeper {
  /** Takes a place. @returns false: there is none */
  claim(): boolean;
  /** Gives a place back: a connection is closed, and its descriptor free. */
  release(): void;
  /** Closes a client that rests, so that there is a place. @returns false where none rests */
  makeRoom(): boolean;
  /** @param by how many more, or fewer, wait to be let in */
  waiting(by: number): void;
  /** A connection was closed because no more can wait. */
  turnedAway(): void;
}

/** Accepts clients on one address. */
export interface Listener {
  readonly address: ListenAddress;
  /** The descriptor that was given; null: it opened its own. */
  readonly given: number | null;
  /** The socket's own descriptor in this process. */
  readonly fd: number;
  /** The port; what the system gave where 0 was asked for. */
  readonly port: number;
  /** Accepts no more; open connections go on. */
  close(): void;
  /**
   * Accepts no more, but others do: a unix socket keeps its place in the file system, which closing
   * it takes away.
   */
  leave(): void;
}

/** A connection as a listener gives it: one of `toStream`, `secure` and `close` is to be called. */
export interface Accepted extends Arrival {
  /** Begins the handshake. @param security of the same backend */
  secure(security: Security, owner: HandshakeOwner): Handshake;
  /**
   * The connection anew, after the owner of its stream read what stands before the rest, a PROXY
   * header: nothing may be written yet. That owner hears of it no more.
   *
   * @param early bytes that came behind the header; used before the next one returns to the loop
   */
  afterHeader(early: Buffer, whose: Pick<Arrival, 'peer' | 'isSecure'>): Accepted;
}

/** What handshakes are made with, as `securityOf` makes it: only its backend looks inside. */
export interface Security {
  readonly handshakeMs: number;
}

/** A handshake under way. */
export interface Handshake {
  /** Ends it and the connection without a word; its owner hears nothing more. */
  abort(): void;
}

/** Hears how a handshake ends; one of the two is called, once. */
export interface HandshakeOwner {
  secured(secured: Secured): void;
  /** @param detail what OpenSSL says of it */
  failed(reason: TlsFailure, detail: string): void;
}

/** A connection whose handshake is done: to be taken in the same turn, or bytes are lost. */
export interface Secured extends Arrival {
  /** What ALPN agreed on; null: the client did not ask. */
  readonly protocol: string | null;
  readonly isResumed: boolean;
  /** The client's, verified, DER; null: it brought none. */
  readonly clientCertificate: Buffer | null;
  /**
   * The connection as Node's HTTP/2 library takes it, instead of `toStream`. A backend that has
   * none offers no h2 by ALPN, so that nobody asks.
   */
  forNodeHttp2(): Duplex;
}

/** The sockets that an instance listens with, as the control thread opens and closes them. */
export interface ListeningSockets {
  /** Whether they outlive the threads that accept from them. Otherwise each thread opens its own. */
  readonly areKept: boolean;
  /**
   * Makes sure that an address is ours: data threads share ports, so that two instances on one port
   * would both start, and each get half of the connections. Who connects just then may be reset.
   *
   * @throws the system's error
   */
  claim(address: ListenAddress): Promise<void>;
  /**
   * Opens a socket from which nobody accepts yet: who connects waits in it.
   *
   * @returns its descriptor
   * @throws the system's error
   */
  open(address: ListenAddress): Promise<number>;
  /** @param isHandedOver another process accepts from it: a unix socket keeps its place */
  close(fd: number, address: ListenAddress, isHandedOver: boolean): void;
}
