import type { Contained } from '../../../base/contain.ts';
import {
  type CloseCause,
  NOBODY,
  type Stream,
  type StreamOwner,
} from '../../../core/ports/stream.ts';
import { type ContainingContext, ContainingStream } from '../../containing-stream.ts';
import { encrypt, sendOutput } from './encrypt.ts';
import type { TlsMemory } from './memory.ts';
import { Records } from './records.ts';
import { ENDED, FAILED, type TlsSession, WANTS } from './session.ts';

/** What the encrypted streams of one thread share. */
export interface TlsContext extends ContainingContext {
  readonly memory: TlsMemory;
  /** Calls once the present call has returned. */
  readonly defer: (call: () => void) => void;
}

/** A stream whose owner may change. */
export interface OwnedStream extends Stream {
  owner: StreamOwner;
}

/** Does the handshake of a stream. */
export interface Shaker extends Contained {
  /** A record, or a part of one, has come. */
  shake(nowMs: number): void;
  /** What has come, all of it, is no record of a handshake, and OpenSSL does not say so. */
  noHandshake(): void;
  /** The peer sends nothing more, or the stream below is gone. */
  left(): void;
  /** A message behind the handshake was read: a session ticket, for one. */
  told(): void;
}

/** Type of the records that begin a connection (RFC 8446 §5.1). */
const HANDSHAKE = 22;
/** From so many bytes OpenSSL knows what is no TLS. */
const HEADER_BYTES = 5;

/**
 * TLS over any stream. What comes is decrypted record by record and passed on in one piece for each
 * piece that came; what is written is encrypted at once, so that whatever waits, waits below.
 */
export class TlsStream extends ContainingStream<TlsContext> implements OwnedStream, StreamOwner {
  /** The address that it was opened to; empty: it is not open, or was accepted. */
  host = '';
  /** What opens a connection for it, as long as it has none. */
  dial: { cancel(): void } | null = null;
  #shaker: Shaker;
  #records = new Records();
  /** Null: it is over, or not yet open. */
  #session: TlsSession | null;
  #lower: Stream | null = null;
  #isShaking = true;
  #startBytes = 0;
  #isTls = true;
  #isPaused = false;
  #isEnding = false;
  /** The peer sends nothing more. */
  #isPeerDone = false;
  /** Ciphertext that may not be passed on yet. */
  #held: Buffer | null = null;
  #isEndHeld = false;
  /** Who has its connection now. */
  #heir: TlsStream | null = null;

  /** @param session its own from now on; null: it takes over another one's later */
  constructor(context: TlsContext, session: TlsSession | null, shaker: Shaker) {
    super(context, NOBODY);
    this.#session = session;
    this.#shaker = shaker;
  }

