import { ClientConnection, type Route } from '../core/exchange/client-connection.ts';
import type { Engine } from '../core/exchange/engine.ts';
import { Via } from '../core/exchange/forward.ts';
import type { Accepted, Peer } from '../io/accepted.ts';
import type { ListenAddress } from '../io/listener.ts';
import { TLS_REASONS, type TlsFailure } from '../io/tls/failures.ts';
import { alpnOf, Handshake, type Secured, type Security } from '../io/tls/handshake.ts';
import { ServerContexts, type TlsPlan } from '../io/tls/server-contexts.ts';
import { WORKER_COUNTER, type WorkerNumber } from '../table/measures.ts';
import { TicketKeys } from '../table/ticket-keys.ts';

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
  readonly isTrusted: (address: string) => boolean;
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

/** Makes of each accepted connection the client that its listener is for. */
export class Entrance {
  readonly #engine: Engine;
  readonly #owner: EntranceOwner;
  #tls: ListenerSecurity | null = null;

  constructor(engine: Engine, owner: EntranceOwner) {
    this.#engine = engine;
    this.#owner = owner;
  }

  /** The handshakes that begin from now on are made with this; those under way go on as they are. */
  secureWith(security: ListenerSecurity | null): void {
    this.#tls = security;
  }

  open(accepted: Accepted, address: ListenAddress): void {
    if (address.speaks === 'https') this.#secure(accepted, address);
    else {
      const redirect = address.speaks === 'redirect' ? this.#owner.httpsPort : 0;
      const via = this.#via(accepted.peer, 'http', '', redirect);
      accepted.toStream((stream) => this.#http1(stream, via, address));
    }
  }

  #secure(accepted: Accepted, address: ListenAddress): void {
    const tls = this.#tls;
    if (tls === null) return accepted.close();
    const { wheel, clock } = this.#engine;
    const pending = new PendingClient(this.#owner);
    const handshake = new Handshake(accepted, tls, wheel, clock.nowMs(), {
      secured: (secured) => {
        this.#count(
          secured.isResumed ? WORKER_COUNTER.tlsResumptions : WORKER_COUNTER.tlsHandshakes,
        );
        const via = this.#via(accepted.peer, 'https', tls.hstsLine, 0);
        this.#welcome(secured, via, address);
        this.#owner.leave(pending);
      },
      failed: (reason, detail) => {
        this.#count(WORKER_COUNTER.tlsFailures + TLS_REASONS.indexOf(reason));
        this.#owner.handshakeFailed({ peer: accepted.peer.address, reason, detail });
        this.#owner.leave(pending);
      },
    });
    pending.handshake = handshake;
    this.#owner.enter(pending, address);
  }

  #welcome(secured: Secured, via: Via, address: ListenAddress): void {
    const { stream } = secured;
    stream.attach(secured.secured);
    stream.owner = this.#http1(stream, via, address);
  }

  #http1(
    stream: ConstructorParameters<typeof ClientConnection>[2],
    via: Via,
    address: ListenAddress,
  ): ClientConnection {
    const engine = this.#engine;
    const connection = new ClientConnection(
      engine,
      this.#owner.route,
      stream,
      via,
      engine.clock.nowMs(),
      (one) => this.#owner.leave(one),
    );
    this.#owner.enter(connection, address);
    return connection;
  }

  #via(peer: Peer, scheme: 'http' | 'https', responseLines: string, redirectPort: number): Via {
    return new Via({
      peerAddress: peer.address,
      peerIsTrusted: this.#owner.isTrusted(peer.address),
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

/** A client whose handshake is under way. */
class PendingClient implements Client {
  handshake: Handshake | null = null;
  readonly #owner: EntranceOwner;

  constructor(owner: EntranceOwner) {
    this.#owner = owner;
  }

  reroute(): void {}

  drain(): void {
    this.abort();
  }

  abort(): void {
    this.handshake?.abort();
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
