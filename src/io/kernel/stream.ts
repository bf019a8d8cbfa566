import type { CloseCause, Stream } from '../../core/ports/stream.ts';
import type { Holder } from '../backend.ts';
import { closeCauseOf } from '../close-cause.ts';
import { type ContainingContext, ContainingStream } from '../containing-stream.ts';
import { EAGAIN } from './calls.ts';
import { systemError } from './errors.ts';
import type { Loop } from './loop.ts';
import {
  HEADROOM_BYTES,
  type PolledSocket,
  type Poller,
  RECEIVE_BYTES_MAX,
  SMALL_RECEIVE_BYTES,
  STAGE_BYTES,
} from './poller.ts';
import { SendQueue } from './send-queue.ts';
import { connecting, resetOnClose, type SocketPlace, takeError } from './sockets.ts';

/** Full receives after which a stream is given large pieces. */
const FULL_RECEIVES = 4;
/** A sender that was held back for longer has a slow reader. */
const SLOW_MS = 250;
/** What slow readers may hold of a thread's memory before everybody receives small pieces. */
const QUEUED_BYTES_MAX = 8 * 1024 * 1024;
/** After a failed send, how long what the peer had still sent may take to be received. */
const LAST_WORDS_MS = 250;

/** What the streams of one thread share. */
export interface StreamContext extends ContainingContext {
  readonly poller: Poller;
  readonly loop: Loop;
  readonly holder: Holder;
  /** What was received and is being given to an owner: it may be sent from where it lies. */
  readonly received: { floor: number; end: number };
  /** What all streams hold because it could not be sent. */
  queuedBytes: number;
  /** Calls once, after what had arrived was received. @returns ends that */
  readonly after: (delayMs: number, call: () => void) => () => void;
}

const NO_BYTES = Buffer.alloc(0);
const NO_FD = -1;

/** A stream of the core on a descriptor, accepted or opened. */
export class KernelStream extends ContainingStream<StreamContext> implements Stream, PolledSocket {
  fd = NO_FD;
  slot = -1;
  receiveBytes = SMALL_RECEIVE_BYTES;
  /** The address that it was opened to; empty: it is not open, or was accepted. */
  host = '';
  /** What opens a socket for it, as long as it has none. */
  dial: { cancel(): void } | null = null;
  /** Hears when its descriptor is given back; null: nobody is to know. */
  gate: { leave(): void } | null = null;
  /** Why it could not be opened; null: it was, or is on its way. */
  error: NodeJS.ErrnoException | null = null;
  #isOver = false;
  /** Where it is being connected to; null: it is connected. */
  #place: SocketPlace | null = null;
  #preface = '';

  /** The part of the arena that is being sent; of 0 bytes: none. */
  #sendStart = 0;
  #sendBytes = 0;
  /** What waits for the part before it, or for the peer. */
  #queue: SendQueue | null = null;
  /** Within a call that writes: its owner is told nothing. */
  #isWriting = false;
  /** The socket takes nothing at present. */
  #isFull = false;
  #owesDrain = false;
  #isEnding = false;
  #hasShutDown = false;
  /** A send has failed: nothing is sent any more. */
  #isBroken = false;
  #endLastWords: (() => void) | null = null;

  #isPaused = false;
  #pausedMs = 0;
  #isSlow = false;
  #fullReceives = 0;
  /** What came while it was paused. */
  #held: Buffer[] | null = null;
  /** The end came while it was paused, an errno; -1: it did not. */
  #heldEnd = -1;
  #hasPeerEnded = false;
  #isPosted = false;

  /** Takes a socket. @param fd this stream's from now on */
  take(fd: number): void {
    const { poller, loop } = this.context;
    this.fd = fd;
    poller.adopt(this);
    loop.wake();
  }

