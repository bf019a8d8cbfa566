import type { TLSSocket } from 'node:tls';
import { Timer, type TimerOwner } from '../base/wheel.ts';
import { FAILURES, type Failure } from '../core/answers/failures.ts';
import { type Client, TransientClient } from '../core/clients/client.ts';
import { Http1ClientConnection } from '../core/clients/http1-client-connection.ts';
import { ProxyHeaderReader } from '../core/clients/proxy-header.ts';
import { RefusedClient } from '../core/clients/refused-client.ts';
import type { Engine } from '../core/exchange/engine.ts';
import type { Exchanges } from '../core/exchange/exchanges.ts';
import { ClientInfo } from '../core/forward/forward.ts';
import type { Source } from '../core/limits/source.ts';
import type { StreamOwner } from '../core/ports/stream.ts';
import type { ProxyHeader } from '../core/proxy-protocol/read.ts';
import type { Guard } from '../core/routes/guard.ts';
import type { Route } from '../core/routes/route.ts';
import { Http2Connection } from '../io/http2/connection.ts';
import { Accepted, authorityOf, type Peer } from '../io/node/accepted.ts';
import type { SocketStream } from '../io/node/socket-stream.ts';
import { alpnOf, Handshake, type Secured, type Security } from '../io/node/tls/handshake.ts';
import { ServerContexts } from '../io/node/tls/server-contexts.ts';
import { TLS_REASONS } from '../io/tls/failures.ts';
import type { ListenAddress } from '../plan/listen.ts';
import type { TlsPlan } from '../plan/tls.ts';
import { WORKER_COUNTER, type WorkerNumber } from '../table/measures.ts';
import { type SourceCounts, UNCOUNTED } from '../table/source-counts.ts';
import { TicketKeys } from '../table/ticket-keys.ts';
import type { HandshakeFailure } from './messages.ts';
import type { Recorder } from './recorder.ts';

/** What the entrance needs of the worker. */
export interface EntranceOwner {
  readonly route: Route;
  readonly guard: Guard;
  readonly recorder: Recorder;
  /** Whether connections of trusted proxies begin with a PROXY header. */
  readonly readsProxyHeaders: boolean;
  /** The port that plain HTTP is sent on to. */
  readonly httpsPort: number;
  enter(client: Client, address: ListenAddress): void;
  leave(client: Client): void;
  handshakeFailed(failure: HandshakeFailure): void;
}

/** What handshakes are made with, and what responses then say of it. */
export interface ListenerSecurity extends Security {
  readonly hstsLine: string;
}

/** Connections that are kept out and still have to hear it. */
const REFUSED_CLIENTS_MAX = 1024;
/** A handshake that is under way when the end comes has this time. */
const LAST_HANDSHAKES_MS = 1_000;

/** Makes of each accepted connection the client that its listener is for. */
export class Entrance {
  readonly #exchanges: Exchanges;
  readonly #engine: Engine;
  readonly #owner: EntranceOwner;
  #tls: ListenerSecurity | null = null;
  #refusedClients = 0;

  constructor(exchanges: Exchanges, owner: EntranceOwner) {
    this.#exchanges = exchanges;
    this.#engine = exchanges.engine;
    this.#owner = owner;
  }

  /** The handshakes that begin from now on are made with this; those under way go on as they are. */
  secureWith(security: ListenerSecurity | null): void {
    this.#tls = security;
  }

  open(accepted: Accepted, address: ListenAddress): void {
    const { guard, readsProxyHeaders } = this.#owner;
    const source = guard.sourceOf(accepted.peer.address);
    if (readsProxyHeaders && guard.trusts(source)) this.#readHeader(accepted, address);
    else this.#admit(accepted, source, address);
  }

