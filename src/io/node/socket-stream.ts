import fs from 'node:fs';
import net from 'node:net';
import type { CloseCause, Stream, StreamOwner } from '../../core/ports/stream.ts';
import { closeCauseOf } from '../close-cause.ts';
import { type ContainingContext, ContainingStream } from '../containing-stream.ts';
import { afterReads } from './after-reads.ts';
import { type ReadBuffers, ReadPace } from './read-buffers.ts';

/** Up to this size bytes are sent as text: Node writes it from its stack without an allocation. */
const TEXT_BYTES_MAX = 16 * 1024;
/** Of Node's streams: beyond it `drain` is told, which is not wanted for what is taken at once. */
export const WRITE_HIGH_WATER_BYTES = TEXT_BYTES_MAX;
/** After a failed write, how long what the peer had still sent may take to be read. */
const LAST_WORDS_MS = 250;

/** What the streams of one thread share. */
export interface SocketContext extends ContainingContext {
  readonly buffers: ReadBuffers;
}

const STREAM = Symbol('stream');
type StreamSocket = net.Socket & { [STREAM]?: SocketStream };

/** The part of the state of Node's streams that is used here; it is not documented. */
interface WritableState {
  needDrain: boolean;
}

/** A stream of the core on a TCP, unix or TLS socket. */
export class SocketStream extends ContainingStream<SocketContext> implements Stream {
  readonly #pace: ReadPace;
  #socket: StreamSocket | null = null;
  #reads: 'onread' | 'data' = 'data';
  /** Buffers that writes of this stream still need. */
  #borrowed: Buffer[] | null = null;
  #cause: CloseCause = 'closed';
  #isEnding = false;
  #lastWords: NodeJS.Timeout | null = null;
  /** The address that it was opened to; empty: it is not open, or was accepted. */
  host = '';
  /** What opens a socket for it, as long as it has none. */
  dial: { cancel(): void } | null = null;

  constructor(context: SocketContext, owner: StreamOwner) {
    super(context, owner);
    this.#pace = new ReadPace(context.buffers, context.clock);
  }

  /**
   * The `onread` option for a socket that may become this stream's: it is read without an object
   * for each piece. To be asked for anew for each socket.
   */
  get onread(): net.OnReadOpts {
    this.#pace.begin();
    return {
      // Undefined, which the types do not know: where the last read went.
      buffer: () => this.#pace.next()!,
      callback: (bytesRead, buffer) => this.#onRead(bytesRead, buffer as Buffer),
    };
  }

