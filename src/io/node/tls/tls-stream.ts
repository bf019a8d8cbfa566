import type { OnReadOpts } from 'node:net';
import type tls from 'node:tls';
import { latin1 } from '../../../base/latin1.ts';
import { type CloseCause, NOBODY, type Stream } from '../../../core/ports/stream.ts';
import { closeCauseOf } from '../../close-cause.ts';
import { ContainingStream } from '../../containing-stream.ts';
import type { Handle } from '../handle.ts';
import { ReadPace } from '../read-buffers.ts';
import { type SocketContext, tellDrain } from '../socket-stream.ts';
import type { SecuredSocket, TlsHandle, WriteRequest } from './tls-socket.ts';

/** Pieces up to this size are put together before they are encrypted: one record, one packet. */
const JOINED_BYTES_MAX = 16 * 1024;

/** A write of more goes to the system in parts: that the first was taken says nothing of the last. */
const UNTOLD_BYTES_MAX = 4 * 1024;

/**
 * A stream of the core on an encrypted connection that a client opened.
 *
 * It writes to Node's handle and not through Node's stream, whose bookkeeping costs as much as the
 * encryption. The handle takes one write at a time, and ends each in the next turn of the loop: what
 * is written meanwhile waits here, and goes out together. The end of a write that the system took
 * at once is looked for at the next one, for being told costs a call into JavaScript. Where the
 * handle is not as it is known here, `socket.write` is used.
 */
export class TlsStream extends ContainingStream<SocketContext> implements Stream {
  readonly #pace: ReadPace;
  #socket: tls.TLSSocket | null = null;
  #handle: TlsHandle | null = null;
  #lower: Handle | null = null;
  /** The last write, unless it is known to have ended. */
  #request: WriteRequest | null = null;
  #writingBytes = 0;
  /** `written` will be called for it. */
  #isTold = false;
  #waitingText = '';
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #cause: CloseCause = 'closed';
  #isEnding = false;

  constructor(context: SocketContext) {
    super(context, NOBODY);
    this.#pace = new ReadPace(context.buffers, context.clock);
  }

