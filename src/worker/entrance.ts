import { FAILURES, type Failure } from '../core/answers/failures.ts';
import type { Client } from '../core/clients/client.ts';
import { Http1ClientConnection } from '../core/clients/http1-client-connection.ts';
import { ProxyHeaderReader } from '../core/clients/proxy-header-reader.ts';
import { RefusedClient } from '../core/clients/refused-client.ts';
import type { Engine } from '../core/exchange/engine.ts';
import type { Exchanges } from '../core/exchange/exchanges.ts';
import { ClientInfo } from '../core/forward/client-info.ts';
import type { ClientSource } from '../core/limits/client-source.ts';
import { type Arrival, authorityOf, type Peer } from '../core/ports/arrival.ts';
import type { Stream } from '../core/ports/stream.ts';
import type { ProxyHeader } from '../core/proxy-protocol/read.ts';
import type { Guard } from '../core/routes/guard.ts';
import type { Route } from '../core/routes/route.ts';
import type { Accepted, Secured, Security } from '../io/backend.ts';
import { Http2Connection } from '../io/http2/connection.ts';
import { TLS_REASONS } from '../io/tls/failures.ts';
import type { ListenAddress } from '../plan/listen.ts';
import { WORKER_COUNTER, type WorkerNumber } from '../table/measures.ts';
import type { HandshakeFailure } from './messages.ts';
import { PendingClient } from './pending-client.ts';
import type { Recorder } from './recorder.ts';
import { Seat } from './seat.ts';

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
export interface ClientTls {
  readonly security: Security;
  readonly hstsLine: string;
}

/** Connections that are kept out and still have to hear it. */
const REFUSED_CLIENTS_MAX = 1024;

/** Turns an accepted connection into the client its listener serves. */
export class Entrance {
  readonly #exchanges: Exchanges;
  readonly #engine: Engine;
  readonly #owner: EntranceOwner;
  #tls: ClientTls | null = null;
  #refusedClients = 0;

  constructor(exchanges: Exchanges, owner: EntranceOwner) {
    this.#exchanges = exchanges;
    this.#engine = exchanges.engine;
    this.#owner = owner;
  }

  /** The handshakes that begin from now on are made with this; those under way go on as they are. */
  secureWith(tls: ClientTls | null): void {
    this.#tls = tls;
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
          const peer = peerOf(header) ?? accepted.peer;
          const proxied = accepted.afterHeader(early, { peer, isSecure: header.isSecure });
          this.#admit(proxied, guard.sourceOf(peer.address), address);
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

  #admit(accepted: Accepted, source: ClientSource, address: ListenAddress): void {
    const seat = new Seat(this.#engine, source);
    try {
      this.#seat(accepted, { peer: accepted.peer, source, seat }, address);
    } catch (error) {
      seat.leave();
      throw error;
    }
  }

  #seat(accepted: Accepted, visitor: Visitor, address: ListenAddress): void {
    const { seat } = visitor;
    const code = this.#refusalOf(visitor);
    if (code !== '') this.#keepOut(accepted, visitor, code, address);
    else if (address.speaks === 'https') this.#secure(accepted, visitor, address);
    else {
      const { isSecure } = accepted;
      const redirectPort = address.speaks === 'redirect' && !isSecure ? this.#owner.httpsPort : 0;
      const scheme = isSecure ? 'https' : 'http';
      const clientInfo = this.#clientInfoOf(visitor, { scheme, redirectPort });
      accepted.toStream((stream) => this.#http1(stream, clientInfo, address, seat));
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

  #secure(accepted: Accepted, visitor: Visitor, address: ListenAddress): void {
    const tls = this.#tls;
    const { seat } = visitor;
    if (tls === null) {
      seat.leave();
      return accepted.close();
    }
    const pending = new PendingClient(this.#engine, seat, (one) => this.#owner.leave(one));
    pending.handshake = accepted.secure(tls.security, {
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
    this.#owner.enter(pending, address);
  }

  #welcome(secured: Secured, visitor: Visitor, hstsLine: string, address: ListenAddress): void {
    const isHttp2 = secured.protocol === 'h2';
    const clientInfo = this.#clientInfoOf(visitor, {
      scheme: 'https',
      responseLines: hstsLine,
      isHttp2,
      clientCertificate: secured.clientCertificate,
    });
    const { seat } = visitor;
    if (isHttp2) this.#http2(secured, clientInfo, address, seat);
    else secured.toStream((stream) => this.#http1(stream, clientInfo, address, seat));
  }

  #http2(secured: Secured, clientInfo: ClientInfo, address: ListenAddress, seat: Seat): void {
    const engine = this.#engine;
    const nowMs = engine.clock.nowMs();
    const { route } = this.#owner;
    const socket = secured.forNodeHttp2();
    const connection = new Http2Connection(
      this.#exchanges,
      route,
      socket,
      clientInfo,
      nowMs,
      (one) => {
        seat.leave();
        this.#owner.leave(one);
      },
    );
    this.#owner.enter(connection, address);
  }

  #http1(
    stream: Stream,
    clientInfo: ClientInfo,
    address: ListenAddress,
    seat: Seat,
  ): Http1ClientConnection {
    const engine = this.#engine;
    const connection = new Http1ClientConnection(
      this.#exchanges,
      this.#owner.route,
      stream,
      clientInfo,
      engine.clock.nowMs(),
      (one) => {
        seat.leave();
        this.#owner.leave(one);
      },
    );
    this.#owner.enter(connection, address);
    return connection;
  }

  #clientInfoOf(
    { peer, source }: Visitor,
    what: Pick<ClientInfo, 'scheme'> &
      Partial<Pick<ClientInfo, 'responseLines' | 'redirectPort' | 'isHttp2' | 'clientCertificate'>>,
  ): ClientInfo {
    return new ClientInfo({
      peer,
      peerIsTrusted: this.#owner.guard.believesHeadersOf(source),
      source,
      ...what,
    });
  }

  #count(which: number): void {
    this.#engine.table.measures.add(this.#engine.lane, which as WorkerNumber, 1);
  }
}

/** Who is at the door. */
interface Visitor {
  readonly peer: Peer;
  readonly source: ClientSource;
  readonly seat: Seat;
}

/** Whom the header names; null: nobody. */
function peerOf({ source, destination }: ProxyHeader): Peer | null {
  if (source === null) return null;
  return {
    ...source,
    localAuthority: () => authorityOf(destination!.address, destination!.port),
  };
}
