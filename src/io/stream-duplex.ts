import { Duplex } from 'node:stream';
import type { CloseCause, Stream, StreamOwner } from '../core/ports/stream.ts';

type Callback = (error?: Error | null) => void;

/** Unsent bytes up to which a write counts as done, so that the next one joins it in the kernel. */
const PENDING_BYTES_MAX = 64 * 1024;
/** Pieces of one write are put together here: they leave as one, in one TLS record or packet. */
const joined: Buffer = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * A stream of the core as a `Duplex`, for Node's HTTP/2 library: what it does not read is held back
 * at the peer, and what it writes waits for the peer.
 *
 * The stream is closed once both halves have ended, or with `destroy`. An end that is not clean
 * destroys it with an error that has a `code`.
 */
export class StreamDuplex extends Duplex implements StreamOwner {
  readonly #stream: Stream;
  #isPaused = false;
  /** Nothing more is read or sent: the stream is gone. */
  #isClosed = false;
  #hasEnded = false;
  /** Of the write, or the end, that waits for the stream to have taken everything. */
  #taken: Callback | null = null;

  /** @param stream to be owned by this from now on */
  constructor(stream: Stream) {
    super();
    this.#stream = stream;
  }

  override _read(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#stream.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#stream.writeBytes(bytes, 0, bytes.length);
    this.#callWhenTaken(callback, PENDING_BYTES_MAX);
  }

  override _writev(pieces: { chunk: Buffer }[], callback: Callback): void {
    let joinedBytes = 0;
    for (const { chunk } of pieces) {
      if (joinedBytes + chunk.length > joined.length) {
        if (joinedBytes > 0) this.#stream.writeBytes(joined, 0, joinedBytes);
        joinedBytes = 0;
      }
      if (chunk.length > joined.length) this.#stream.writeBytes(chunk, 0, chunk.length);
      else joinedBytes += chunk.copy(joined, joinedBytes);
    }
    if (joinedBytes > 0) this.#stream.writeBytes(joined, 0, joinedBytes);
    this.#callWhenTaken(callback, PENDING_BYTES_MAX);
  }

  /** Waits for the last byte: once both halves have ended, Node destroys what is left. */
  override _final(callback: Callback): void {
    this.#stream.end();
    this.#callWhenTaken(callback, 0);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#isClosed = true;
    this.#stream.destroy();
    this.#callTaken(error ?? errorOf('closed'));
    callback(error);
  }

  onOpen(): void {}

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (this.push(Buffer.copyBytesFrom(bytes, start, end - start)) || this.#isPaused) return;
    this.#isPaused = true;
    this.#stream.pause();
  }

  onDrain(): void {
    if (this.#stream.pendingBytes === 0) this.#callTaken();
  }

  onEnd(): void {
    this.#hasEnded = true;
    this.push(null);
  }

  onClose(cause: CloseCause): void {
    this.#isClosed = true;
    // What was received is still read where both halves have ended; Node closes after it.
    if (cause === 'closed' && this.#hasEnded && this.writableEnded) this.#callTaken();
    else this.destroy(cause === 'closed' ? undefined : errorOf(cause));
  }

  crashed(): void {
    this.destroy();
  }

  #callWhenTaken(callback: Callback, pendingBytesMax: number): void {
    if (this.#isClosed || this.#stream.pendingBytes <= pendingBytesMax) callback();
    else this.#taken = callback;
  }

  #callTaken(error?: Error): void {
    const taken = this.#taken;
    this.#taken = null;
    taken?.(error);
  }
}

function errorOf(cause: CloseCause): NodeJS.ErrnoException {
  return Object.assign(new Error(`the connection was closed: ${cause}`), { code: 'ECONNRESET' });
}