  /** Receives from now on, unless its owner has paused it. */
  begin(): void {
    if (!this.#isPaused && !this.#isOver) this.context.poller.receive(this);
  }

  /**
   * Begins to connect. The owner hears how that ends, never within the call.
   *
   * @param place its host is an IP address
   * @param preface goes before everything that is written
   */
  connect(place: SocketPlace, preface: string): void {
    try {
      const fd = connecting(place);
      this.context.holder.add(fd);
      this.#place = place;
      this.#preface = preface;
      this.take(fd);
      this.context.poller.awaitWritable(this);
    } catch (error) {
      this.fail(error as NodeJS.ErrnoException);
    }
  }

  /** It will never have a socket: tells the owner in the next turn. */
  fail(error: NodeJS.ErrnoException): void {
    this.dial = null;
    this.error = error;
    this.#post();
  }

  /**
   * Has another stream's socket, which has just been connected, instead of one of its own, and tells
   * its owner that it is open.
   *
   * @param preface goes before everything that is written
   */
  takeOver(other: KernelStream, preface: string): void {
    this.dial = null;
    this.fd = other.fd;
    this.slot = other.slot;
    this.host = other.host;
    other.fd = NO_FD;
    other.#isOver = true;
    this.context.poller.replace(this);
    this.#opened(preface);
  }

  get pendingBytes(): number {
    const queuedBytes = this.#queue === null ? 0 : this.#queue.lengthBytes;
    // What is being sent is as good as taken, where nothing had to wait before it.
    return this.#owesDrain ? queuedBytes + this.#sendBytes : queuedBytes;
  }

  unsentBytes(): number {
    return this.pendingBytes;
  }

  writeText(text: string): void {
    this.#write(text, NO_BYTES, 0, 0);
  }

  writeBytes(bytes: Buffer, start: number, end: number): void {
    this.#write('', bytes, start, end);
  }

  writeTextAndBytes(text: string, bytes: Buffer, start: number, end: number): void {
    this.#write(text, bytes, start, end);
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    if (this.fd === NO_FD) return;
    this.#pausedMs = this.context.clock.nowMs();
    this.context.poller.holdBack(this);
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.fd === NO_FD) return;
    this.#isSlow = this.context.clock.nowMs() - this.#pausedMs > SLOW_MS;
    this.#pace();
    if (this.#held !== null || this.#heldEnd !== -1) this.#post();
    else if (!this.#hasPeerEnded) this.context.poller.receive(this);
  }

  end(): void {
    if (this.#isEnding || this.fd === NO_FD) return;
    this.#isEnding = true;
    if (!this.#hasNothingToSend()) {
      this.context.poller.awaitSent(this);
      return;
    }
    this.#shutDown();
    if (this.#hasPeerEnded) this.#post();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#close();
  }

  reset(): void {
    if (this.#isOver) return;
    if (this.fd !== NO_FD) resetOnClose(this.fd);
    this.#close();
  }

  /** Gives bytes to the owner that were received before it came. */
  received(bytes: Buffer, start: number, end: number): void {
    this.tellBytes(bytes, start, end);
  }

  /** @internal of the poller */
  onReceived(start: number, lengthBytes: number): void {
    const { arena } = this.context.poller;
    if (this.#isPaused || this.#held !== null) {
      this.#held ??= [];
      this.#held.push(Buffer.from(arena.bytes.subarray(start, start + lengthBytes)));
      return;
    }
    if (lengthBytes === SMALL_RECEIVE_BYTES && this.#fullReceives < FULL_RECEIVES) {
      this.#fullReceives += 1;
      this.#pace();
    }
    const { received } = this.context;
    received.floor = start - HEADROOM_BYTES;
    received.end = start + lengthBytes;
    this.tellBytes(arena.bytes, start, start + lengthBytes);
    received.end = -1;
  }

  /** @internal of the poller */
  onReceivedEnd(errno: number): void {
    if (this.#isPaused || this.#held !== null) this.#heldEnd = errno;
    else this.#ended(errno);
  }

  /** @internal of the poller */
  onSent(result: number): void {
    const lengthBytes = this.#sendBytes;
    this.#sendBytes = 0;
    if (result !== lengthBytes) this.#sentLess(result, lengthBytes);
    if (!this.#isWriting) this.#goOn();
  }

  /** @internal of the poller */
  onWritable(): void {
    this.#isFull = false;
    if (this.#place === null) this.#goOn();
    else this.#connected(this.#place);
  }

  /** @internal of the loop */
  onTurn(): void {
    this.#isPosted = false;
    if (this.#isOver) return;
    if (this.error !== null) return this.#closeBy(closeCauseOf(this.error));
    this.#giveHeld();
    this.#goOn();
  }

  #connected(place: SocketPlace): void {
    const failed = takeError(this.fd);
    if (failed !== 0) {
      this.error = systemError('connect', failed, { address: place.host, port: place.port });
      return this.#closeBy(closeCauseOf(this.error));
    }
    this.#place = null;
    this.host = place.path === '' ? place.host : place.path;
    this.#opened(this.#preface);
  }

  /** What is written during the call leaves together with the preface. */
  #opened(preface: string): void {
    if (preface !== '') this.#enqueue(preface, NO_BYTES, 0, 0);
    this.tellOpen();
    if (this.#isOver || this.fd === NO_FD) return;
    if (!this.#isPaused) this.context.poller.receive(this);
    this.#goOn();
  }

  #write(text: string, bytes: Buffer, start: number, end: number): void {
    if (this.fd === NO_FD || this.#place !== null || this.#isEnding || this.#isBroken) return;
    const lengthBytes = text.length + end - start;
    if (lengthBytes === 0) return;
    if (!this.#hasNothingToSend()) return this.#enqueue(text, bytes, start, end);
    this.#isWriting = true;
    if (lengthBytes <= STAGE_BYTES) this.#sendNow(text, bytes, start, end);
    else this.#sendMuch(text, bytes, start, end);
    this.#isWriting = false;
  }

  /** At most STAGE_BYTES. */
  #sendNow(text: string, bytes: Buffer, start: number, end: number): void {
    const { poller, received } = this.context;
    const { arena } = poller;
    const lengthBytes = text.length + end - start;
    const from = start - text.length;
    if (bytes === arena.bytes && from >= received.floor && end <= received.end) {
      // What was received just now goes from where it lies, the text over what was read already.
      if (text !== '') arena.bytes.write(text, from, 'latin1');
      received.floor = end;
      this.#send(from, lengthBytes);
      return;
    }
    const staged = poller.stage(lengthBytes);
    if (staged === -1) {
      this.#enqueue(text, bytes, start, end);
      return this.#post();
    }
    if (text !== '') arena.bytes.write(text, staged, 'latin1');
    if (end > start) bytes.copy(arena.bytes, staged + text.length, start, end);
    this.#send(staged, lengthBytes);
  }

  /** Sends as long as it is taken at once. */
  #sendMuch(text: string, bytes: Buffer, start: number, end: number): void {
    if (text !== '') this.#sendNow(text, NO_BYTES, 0, 0);
    let from = start;
    while (from < end && this.#hasNothingToSend() && !this.#isBroken) {
      const to = Math.min(from + STAGE_BYTES, end);
      this.#sendNow('', bytes, from, to);
      from = to;
    }
    if (from < end && !this.#isBroken) this.#enqueue('', bytes, from, end);
  }

  #send(start: number, lengthBytes: number): void {
    this.#sendStart = start;
    this.#sendBytes = lengthBytes;
    this.context.poller.send(this, start, lengthBytes);
  }

  #hasNothingToSend(): boolean {
    return this.#sendBytes === 0 && (this.#queue === null || this.#queue.lengthBytes === 0);
  }

  #enqueue(text: string, bytes: Buffer, start: number, end: number): void {
    this.#owesDrain = true;
    this.#queue ??= new SendQueue();
    this.#queue.add(text, bytes, start, end);
    if (this.#sendBytes > 0) this.context.poller.awaitSent(this);
    this.context.queuedBytes += text.length + end - start;
  }

  /** @param result as `onSent` has it, not all of it */
  #sentLess(result: number, lengthBytes: number): void {
    if (result < 0 && result !== -EAGAIN) return this.#sendFailed(-result);
    const { poller } = this.context;
    const sentBytes = Math.max(result, 0);
    const rest = poller.arena.bytes.subarray(
      this.#sendStart + sentBytes,
      this.#sendStart + lengthBytes,
    );
    this.#owesDrain = true;
    this.#queue ??= new SendQueue();
    this.#queue.putBack(rest);
    this.context.queuedBytes += rest.length;
    this.#isFull = true;
    poller.awaitWritable(this);
  }

  /** Sends what waits, then what follows from having sent everything. */
  #goOn(): void {
    this.#isWriting = true;
    while (this.#queue !== null && this.#mayFlush()) if (!this.#flush(this.#queue)) break;
    this.#isWriting = false;
    if (this.#isOver || !this.#hasNothingToSend()) return;
    if (this.#owesDrain) {
      this.#owesDrain = false;
      this.tellDrain();
    }
    if (this.#isOver) return;
    if (this.#isEnding && this.#hasNothingToSend()) this.#shutDown();
    if (this.#hasShutDown && this.#hasPeerEnded) this.#closeBy('closed');
  }

  #mayFlush(): boolean {
    return this.#sendBytes === 0 && !this.#isFull && this.#queue!.lengthBytes > 0;
  }

  /** @returns false: not in this turn */
  #flush(queue: SendQueue): boolean {
    const { poller } = this.context;
    const lengthBytes = Math.min(queue.lengthBytes, STAGE_BYTES);
    const staged = poller.stage(lengthBytes);
    if (staged === -1) {
      this.#post();
      return false;
    }
    queue.take(poller.arena.bytes, staged, lengthBytes);
    this.context.queuedBytes -= lengthBytes;
    this.#send(staged, lengthBytes);
    poller.awaitSent(this);
    return true;
  }

  /** A peer may have said something before it broke: a server answers 413 and closes. */
  #sendFailed(errno: number): void {
    this.#isBroken = true;
    this.#dropQueue();
    this.#owesDrain = false;
    if (this.#hasPeerEnded) {
      this.#heldEnd = errno;
      this.#post();
    } else {
      this.#endLastWords = this.context.after(LAST_WORDS_MS, () => this.#closeBy('reset'));
    }
  }

  #shutDown(): void {
    if (this.#hasShutDown) return;
    this.#hasShutDown = true;
    if (!this.#isBroken) this.context.poller.shutdown(this);
  }

  /** What came while it was paused. */
  #giveHeld(): void {
    while (this.#held !== null && !this.#isPaused) {
      const piece = this.#held.shift();
      if (piece === undefined) this.#held = null;
      else this.tellBytes(piece, 0, piece.length);
      if (this.#isOver) return;
    }
    if (this.#isPaused) return;
    if (this.#heldEnd !== -1) {
      const errno = this.#heldEnd;
      this.#heldEnd = -1;
      this.#ended(errno);
    } else if (!this.#hasPeerEnded && this.#place === null) this.context.poller.receive(this);
  }

  #ended(errno: number): void {
    if (errno !== 0) {
      const cause = this.#isBroken ? 'reset' : closeCauseOf(systemError('read', errno));
      return this.#closeBy(cause);
    }
    if (this.#hasPeerEnded) return;
    this.#hasPeerEnded = true;
    this.tellEnd();
    if (this.#isOver) return;
    if (this.#isBroken) this.#closeBy('reset');
    else this.#goOn();
  }

  /** Decides how much the next receives give. */
  #pace(): void {
    const isLarge =
      this.#fullReceives >= FULL_RECEIVES &&
      !this.#isSlow &&
      this.context.queuedBytes < QUEUED_BYTES_MAX;
    this.receiveBytes = isLarge ? RECEIVE_BYTES_MAX : SMALL_RECEIVE_BYTES;
  }

  #post(): void {
    if (this.#isPosted) return;
    this.#isPosted = true;
    this.context.loop.post(this);
  }

  #closeBy(cause: CloseCause): void {
    if (this.#isOver) return;
    this.#close();
    this.tellClose(cause);
  }

  #close(): void {
    this.#isOver = true;
    this.dial?.cancel();
    this.dial = null;
    this.#endLastWords?.();
    this.#endLastWords = null;
    this.#dropQueue();
    this.#held = null;
    this.#owesDrain = false;
    if (this.fd === NO_FD) return;
    this.context.poller.close(this);
    this.fd = NO_FD;
    this.#sendBytes = 0;
    this.gate?.leave();
    this.gate = null;
  }

  #dropQueue(): void {
    if (this.#queue !== null) this.context.queuedBytes -= this.#queue.lengthBytes;
    this.#queue = null;
  }
}
