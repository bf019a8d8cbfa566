import type { Arrival, Peer } from '../core/ports/arrival.ts';
import type { Stream, StreamOwner } from '../core/ports/stream.ts';
import type { Accepted, Handshake, HandshakeOwner, Security } from './backend.ts';

/** A stream that was read by one owner and goes on with another. */
export interface ReadStream extends Stream {
  owner: StreamOwner;
  /** Gives bytes to the owner that were read before it came. */
  received(bytes: Buffer, start: number, end: number): void;
}

/** Begins the handshake behind a header. */
export type SecureStream<S extends ReadStream> = (
  after: AfterHeader<S>,
  security: Security,
  owner: HandshakeOwner,
) => Handshake;

/** A connection of which a header was read, and perhaps more. */
export class AfterHeader<S extends ReadStream> implements Accepted {
  readonly peer: Peer;
  readonly isSecure: boolean;
  readonly stream: S;
  /** What came behind the header. */
  readonly early: Buffer;
  readonly #secure: SecureStream<S>;

  constructor(
    stream: S,
    early: Buffer,
    { peer, isSecure }: Pick<Arrival, 'peer' | 'isSecure'>,
    secure: SecureStream<S>,
  ) {
    this.stream = stream;
    this.early = early;
    this.peer = peer;
    this.isSecure = isSecure;
    this.#secure = secure;
  }

  toStream(own: (stream: Stream) => StreamOwner): void {
    this.stream.owner = own(this.stream);
    if (this.early.length > 0) this.stream.received(this.early, 0, this.early.length);
  }

  secure(security: Security, owner: HandshakeOwner): Handshake {
    return this.#secure(this, security, owner);
  }

  afterHeader(early: Buffer, whose: Pick<Arrival, 'peer' | 'isSecure'>): Accepted {
    return new AfterHeader(this.stream, early, whose, this.#secure);
  }

  close(): void {
    this.stream.reset();
  }
}