  /** How the socket is to be read: into the thread's buffer. */
  get onread(): OnReadOpts {
    return {
      buffer: () => this.#pace.next()!,
      callback: (bytesRead, buffer) => {
        if (this.#socket === null) return false;
        this.tellBytes(buffer as Buffer, 0, bytesRead);
        this.#pace.passedOn(bytesRead);
        return true;
      },
    };
  }

  /** Takes a socket whose handshake is done. */
  attach({ socket, lower }: SecuredSocket): void {
    this.#socket = socket;
    const handle = (socket as unknown as { _handle?: TlsHandle })._handle;
    if (lower !== null && typeof handle?.writeBuffer === 'function') {
      this.#handle = handle;
      this.#lower = lower;
    } else {
      socket.on('data', (bytes: Buffer) => this.tellBytes(bytes, 0, bytes.length));
      socket.on('drain', () => this.#drained());
      socket.on('finish', () => this.#drained());
    }
    socket.on('end', () => this.tellEnd());
    socket.on('error', (error) => {
      this.#cause = closeCauseOf(error);
      socket.destroy();
    });
    socket.on('close', () => {
      if (this.#detach() !== null) this.tellClose(this.#cause);
    });
    if (this.#pace.isPaused) socket.pause();
  }

  get pendingBytes(): number {
    if (this.#handle === null) return this.#socket?.writableLength ?? 0;
    if (!this.#isTold || (this.#waitingBytes === 0 && this.#lower!.writeQueueSize === 0)) return 0;
    return this.#writingBytes + this.#waitingBytes;
  }

  unsentBytes(): number {
    if (this.#handle === null) return this.#socket?.writableLength ?? 0;
    if (this.pendingBytes === 0) return 0;
    return (this.#lower!.writeQueueSize ?? this.#writingBytes) + this.#waitingBytes;
  }

  writeText(text: string): void {
    if (this.#handle === null) this.#writeByNode(text);
    else if (this.#isWriting) this.#waitWithText(text);
    else this.#sent(this.#handle.writeLatin1String(null, text), text.length);
  }

  writeBytes(bytes: Buffer, start: number, end: number): void {
    if (this.#handle === null) this.#writeByNode(Buffer.from(bytes.subarray(start, end)));
    else if (this.#isWriting) this.#waitWithBytes(bytes, start, end);
    // Encrypted within the call, so that nobody needs these bytes afterwards.
    else this.#sent(this.#handle.writeBuffer(null, viewOf(bytes, start, end)), end - start);
  }

  writeTextAndBytes(text: string, bytes: Buffer, start: number, end: number): void {
    const size = text.length + end - start;
    if (size > JOINED_BYTES_MAX) return this.#writeLarge(text, bytes, start, end);
    joined.write(text, 0, 'latin1');
    bytes.copy(joined, text.length, start, end);
    this.writeBytes(joined, 0, size);
  }

  /** As one piece where that can be: a second one would have to wait for the end of the first. */
  #writeLarge(text: string, bytes: Buffer, start: number, end: number): void {
    const piece = this.context.buffers.join(text, bytes, start, end);
    if (piece !== null) return this.writeBytes(piece, 0, piece.length);
    this.writeText(text);
    this.writeBytes(bytes, start, end);
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
    if (this.#isWriting) this.#tell();
    else this.#socket?.end();
  }

  destroy(): void {
    const isQuiet = this.pendingBytes === 0;
    const isWriting = this.#isWriting;
    const socket = this.#detach();
    if (socket === null) return;
    // A proper end says so (close_notify), where nothing stands before it.
    if (isQuiet && isWriting) setImmediate(() => socket.destroySoon());
    else if (isQuiet) socket.destroySoon();
    else socket.destroy();
  }

  reset(): void {
    const lower = this.#lower;
    const reset = lower?.reset;
    // The encrypted handle closes the one below it: so it closes that with a reset.
    if (reset !== undefined) lower!.close = (done) => reset.call(lower, done);
    this.#detach()?.destroy();
  }

  /** @internal the write under way has ended */
  written(status: number): void {
    if (this.#socket === null) return;
    this.#request = null;
    this.#isTold = false;
    if (status < 0) return this.#failed();
    if (this.#waitingBytes > 0) this.#writeWaiting();
    if (this.#isTold) return;
    if (this.#isEnding) {
      if (this.#isWriting) return this.#tell();
      this.#socket.end();
    }
    this.#drained();
  }

  /** Where there is no handle to write to. */
  #writeByNode(piece: string | Buffer): void {
    const socket = this.#socket;
    if (socket === null) return;
    socket.write(piece, 'latin1');
    tellDrain(socket);
  }

  #drained(): void {
    if (this.pendingBytes === 0) this.tellDrain();
  }

  get #isWriting(): boolean {
    const request = this.#request;
    if (request === null) return false;
    if (this.#isTold || typeof request.writeStatus !== 'number') return true;
    this.#request = null;
    if (request.writeStatus < 0) this.#failed();
    return false;
  }

  #sent(request: WriteRequest | number, bytes: number): void {
    if (typeof request === 'number') {
      if (request < 0) this.#failed();
      return;
    }
    this.#request = request;
    this.#writingBytes = bytes;
    const leavesStatus = request.writeStatus !== undefined;
    const isOut = bytes <= UNTOLD_BYTES_MAX && this.#lower!.writeQueueSize === 0;
    if (!leavesStatus || !isOut) this.#tell();
  }

  /** From now on `written` is called at the end of the write. */
  #tell(): void {
    const request = this.#request;
    if (request === null || this.#isTold) return;
    this.#isTold = true;
    request.stream = this;
    request.oncomplete = onComplete;
    // It may have ended before anybody could be told.
    if (typeof request.writeStatus === 'number') this.written(request.writeStatus);
  }

  #failed(): void {
    this.#cause = 'reset';
    this.#socket?.destroy();
  }

  #waitWithText(text: string): void {
    this.#waitingText += text;
    this.#waitingBytes += text.length;
    this.#tell();
  }

  #waitWithBytes(bytes: Buffer, start: number, end: number): void {
    if (end - start <= JOINED_BYTES_MAX) {
      this.#waitWithText(latin1(bytes, start, end));
      return;
    }
    this.#flushText();
    this.#waiting.push(Buffer.from(bytes.subarray(start, end)));
    this.#waitingBytes += end - start;
    this.#tell();
  }

  #flushText(): void {
    if (this.#waitingText === '') return;
    this.#waiting.push(Buffer.from(this.#waitingText, 'latin1'));
    this.#waitingText = '';
  }

  #writeWaiting(): void {
    const handle = this.#handle!;
    const bytes = this.#waitingBytes;
    this.#waitingBytes = 0;
    if (this.#waiting.length === 0) {
      const text = this.#waitingText;
      this.#waitingText = '';
      this.#sent(handle.writeLatin1String(null, text), bytes);
      return;
    }
    this.#flushText();
    const joined = this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting);
    this.#waiting.length = 0;
    this.#sent(handle.writeBuffer(null, joined), bytes);
  }

  #detach(): tls.TLSSocket | null {
    const socket = this.#socket;
    this.#socket = null;
    this.#handle = null;
    this.#lower = null;
    this.#request = null;
    this.#isTold = false;
    this.#waitingText = '';
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    return socket;
  }
}

/** Where text and bytes are put together; used within one call. */
const joined: Buffer = Buffer.allocUnsafeSlow(JOINED_BYTES_MAX);

let view = joined;
let viewBytes = joined;
let viewStart = 0;
let viewEnd = 0;

/** Answers of one kind lie at the same place of the thread's buffer, one after the other. */
function viewOf(bytes: Buffer, start: number, end: number): Buffer {
  if (bytes !== viewBytes || start !== viewStart || end !== viewEnd) {
    view = bytes.subarray(start, end);
    viewBytes = bytes;
    viewStart = start;
    viewEnd = end;
  }
  return view;
}

function onComplete(this: WriteRequest, status: number): void {
  this.stream!.written(status);
}
