import { ClientConnection, type Route } from '../core/exchange/client-connection.ts';
import type { Engine } from '../core/exchange/engine.ts';
import { FAILURES, type Failure } from '../core/exchange/failures.ts';
import { Via } from '../core/exchange/forward.ts';
import type { Guard } from '../core/exchange/guard.ts';
import { RefusedClient } from '../core/exchange/refused-client.ts';
import type { Source } from '../core/limits/source.ts';
import type { Accepted, Peer } from '../io/accepted.ts';
import type { ListenAddress } from '../io/listener.ts';
import { TLS_REASONS, type TlsFailure } from '../io/tls/failures.ts';
import { alpnOf, Handshake, type Secured, type Security } from '../io/tls/handshake.ts';
import { ServerContexts, type TlsPlan } from '../io/tls/server-contexts.ts';
import { WORKER_COUNTER, type WorkerNumber } from '../table/measures.ts';
import { type SourceCounts, UNCOUNTED } from '../table/source-counts.ts';
import { TicketKeys } from '../table/ticket-keys.ts';
import type { Recorder } from './recorder.ts';

/** A connection of a client, as the worker looks after it. */
export interface Client {
  /** From the next request on, another route. */
  reroute(route: Route): void;
  /** Ends when what is under way is done. */
  drain(): void;
  /** Ends at once. */
  abort(nowMs: number): void;
}

/** What the entrance needs of the worker. */
export interface EntranceOwner {
  readonly route: Route;
  readonly guard: Guard;
  readonly recorder: Recorder;
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

/** A line of the log. */
export interface HandshakeFailure {
  readonly peer: string;
  readonly reason: TlsFailure;
  /** What OpenSSL says of it. */
  readonly detail: string;
}

/** Connections that are kept out and still have to hear it. */
const REFUSED_CLIENTS_MAX = 1024;

/** Makes of each accepted connection the client that its listener is for. */
export class Entrance {
  readonly #engine: Engine;
  readonly #owner: EntranceOwner;
  #tls: ListenerSecurity | null = null;
  #refusedClients = 0;

  constructor(engine: Engine, owner: EntranceOwner) {
    this.#engine = engine;
    this.#owner = owner;
  }

  /** The handshakes that begin from now on are made with this; those under way go on as they are. */
  secureWith(security: ListenerSecurity | null): void {
    this.#tls = security;
  }

  open(accepted: Accepted, address: ListenAddress): void {
    const source = this.#owner.guard.sourceOf(accepted.peer.address);
    const seat = new Seat(this.#engine, source);
    const visitor: Visitor = { peer: accepted.peer, source, seat };
    const code = this.#refusalOf(visitor);
    if (code !== '') this.#keepOut(accepted, visitor, code, address);
    else if (address.speaks === 'https') this.#secure(accepted, visitor, address);
    else {
      const redirect = address.speaks === 'redirect' ? this.#owner.httpsPort : 0;
      const via = this.#via(visitor, 'http', '', redirect);
      accepted.toStream((stream) => this.#http1(stream, via, address, seat));
    }
  }

  #refusalOf(visitor: Visitor): Failure | '' {
    const { guard, recorder } = this.#owner;
    const { code, observed } = guard.refusalOf(visitor.source, visitor.seat.open);
    if (code === '') return '';
    recorder.refused(visitor.peer.address, code, FAILURES[code][1], observed);
    return observed ? '' : code;
  }

  /** Nobody who is kept out is worth a handshake: without TLS the client hears why. */
  #keepOut(accepted: Accepted, { seat }: Visitor, code: Failure, address: ListenAddress): void {
    seat.leave();
    if (address.speaks === 'https' || this.#refusedClients >= REFUSED_CLIENTS_MAX) {
      return accepted.close();
    }
    this.#refusedClients += 1;
    accepted.toStream((stream) => {
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
    const { wheel, clock } = this.#engine;
    const pending = new PendingClient(this.#owner, seat);
    const handshake = new Handshake(accepted, tls, wheel, clock.nowMs(), {
      secured: (secured) => {
        this.#count(
          secured.isResumed ? WORKER_COUNTER.tlsResumptions : WORKER_COUNTER.tlsHandshakes,
        );
        const via = this.#via(visitor, 'https', tls.hstsLine, 0);
        this.#welcome(secured, via, address, seat);
        this.#owner.leave(pending);
      },
      failed: (reason, detail) => {
        this.#count(WORKER_COUNTER.tlsFailures + TLS_REASONS.indexOf(reason));
        this.#owner.handshakeFailed({ peer: accepted.peer.address, reason, detail });
        this.#owner.leave(pending);
        seat.leave();
      },
    });
    pending.handshake = handshake;
    this.#owner.enter(pending, address);
  }

  #welcome(secured: Secured, via: Via, address: ListenAddress, seat: Seat): void {
    const { stream } = secured;
    stream.attach(secured.secured);
    stream.owner = this.#http1(stream, via, address, seat);
  }

  #http1(
    stream: ConstructorParameters<typeof ClientConnection>[2],
    via: Via,
    address: ListenAddress,
    seat: Seat,
  ): ClientConnection {
    const engine = this.#engine;
    const connection = new ClientConnection(
      engine,
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
    scheme: 'http' | 'https',
    responseLines: string,
    redirectPort: number,
  ): Via {
    return new Via({
      peerAddress: peer.address,
      peerIsTrusted: this.#owner.guard.trusts(source),
      source,
      scheme,
      localAuthority: peer.localAuthority,
      responseLines,
      redirectPort,
    });
  }

  #count(which: number): void {
    this.#engine.table.measures.add(this.#engine.lane, which as WorkerNumber, 1);
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
class PendingClient implements Client {
  handshake: Handshake | null = null;
  readonly #owner: EntranceOwner;
  readonly #seat: Seat;

  constructor(owner: EntranceOwner, seat: Seat) {
    this.#owner = owner;
    this.#seat = seat;
  }

  reroute(): void {}

  drain(): void {
    this.abort();
  }

  abort(): void {
    this.handshake?.abort();
    this.#seat.leave();
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
    alpnProtocols: alpnOf(['http/1.1']),
    asksCertificate: plan.clientCa !== '',
    handshakeMs: plan.handshakeMs,
    hstsLine: plan.hstsLine,
  };
}