  /** Each connection of a trusted proxy begins with the header that tells whose it is. */
  #readHeader(accepted: Accepted, address: ListenAddress): void {
    const { guard, recorder } = this.#owner;
    accepted.toStream((stream) => {
      const nowMs = this.#engine.clock.nowMs();
      const reader = new ProxyHeaderReader(this.#engine, stream, nowMs, {
        proxied: (header, bytes, end) => {
          const early = bytes.subarray(header.end, end);
          const proxied = new Proxied(accepted, stream, header, early);
          this.#admit(proxied, guard.sourceOf(proxied.peer.address), address);
          this.#owner.leave(reader);
        },
        notProxied: (code) => {
          if (code !== '') recorder.refused({ peerAddress: accepted.peer.address }, code, 0);
          this.#owner.leave(reader);
        },
      });
      this.#owner.enter(reader, address);
      return reader;
    });
  }

  #admit(arrival: Arrival, source: Source, address: ListenAddress): void {
    const seat = new Seat(this.#engine, source);
    try {
      this.#seat(arrival, { peer: arrival.peer, source, seat }, address);
    } catch (error) {
      seat.leave();
      throw error;
    }
  }

  #seat(arrival: Arrival, visitor: Visitor, address: ListenAddress): void {
    const { seat } = visitor;
    const code = this.#refusalOf(visitor);
    if (code !== '') this.#keepOut(arrival, visitor, code, address);
    else if (address.speaks === 'https') this.#secure(arrival, visitor, address);
    else {
      const { isSecure } = arrival;
      const redirectPort = address.speaks === 'redirect' && !isSecure ? this.#owner.httpsPort : 0;
      const scheme = isSecure ? 'https' : 'http';
      const via = this.#via(visitor, { scheme, redirectPort });
      arrival.toStream((stream) => this.#http1(stream, via, address, seat));
    }
  }

  #refusalOf(visitor: Visitor): Failure | '' {
    const { guard, recorder } = this.#owner;
    const { code, observed } = guard.refusalOf(visitor.source, visitor.seat.open);
    if (code === '') return '';
    const refused = { peerAddress: visitor.peer.address };
    recorder.refused(refused, code, FAILURES[code][1], observed);
    return observed ? '' : code;
  }

  /** Nobody who is kept out is worth a handshake: without TLS the client hears why. */
  #keepOut(arrival: Arrival, { seat }: Visitor, code: Failure, address: ListenAddress): void {
    seat.leave();
    if (address.speaks === 'https' || this.#refusedClients >= REFUSED_CLIENTS_MAX) {
      return arrival.close();
    }
    this.#refusedClients += 1;
    arrival.toStream((stream) => {
      const nowMs = this.#engine.clock.nowMs();
      const client = new RefusedClient(this.#engine, stream, code, nowMs, (one) => {
        this.#refusedClients -= 1;
        this.#owner.leave(one);
      });
      this.#owner.enter(client, address);
      return client;
    });
  }

  #secure(arrival: Arrival, visitor: Visitor, address: ListenAddress): void {
    const tls = this.#tls;
    const { seat } = visitor;
    if (tls === null) {
      seat.leave();
      return arrival.close();
    }
    const { wheel, clock } = this.#engine;
    const pending = new PendingClient(this.#engine, this.#owner, seat);
    const handshake = new Handshake(arrival.forHandshake(), tls, wheel, clock.nowMs(), {
      secured: (secured) => {
        this.#count(
          secured.isResumed ? WORKER_COUNTER.tlsResumptions : WORKER_COUNTER.tlsHandshakes,
        );
        this.#welcome(secured, visitor, tls.hstsLine, address);
        pending.leave();
      },
      failed: (reason, detail) => {
        this.#count(WORKER_COUNTER.tlsFailures + TLS_REASONS.indexOf(reason));
        this.#owner.handshakeFailed({ peer: visitor.peer.address, reason, detail });
        pending.leave();
        seat.leave();
      },
    });
    pending.handshake = handshake;
    this.#owner.enter(pending, address);
  }

  #welcome(
    { socket, stream, secured, protocol, clientCertificate }: Secured,
    visitor: Visitor,
    hstsLine: string,
    address: ListenAddress,
  ): void {
    const isHttp2 = protocol === 'h2';
    const via = this.#via(visitor, {
      scheme: 'https',
      responseLines: hstsLine,
      isHttp2,
      clientCertificate,
    });
    if (isHttp2) return this.#http2(socket, via, address, visitor.seat);
    stream.attach(secured);
    stream.owner = this.#http1(stream, via, address, visitor.seat);
  }

  #http2(socket: TLSSocket, via: ClientInfo, address: ListenAddress, seat: Seat): void {
    const engine = this.#engine;
    const nowMs = engine.clock.nowMs();
    const { route } = this.#owner;
    const connection = new Http2Connection(this.#exchanges, route, socket, via, nowMs, (one) => {
      seat.leave();
      this.#owner.leave(one);
    });
    this.#owner.enter(connection, address);
  }

  #http1(
    stream: ConstructorParameters<typeof Http1ClientConnection>[2],
    via: ClientInfo,
    address: ListenAddress,
    seat: Seat,
  ): Http1ClientConnection {
    const engine = this.#engine;
    const connection = new Http1ClientConnection(
      this.#exchanges,
      this.#owner.route,
      stream,
      via,
      engine.clock.nowMs(),
      (one) => {
        seat.leave();
        this.#owner.leave(one);
      },
    );
    this.#owner.enter(connection, address);
    return connection;
  }

  #via(
    { peer, source }: Visitor,
    what: Pick<ClientInfo, 'scheme'> &
      Partial<Pick<ClientInfo, 'responseLines' | 'redirectPort' | 'isHttp2' | 'clientCertificate'>>,
  ): ClientInfo {
    return new ClientInfo({
      peerAddress: peer.address,
      peerIsTrusted: this.#owner.guard.believesHeadersOf(source),
      peerPort: peer.port,
      source,
      localAuthority: peer.localAuthority,
      ...what,
    });
  }

  #count(which: number): void {
    this.#engine.table.measures.add(this.#engine.lane, which as WorkerNumber, 1);
  }
}

