import type { Clock } from '../../../base/clock.ts';
import type { Contain } from '../../../base/contain.ts';
import type { TimerWheel } from '../../../base/wheel.ts';
import type { Arrival } from '../../../core/ports/arrival.ts';
import type { ServerTls } from '../../../core/ports/server-address.ts';
import type { StreamOwner } from '../../../core/ports/stream.ts';
import type { TlsPlan } from '../../../plan/tls.ts';
import type { Handshake, HandshakeOwner, Security } from '../../backend.ts';
import type { Arena } from '../arena.ts';
import { ClientContexts } from './client-contexts.ts';
import {
  type ClientContext,
  ClientHandshake,
  type ClientHandshakeOwner,
} from './client-handshake.ts';
import { type ServerContext, ServerHandshake } from './handshake.ts';
import { TlsMemory } from './memory.ts';
import { ResumableSessions } from './resumable-sessions.ts';
import { ServerCallbacks } from './server-callbacks.ts';
import { ServerSecurity } from './server-security.ts';
import { type OwnedStream, type Shaker, TlsStream } from './tls-stream.ts';

/** What a thread gives its engine. */
export interface EngineContext {
  readonly clock: Clock;
  /** Ends handshakes that are late. */
  readonly wheel: TimerWheel;
  readonly contain: Contain;
  /** Calls once the present call has returned: rare, and not for what is urgent. */
  readonly defer?: (call: () => void) => void;
  /** @param by how many more, or fewer, connections Node's own library works on */
  readonly nodeUses?: (by: number) => void;
}

/** TLS of one thread over any stream, by the OpenSSL that is in Node's binary. */
export class TlsEngine {
  /** @internal of this room */
  readonly memory: TlsMemory;
  readonly #context: ServerContext & ClientContext;

  /**
   * @param arena TLS_ARENA_BYTES of it are reserved; what is encrypted is given to the streams
   *   below as parts of it, and what they give of it is decrypted without a copy
   */
  constructor(arena: Arena, context: EngineContext) {
    const { clock, wheel, contain } = context;
    const { defer = (call) => void setImmediate(call), nodeUses = () => {} } = context;
    const memory = new TlsMemory(arena);
    this.memory = memory;
    const callbacks = new ServerCallbacks(memory, () => clock.wallMs());
    const contexts = new ClientContexts(memory);
    const sessions = new ResumableSessions(memory.calls);
    const shared = { memory, clock, wheel, contain, defer, nodeUses };
    this.#context = { ...shared, callbacks, contexts, sessions };
  }

  /** As in `Backend`. @throws Error from OpenSSL if a certificate, key or list is invalid */
  securityOf(plan: TlsPlan): Security {
    return new ServerSecurity(this.#context.memory, this.#context.callbacks, plan);
  }

  /** Begins a handshake with a client. @param security of this engine */
  secure(arrival: Arrival, security: Security, owner: HandshakeOwner): Handshake {
    return new ServerHandshake(this.#context, arrival, security as ServerSecurity, owner);
  }

  /**
   * Begins a handshake with a server.
   *
   * @param lower open, and the handshake's from now on
   * @param address sessions are taken up with the same one only
   * @throws Error with the code ERR_TLS_CONTEXT where the identity is no good
   */
  secureToServer(
    lower: OwnedStream,
    address: string,
    settings: ServerTls,
    owner: ClientHandshakeOwner,
  ): ClientHandshake {
    return new ClientHandshake(this.#context, lower, address, settings, owner);
  }

  /** A stream that has no connection yet: `dial` is to be set, then `takeOver` or `failed` follows. */
  streamToServer(owner: StreamOwner): TlsStream {
    const stream = new TlsStream(this.#context, null, NOBODY_SHAKES);
    stream.owner = owner;
    return stream;
  }
}

/** Until a connection is taken over, which brings its own. */
const NOBODY_SHAKES: Shaker = {
  shake() {},
  noHandshake() {},
  left() {},
  told() {},
  crashed() {},
};