  /** Begins to read. @param own has a stream made that this is the owner of */
  begin(own: (toOwner: (lower: Stream) => StreamOwner) => void): void {
    // What was read already may come before the caller knows of the handshake.
    this.#held = NOTHING;
    own((lower) => {
      this.#lower = lower;
      return this;
    });
    if (this.#held === NOTHING) this.#held = null;
    else this.context.defer(this.#passHeld);
  }

  /** The handshake is done; the owner is set in the same turn. */
  opened(): void {
    this.#isShaking = false;
  }

  /**
   * Has another stream's connection, whose handshake was done in this turn, instead of one of its
   * own, and tells its owner that it is open. Whether it is paused stays as it is.
   */
  takeOver(other: TlsStream): void {
    this.dial = null;
    this.#session = other.#session;
    this.#lower = other.#lower;
    this.#records = other.#records;
    this.#shaker = other.#shaker;
    this.#isShaking = false;
    other.#session = null;
    other.#heir = this;
    (this.#lower as OwnedStream).owner = this;
    if (this.#isPaused) this.#lower!.pause();
    this.tellOpen();
  }

  /** No connection could be opened: tells the owner. */
  failed(cause: CloseCause): void {
    this.dial = null;
    this.tellClose(cause);
  }

  /** @internal takes what came with the end of the handshake */
  inherit(bytes: Buffer, start: number, end: number): void {
    if (this.#session !== null) this.#hold(bytes.subarray(start, end));
  }

  /** Whether it is over. */
  get isClosed(): boolean {
    return this.#session === null;
  }

  /** Sends what OpenSSL has to say. */
  flush(): void {
    sendOutput(this.context.memory, this.#lower!);
  }

  /** Ends it without a word, but for what stands below the encryption. */
  giveUp(plainText = ''): void {
    const lower = this.#lower;
    if (!this.#free() || lower === null) return;
    if (plainText !== '') lower.writeText(plainText);
    lower.destroy();
  }

  get pendingBytes(): number {
    return this.#session === null ? 0 : this.#lower!.pendingBytes;
  }

  unsentBytes(): number {
    return this.#session === null ? 0 : this.#lower!.unsentBytes();
  }

  writeText(text: string): void {
    this.writeTextAndBytes(text, NOTHING, 0, 0);
  }

  writeBytes(bytes: Buffer, start: number, end: number): void {
    this.writeTextAndBytes('', bytes, start, end);
  }

  writeTextAndBytes(text: string, bytes: Buffer, start: number, end: number): void {
    const session = this.#session;
    if (session === null || this.#isEnding) return;
    const { memory } = this.context;
    if (!encrypt(memory, session, this.#lower!, text, bytes, start, end)) this.#writeFailed();
  }

  pause(): void {
    this.#isPaused = true;
    this.#lower?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#lower?.resume();
    if (this.#held !== null) this.context.defer(this.#passHeld);
  }

  end(): void {
    if (this.#session === null || this.#isEnding) return;
    this.#isEnding = true;
    this.#sayEnd();
    this.#lower!.end();
    if (this.#isPeerDone) {
      this.context.defer(() => this.#closeIfOver(this.context.clock.nowMs()));
    }
  }

  destroy(): void {
    this.dial?.cancel();
    this.dial = null;
    if (this.#session === null) return;
    // A proper end says so, where nothing stands before it.
    const isQuiet = !this.#isEnding && !this.#isShaking && this.#lower!.pendingBytes === 0;
    if (isQuiet) this.#sayEnd();
    this.#free();
    const lower = this.#lower!;
    if (isQuiet && lower.pendingBytes > 0) this.#destroySoon(lower);
    else lower.destroy();
  }

  reset(): void {
    if (this.#session === null) return this.destroy();
    this.#free();
    this.#lower!.reset();
  }

  onOpen(): void {}

  onBytes(bytes: Buffer, start: number, end: number, nowMs: number): void {
    if (this.#held !== null && this.#mayPass) this.#passHeld();
    if (this.#session === null || this.#isPeerDone) return;
    if (this.#held === null && this.#mayPass) this.#take(bytes, start, end, nowMs);
    else this.#hold(bytes.subarray(start, end));
  }

  onDrain(nowMs: number): void {
    if (this.#isShaking || this.#session === null) return;
    this.tellDrain(nowMs);
    this.#closeIfOver(nowMs);
  }

  onEnd(nowMs: number): void {
    if (this.#isShaking) this.#shaker.left();
    else if (this.#held !== null) this.#isEndHeld = true;
    else this.#peerDone(nowMs);
  }

  onClose(cause: CloseCause, nowMs: number): void {
    if (!this.#free()) return;
    if (this.#isShaking) this.#shaker.left();
    else this.tellClose(cause, nowMs);
  }

  crashed(nowMs: number): void {
    this.#free();
    if (this.#isShaking) this.#shaker.crashed(nowMs);
    else this.owner.crashed(nowMs);
  }

  /** Another stream may be passing on what lies where ours would be decrypted. */
  get #mayPass(): boolean {
    return (!this.#isPaused || this.#isShaking) && !this.context.memory.isTaken;
  }

  #hold(bytes: Buffer): void {
    // By reference it would be written over.
    this.#held = Buffer.concat([this.#held ?? NOTHING, bytes]);
    if (!this.#isPaused) this.context.defer(this.#passHeld);
  }

  readonly #passHeld = (): void => {
    const bytes = this.#held;
    if (bytes === null || this.#session === null || !this.#mayPass) return;
    this.#held = null;
    const nowMs = this.context.clock.nowMs();
    this.#take(bytes, 0, bytes.length, nowMs);
    if (!this.#isEndHeld || this.#held !== null) return;
    this.#isEndHeld = false;
    this.onEnd(nowMs);
  };

  #take(bytes: Buffer, start: number, end: number, nowMs: number): void {
    const { memory } = this.context;
    memory.isTaken = true;
    try {
      const from = memory.placeOf(bytes, start, end);
      let at = start;
      if (from >= 0) at += this.#takeAt(from, from + end - start, nowMs) - from;
      else at = this.#takeCopies(bytes, start, end, nowMs);
      if (at === end || this.#isPeerDone) return;
      if (this.#session !== null) this.#held = Buffer.from(bytes.subarray(at, end));
      else this.#heir?.inherit(bytes, at, end);
    } finally {
      memory.isTaken = false;
    }
  }

  #takeCopies(bytes: Buffer, start: number, end: number, nowMs: number): number {
    const { memory } = this.context;
    const { cipherInStart, cipherInBytes } = memory;
    let at = start;
    while (at < end) {
      const size = Math.min(end - at, cipherInBytes);
      bytes.copy(memory.bytes, cipherInStart, at, at + size);
      const taken = this.#takeAt(cipherInStart, cipherInStart + size, nowMs) - cipherInStart;
      at += taken;
      if (taken < size) break;
    }
    return at;
  }

  /** Takes bytes of the arena. @returns where it stopped: the stream was paused, or is over */
  #takeAt(start: number, end: number, nowMs: number): number {
    let at = start;
    while (at < end && this.#session !== null && !this.#isPeerDone) {
      if (this.#isShaking) at = this.#shake(at, end, nowMs);
      else if (this.#isPaused) break;
      else at = this.#decrypt(this.#session, at, end, nowMs);
    }
    return at;
  }

  #shake(start: number, end: number, nowMs: number): number {
    const { memory } = this.context;
    const { bytes } = memory;
    if (this.#startBytes === 0) this.#isTls = bytes[start] === HANDSHAKE;
    // What has no records is not counted along: OpenSSL knows it by its first bytes.
    const size = this.#isTls ? this.#records.next(bytes, start, end) : end - start;
    this.#startBytes += size;
    memory.feed(start, size);
    this.#shaker.shake(nowMs);
    const isNone = !this.#isTls && this.#startBytes >= HEADER_BYTES;
    if (isNone && this.#session !== null) this.#shaker.noHandshake();
    return start + size;
  }

  #decrypt(session: TlsSession, start: number, end: number, nowMs: number): number {
    const { memory } = this.context;
    const { readStart, readLast } = memory;
    let at = start;
    let plain = readStart;
    let outcome = WANTS;
    while (at < end && plain <= readLast) {
      const size = this.#records.next(memory.bytes, at, end);
      memory.feed(at, size);
      at += size;
      outcome = session.read(plain);
      if (outcome > 0) {
        plain += outcome;
        // Then OpenSSL sees other records than we do, and may have left something over.
        if (!this.#records.isWhole) outcome = FAILED;
      } else if (outcome === WANTS && this.#records.isWhole) this.#told();
      if (outcome === FAILED) this.#clear();
      if (outcome < WANTS) break;
    }
    if (plain > readStart) this.tellBytes(memory.bytes, readStart, plain, nowMs);
    if (this.#session === null) return end;
    if (outcome === ENDED) this.#peerDone(nowMs);
    if (outcome === FAILED) this.#broken(nowMs);
    return at;
  }

  /** A message that is not for the owner: some ask for an answer. */
  #told(): void {
    this.flush();
    this.#shaker.told();
  }

  #peerDone(nowMs: number): void {
    if (this.#isPeerDone || this.#session === null) return;
    this.#isPeerDone = true;
    this.tellEnd(nowMs);
    this.#closeIfOver(nowMs);
  }

  /** Both have said that nothing more comes: there is no need to wait for the peer to close. */
  #closeIfOver(nowMs: number): void {
    if (this.#session === null || !this.#isEnding || !this.#isPeerDone) return;
    if (this.#lower!.pendingBytes > 0) return;
    this.#free();
    this.#lower!.destroy();
    this.tellClose('closed', nowMs);
  }

  /** What is left over of a failed session must not be read, or sent, by another one. */
  #clear(): void {
    this.flush();
    this.context.memory.clear();
  }

  #broken(nowMs: number): void {
    this.#free();
    this.#lower!.destroy();
    this.tellClose('tls_failed', nowMs);
  }

  /** Not within the call: an owner that writes is told nothing meanwhile. */
  #writeFailed(): void {
    this.#isEnding = true;
    this.#clear();
    this.context.defer(() => {
      if (this.#session !== null) this.#broken(this.context.clock.nowMs());
    });
  }

  /**
   * What was written just before is with the kernel from the next turn on, and the goodbye, which
   * waits behind it, from the one after that. A peer that does not take them goes without.
   */
  #destroySoon(lower: Stream): void {
    const { defer } = this.context;
    defer(() => defer(() => lower.destroy()));
  }

  #sayEnd(): void {
    this.#session!.shutdown();
    this.flush();
  }

  /** @returns whether it was there */
  #free(): boolean {
    const session = this.#session;
    this.#session = null;
    this.#held = null;
    session?.free();
    return session !== null;
  }
}

const NOTHING: Buffer = Buffer.alloc(0);
