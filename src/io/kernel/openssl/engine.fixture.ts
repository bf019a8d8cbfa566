/** Node's sockets with the engine's TLS, so that the engine is tested without the kernel's calls. */
import type { Arrival } from '../../../core/ports/arrival.ts';
import { addressText, type ServerAddress } from '../../../core/ports/server-address.ts';
import {
  type Connector,
  NOBODY,
  type Stream,
  type StreamOwner,
} from '../../../core/ports/stream.ts';
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
import { closeCauseOf } from '../../close-cause.ts';
import { NodeBackend } from '../../node/backend.ts';
import { Arena } from '../arena.ts';
import { TlsEngine } from './engine.ts';
import { TLS_ARENA_BYTES } from './memory.ts';
import type { OwnedStream, TlsStream } from './tls-stream.ts';

export class EngineBackend implements Backend {
  readonly connector: Connector;
  readonly engine: TlsEngine;
  readonly #node: NodeBackend;

  constructor(context: BackendContext) {
    this.#node = new NodeBackend(context);
    this.engine = new TlsEngine(Arena.map(TLS_ARENA_BYTES), context);
    this.connector = new EngineConnector(this.#node.connector, this.engine);
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

/** To the first address that is open; names are looked up by Node's. */
class EngineConnector implements Connector {
  readonly #node: Connector;
  readonly #engine: TlsEngine;

  constructor(node: Connector, engine: TlsEngine) {
    this.#node = node;
    this.#engine = engine;
  }

  connect(address: ServerAddress, owner: StreamOwner, preface: string): Stream {
    const { tls } = address;
    if (tls === null) return this.#node.connect(address, owner, preface);
    const stream = this.#engine.streamToServer(owner);
    const failed = (error: NodeJS.ErrnoException) => stream.failed(closeCauseOf(error));
    const lowerOwner: StreamOwner = {
      ...NOBODY,
      onClose: (cause) => stream.failed(cause),
      onOpen: () => {
        try {
          const opened = (secured: TlsStream) => stream.takeOver(secured);
          const where = addressText(address);
          const begun = this.#engine.secureToServer(lower, where, tls, { opened, failed });
          stream.dial = { cancel: () => begun.close() };
        } catch (error) {
          lower.destroy();
          failed(error as NodeJS.ErrnoException);
        }
      },
    };
    const plain = { ...address, tls: null };
    const lower = this.#node.connect(plain, lowerOwner, preface) as OwnedStream;
    stream.dial = { cancel: () => lower.destroy() };
    return stream;
  }

  addressesVersion(address: ServerAddress): number {
    return this.#node.addressesVersion(address);
  }

  leadsTo(address: ServerAddress, stream: Stream): boolean {
    return this.#node.leadsTo(address, stream);
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
