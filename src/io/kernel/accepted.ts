import type { Contained } from '../../base/contain.ts';
import type { Arrival, Peer } from '../../core/ports/arrival.ts';
import { NOBODY, type Stream, type StreamOwner } from '../../core/ports/stream.ts';
import { AfterHeader } from '../after-header.ts';
import type { Accepted, Handshake, HandshakeOwner, Security } from '../backend.ts';
import type { Entrant, Gate } from '../gate.ts';
import { calls } from './calls.ts';
import type { TlsEngine } from './openssl/engine.ts';
import { SocketPeer } from './sockets.ts';
import { KernelStream, type StreamContext } from './stream.ts';

/** What the connections of one thread share. */
export interface AcceptContext extends StreamContext {
  readonly gate: Gate;
  /** Connections accepted so far. */
  readonly accepts: { count: number };
  readonly engine: TlsEngine;
}

/** A connection on a descriptor of which nothing was read. */
export class KernelAccepted implements Accepted, Entrant, Contained {
  readonly peer: Peer;
  readonly isSecure = false;
  readonly #context: AcceptContext;
  readonly #fd: number;
  readonly #onAccept: (accepted: Accepted) => void;
  #isLetIn = false;
  #isClosed = false;
  /** What it became; null: nothing yet. */
  #stream: KernelStream | null = null;

  /**
   * @param fd of this connection from now on
   * @param onAccept called when the gate lets it in
   */
  constructor(context: AcceptContext, fd: number, onAccept: (accepted: Accepted) => void) {
    this.#context = context;
    this.#fd = fd;
    this.#onAccept = onAccept;
    this.peer = new SocketPeer(fd);
  }

  letIn(): void {
    this.#isLetIn = true;
    try {
      this.#onAccept(this);
    } catch (error) {
      const { contain, clock } = this.#context;
      contain(error, this, clock.nowMs());
    }
  }

  turnAway(): void {
    this.close();
  }

  crashed(): void {
    this.close();
  }

  toStream(own: (stream: Stream) => StreamOwner): void {
    const stream = new KernelStream(this.#context, NOBODY);
    this.#stream = stream;
    stream.gate = this.#context.gate;
    stream.take(this.#fd);
    stream.owner = own(stream);
    stream.begin();
  }

  secure(security: Security, owner: HandshakeOwner): Handshake {
    return this.#context.engine.secure(this, security, owner);
  }

  afterHeader(early: Buffer, whose: Pick<Arrival, 'peer' | 'isSecure'>): Accepted {
    const { engine } = this.#context;
    return new AfterHeader(this.#stream!, early, whose, (after, security, owner) =>
      engine.secure(after, security, owner),
    );
  }

  close(): void {
    if (this.#stream !== null) return this.#stream.destroy();
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { holder, gate } = this.#context;
    holder.remove(this.#fd);
    calls.close(this.#fd);
    if (this.#isLetIn) gate.leave();
  }
}
