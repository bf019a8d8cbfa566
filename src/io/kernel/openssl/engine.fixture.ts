/** Node's sockets with the engine's TLS, so that the engine is tested without the kernel's calls. */
import type { Arrival } from '../../../core/ports/arrival.ts';
import type { Connector, Stream, StreamOwner } from '../../../core/ports/stream.ts';
import type { ListenAddress } from '../../../plan/listen.ts';
import type { TlsPlan } from '../../../plan/tls.ts';
import type {
  Accepted,
  Backend,
  BackendContext,
  Handshake,
  HandshakeOwner,
  Listener,
  Security,
} from '../../backend.ts';
import { NodeBackend } from '../../node/backend.ts';
import { Arena } from '../arena.ts';
import { TlsEngine } from './engine.ts';
import { TLS_ARENA_BYTES } from './memory.ts';

export class EngineBackend implements Backend {
  readonly connector: Connector;
  readonly engine: TlsEngine;
  readonly #node: NodeBackend;

  constructor(context: BackendContext) {
    this.#node = new NodeBackend(context);
    this.engine = new TlsEngine(Arena.map(TLS_ARENA_BYTES), context);
    this.connector = this.#node.connector;
  }

  get waitingMax(): number {
    return this.#node.waitingMax;
  }

  set waitingMax(connections: number) {
    this.#node.waitingMax = connections;
  }

  listen(
    address: ListenAddress,
    given: number | null,
    onAccept: (accepted: Accepted) => void,
  ): Promise<Listener> {
    const accept = (accepted: Accepted) => onAccept(new EngineAccepted(this.engine, accepted));
    return this.#node.listen(address, given, accept);
  }

  letIn(): void {
    this.#node.letIn();
  }

  acceptWaiting(withinMs: number): Promise<void> {
    return this.#node.acceptWaiting(withinMs);
  }

  securityOf(plan: TlsPlan): Security {
    return this.engine.securityOf(plan);
  }

  every(periodMs: number, call: () => void): () => void {
    return this.#node.every(periodMs, call);
  }

  after(delayMs: number, call: () => void): () => void {
    return this.#node.after(delayMs, call);
  }

  close(): void {
    this.#node.close();
  }
}

class EngineAccepted implements Accepted {
  readonly #engine: TlsEngine;
  readonly #accepted: Accepted;

  constructor(engine: TlsEngine, accepted: Accepted) {
    this.#engine = engine;
    this.#accepted = accepted;
  }

  get peer(): Arrival['peer'] {
    return this.#accepted.peer;
  }

  get isSecure(): boolean {
    return this.#accepted.isSecure;
  }

  toStream(own: (stream: Stream) => StreamOwner): void {
    this.#accepted.toStream(own);
  }

  secure(security: Security, owner: HandshakeOwner): Handshake {
    return this.#engine.secure(this.#accepted, security, owner);
  }

  afterHeader(early: Buffer, whose: Pick<Arrival, 'peer' | 'isSecure'>): Accepted {
    return new EngineAccepted(this.#engine, this.#accepted.afterHeader(early, whose));
  }

  close(): void {
    this.#accepted.close();
  }
}