/** A connection that comes in, straight or through a proxy. */
interface Arrival {
  /** The client, as far as is known. */
  readonly peer: Peer;
  /** Whether it spoke TLS to the proxy. */
  readonly isSecure: boolean;
  toStream(own: (stream: SocketStream) => StreamOwner): void;
  forHandshake(): Accepted;
  close(): void;
}

/** A connection whose PROXY header was read. */
class Proxied implements Arrival {
  readonly peer: Peer;
  readonly isSecure: boolean;
  readonly #accepted: Accepted;
  readonly #stream: SocketStream;
  /** What came behind the header; good while the header's bytes are. */
  readonly #early: Buffer;

  constructor(accepted: Accepted, stream: SocketStream, header: ProxyHeader, early: Buffer) {
    const { source, destination } = header;
    this.peer =
      source === null
        ? accepted.peer
        : {
            ...source,
            localAuthority: () => authorityOf(destination!.address, destination!.port),
          };
    this.isSecure = header.isSecure;
    this.#accepted = accepted;
    this.#stream = stream;
    this.#early = early;
  }

  toStream(own: (stream: SocketStream) => StreamOwner): void {
    this.#stream.owner = own(this.#stream);
    if (this.#early.length > 0) this.#stream.received(this.#early);
  }

  forHandshake(): Accepted {
    return Accepted.after(this.#accepted, this.#stream, this.#early, this.peer);
  }

  close(): void {
    this.#stream.reset();
  }
}

/** Who is at the door. */
interface Visitor {
  readonly peer: Peer;
  readonly source: Source;
  readonly seat: Seat;
}

/** A connection's part in the count of its source's connections, from its first moment to its last. */
class Seat {
  /** Connections that the source had with this one; 0: not known. */
  readonly open: number;
  readonly #counts: SourceCounts;
  readonly #lane: number;
  #entry: number;

  constructor({ table, lane }: Engine, { place, tag }: Source) {
    this.#counts = table.sourceCounts;
    this.#lane = lane;
    this.#entry = this.#counts.enter(place, tag, lane);
    this.open = this.#counts.entered;
  }

  /** Whoever comes here first counts the connection out. */
  leave(): void {
    if (this.#entry === UNCOUNTED) return;
    this.#counts.leave(this.#entry, this.#lane);
    this.#entry = UNCOUNTED;
  }
}

/** A client whose handshake is under way. */
class PendingClient extends TransientClient implements TimerOwner {
  handshake: Handshake | null = null;
  readonly #engine: Engine;
  readonly #owner: EntranceOwner;
  readonly #seat: Seat;
  /** Runs while it drains. */
  #timer: Timer | null = null;

  constructor(engine: Engine, owner: EntranceOwner, seat: Seat) {
    super();
    this.#engine = engine;
    this.#owner = owner;
    this.#seat = seat;
  }

  /** Its request comes with the end of the handshake, and is answered. */
  drain(): void {
    const { wheel, clock } = this.#engine;
    this.#timer ??= new Timer(wheel, this);
    this.#timer.set(clock.nowMs() + LAST_HANDSHAKES_MS);
  }

  onTimer(): void {
    this.abort();
  }

  crashed(): void {
    this.abort();
  }

  abort(): void {
    this.handshake?.abort();
    this.#seat.leave();
    this.leave();
  }

  /** The handshake is over. */
  leave(): void {
    this.#timer?.dispose();
    this.#owner.leave(this);
  }
}

/**
 * What handshakes are made with.
 *
 * @throws Error of OpenSSL where a certificate, key or list is no good
 */
export function securityOf(plan: TlsPlan | null): ListenerSecurity | null {
  if (plan === null) return null;
  const tickets = TicketKeys.open(plan.ticketMemory);
  return {
    contexts: new ServerContexts(plan, tickets),
    alpnProtocols: alpnOf(plan.http2 ? ['h2', 'http/1.1'] : ['http/1.1']),
    clientCertificates: plan.clientCertificates,
    handshakeMs: plan.handshakeMs,
    hstsLine: plan.hstsLine,
  };
}