  /** Takes a socket; `reads` says whether it has the `onread` option or emits `data`. */
  attach(socket: net.Socket, reads: 'onread' | 'data'): void {
    this.#socket = socket;
    this.#reads = reads;
    (socket as StreamSocket)[STREAM] = this;
    socket.on('drain', onDrain);
    socket.on('finish', onDrain);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
    if (reads === 'data') socket.on('data', onData);
    if (this.#pace.isPaused) socket.pause();
  }

  /**
   * A write that fails does not destroy the socket before what the peer said last was read: a
   * server may answer 413 and close while the request is still being sent.
   */
  hearLastWords(): void {
    this.#socket!.destroy = destroyAfterLastWords;
  }

  get pendingBytes(): number {
    return this.#socket === null ? 0 : this.#socket.writableLength;
  }

  unsentBytes(): number {
    const socket = this.#socket as (net.Socket & { _handle?: { writeQueueSize?: number } }) | null;
    if (socket === null || socket.writableLength === 0) return 0;
    // How much of the piece being written the kernel has not taken is known to the handle alone.
    const queuedBytes = socket._handle?.writeQueueSize;
    return queuedBytes === undefined || queuedBytes === 0 ? socket.writableLength : queuedBytes;
  }

  writeText(text: string): void {
    const socket = this.#socket;
    if (socket === null) return;
    socket.write(text, 'latin1');
    tellDrain(socket);
  }

  writeBytes(bytes: Buffer, start: number, end: number): void {
    this.writeTextAndBytes('', bytes, start, end);
  }

  writeTextAndBytes(text: string, bytes: Buffer, start: number, end: number): void {
    const socket = this.#socket;
    if (socket === null) return;
    let piece = this.context.buffers.join(text, bytes, start, end);
    if (piece === null) {
      this.writeText(text);
      piece = bytes.subarray(start, end);
    }
    // The descriptor of a TLS socket would take it as it is.
    const takenBytes = this.#reads === 'onread' ? writeAtOnce(socket, piece) : 0;
    if (takenBytes < piece.length) this.#writeCopy(socket, piece.subarray(takenBytes));
  }

  pause(): void {
    if (this.#pace.pause()) this.#socket?.pause();
  }

  resume(): void {
    if (this.#pace.resume()) this.#socket?.resume();
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#socket?.end();
  }

  destroy(): void {
    this.#giveUp();
    const socket = this.#detach();
    if (socket !== null) net.Socket.prototype.destroy.call(socket);
  }

  reset(): void {
    this.#giveUp();
    const socket = this.#detach();
    if (socket === null) return;
    if (socket instanceof net.Socket && socket.remoteFamily?.startsWith('IP')) {
      socket.resetAndDestroy();
    } else socket.destroy();
  }

  /** Gives the socket up to somebody else, who goes on reading it. Only before anything is written. */
  release(): net.Socket {
    const socket = this.#detach()!;
    socket.removeListener('drain', onDrain);
    socket.removeListener('finish', onDrain);
    socket.removeListener('end', onEnd);
    socket.removeListener('error', onError);
    socket.removeListener('close', onClose);
    socket.removeListener('data', onData);
    return socket;
  }

  /** @internal of the socket's events */
  drained(): void {
    const borrowed = this.#borrowed;
    if (borrowed !== null && this.pendingBytes === 0) {
      this.#borrowed = null;
      for (const buffer of borrowed) this.context.buffers.giveBack(buffer);
    }
    this.tellDrain();
  }

  /** @internal of whoever opens it */
  opened(): void {
    this.tellOpen();
  }

  /** @internal of the socket's events */
  ended(): void {
    this.tellEnd();
  }

  /** @internal of the socket's events */
  failed(error: NodeJS.ErrnoException): void {
    this.#cause = closeCauseOf(error);
  }

  /** @internal of the socket's events */
  closed(): void {
    this.#detach();
    this.tellClose(this.#cause);
  }

  /** @internal of the socket's events, and of who has read something before the owner came */
  received(bytes: Buffer, start: number, end: number): void {
    this.tellBytes(bytes, start, end);
  }

  /** @internal of the socket's events */
  awaitLastWords(error: Error): void {
    this.#cause = 'reset';
    const socket = this.#socket;
    if (socket === null || this.#lastWords !== null) return;
    const destroy = () => net.Socket.prototype.destroy.call(socket, error);
    this.#lastWords = setTimeout(afterReads(destroy), LAST_WORDS_MS);
  }

  #giveUp(): void {
    this.dial?.cancel();
    this.dial = null;
  }

  #onRead(bytesRead: number, buffer: Buffer): boolean {
    if (this.#socket === null) return false;
    this.tellBytes(buffer, 0, bytesRead);
    // Where it was paused meanwhile, that has stopped the reading; the next buffer is asked for now.
    this.#pace.passedOn(bytesRead);
    return true;
  }

  #writeCopy(socket: net.Socket, piece: Buffer): void {
    if (piece.length <= TEXT_BYTES_MAX) {
      return this.writeText(piece.toString('latin1'));
    }
    const { buffers } = this.context;
    const copy = buffers.take(piece.length);
    if (copy === null) {
      socket.write(Buffer.from(piece));
      return;
    }
    piece.copy(copy);
    socket.write(copy.subarray(0, piece.length));
    if (socket.writableLength === 0) buffers.giveBack(copy);
    else this.#borrow(copy);
  }

  #borrow(buffer: Buffer): void {
    this.#borrowed ??= [];
    this.#borrowed.push(buffer);
  }

  #detach(): net.Socket | null {
    const socket = this.#socket;
    if (socket === null) return null;
    this.#socket = null;
    delete (socket as StreamSocket)[STREAM];
    if (this.#lastWords !== null) clearTimeout(this.#lastWords);
    const { buffers } = this.context;
    // The kernel may still be reading from a borrowed buffer: those are left to the collector.
    for (const _ of this.#borrowed ?? []) buffers.forget();
    this.#borrowed = null;
    return socket;
  }
}

/**
 * Has Node tell when what waits has been taken. It does so by itself only beyond the high-water mark;
 * a lower mark would cost every small write a turn of its own.
 */
export function tellDrain(socket: net.Socket): void {
  if (socket.writableLength === 0) return;
  const { _writableState: state } = socket as net.Socket & { _writableState?: WritableState };
  if (state !== undefined) state.needDrain = true;
}

/**
 * How many bytes the system took at once. Node's own write may go on reading from its buffer
 * after it returned, this one does not; so the bytes may lie where the next read goes. Whatever
 * goes wrong (EAGAIN, a connection that is gone) is left to the ordinary write that follows.
 */
function writeAtOnce(socket: net.Socket & { _handle?: { fd?: number } }, piece: Buffer): number {
  const fd = socket._handle?.fd;
  if (fd === undefined || fd < 0 || socket.writableLength > 0 || !socket.writable) return 0;
  try {
    return fs.writeSync(fd, piece);
  } catch {
    return 0;
  }
}

function onData(this: StreamSocket, bytes: Buffer): void {
  this[STREAM]?.received(bytes, 0, bytes.length);
}

function onDrain(this: StreamSocket): void {
  this[STREAM]?.drained();
}

function onEnd(this: StreamSocket): void {
  this[STREAM]?.ended();
}

function onError(this: StreamSocket, error: NodeJS.ErrnoException): void {
  this[STREAM]?.failed(error);
}

function onClose(this: StreamSocket): void {
  this[STREAM]?.closed();
}

function destroyAfterLastWords(this: StreamSocket, error?: Error): net.Socket {
  const stream = this[STREAM];
  if (stream !== undefined && (error as NodeJS.ErrnoException | undefined)?.syscall === 'write') {
    stream.awaitLastWords(error!);
    return this;
  }
  return net.Socket.prototype.destroy.call(this, error) as net.Socket;
}
