import type { Arena } from '../arena.ts';
import { HEADROOM_BYTES } from '../poller.ts';
import { CTRL, type OpenSsl, openssl } from './calls.ts';

/** The most plaintext in one record (RFC 8446 §5.1). */
export const RECORD_BYTES: number = 16 * 1024;
/** Plaintext that is encrypted before what came of it is sent. */
export const PLAIN_BYTES: number = 4 * RECORD_BYTES;
/** Ciphertext that is given to OpenSSL at a time, where it does not lie in the arena already. */
const CIPHER_IN_BYTES = 64 * 1024;
/** Room for all records of `PLAIN_BYTES`, each with its header, padding and tag. */
const CIPHER_OUT_BYTES = PLAIN_BYTES + 4 * 1024;
/** Enough for the records of one read, and the rest of one that began before. */
const READ_BYTES = CIPHER_IN_BYTES + RECORD_BYTES;
const WORD_BYTES = 64;

/** What a `TlsMemory` takes of its arena, at the most. Pages that are never touched cost nothing. */
export const TLS_ARENA_BYTES: number = 320 * 1024;

/**
 * The memory by which one thread talks to OpenSSL: parts of an arena, and a pair of memory BIOs that
 * all its sessions share. Each call leaves both BIOs empty: what OpenSSL holds back of a record, it
 * holds in the session.
 */
export class TlsMemory {
  readonly calls: OpenSsl;
  readonly arena: Arena;
  readonly bytes: Buffer;
  /** Plaintext that came; there is room before it, as before what a poller received. */
  readonly readStart: number;
  readonly readAddress: bigint;
  /** The last place where a whole record fits. */
  readonly readLast: number;
  /** Plaintext on its way: `PLAIN_BYTES`. */
  readonly plainStart: number;
  readonly plainAddress: bigint;
  readonly cipherInStart: number;
  readonly cipherInBytes: number = CIPHER_IN_BYTES;
  readonly cipherOutStart: number;
  readonly #cipherOutAddress: bigint;
  /** A word or a short text for OpenSSL, or from it. */
  readonly wordStart: number;
  readonly wordAddress: bigint;
  /** Sessions read from here. */
  readonly input: bigint;
  /** Where ciphertext lay the last time: mostly it lies there again, and its address is known. */
  #fedStart: number;
  #fedAddress: bigint;
  /** Sessions write here. */
  readonly output: bigint;
  /** A stream is passing on what was decrypted to `readStart`. */
  isTaken = false;

  constructor(arena: Arena) {
    if (openssl === null) throw new Error('this Node does not export OpenSSL');
    this.calls = openssl;
    this.arena = arena;
    this.bytes = arena.bytes;
    this.readStart = arena.reserve(HEADROOM_BYTES + READ_BYTES) + HEADROOM_BYTES;
    this.readAddress = arena.address(this.readStart, RECORD_BYTES);
    this.readLast = this.readStart + READ_BYTES - RECORD_BYTES;
    this.plainStart = arena.reserve(PLAIN_BYTES);
    this.plainAddress = arena.address(this.plainStart, PLAIN_BYTES);
    this.cipherInStart = arena.reserve(CIPHER_IN_BYTES);
    this.#fedStart = this.cipherInStart;
    this.#fedAddress = arena.address(this.cipherInStart, CIPHER_IN_BYTES);
    this.cipherOutStart = arena.reserve(CIPHER_OUT_BYTES);
    this.#cipherOutAddress = arena.address(this.cipherOutStart, CIPHER_OUT_BYTES);
    this.wordStart = arena.reserve(WORD_BYTES);
    this.wordAddress = arena.address(this.wordStart, WORD_BYTES);
    this.input = openssl.BIO_new(openssl.BIO_s_mem());
    this.output = openssl.BIO_new(openssl.BIO_s_mem());
    if (this.input === 0n || this.output === 0n) throw new Error('OpenSSL gives no memory');
  }

  /**
   * Gives ciphertext to whichever session reads next.
   *
   * @throws RangeError where it is not all in the arena
   */
  feed(start: number, lengthBytes: number): void {
    if (start === this.#fedStart) this.arena.check(start, lengthBytes);
    else {
      this.#fedAddress = this.arena.address(start, lengthBytes);
      this.#fedStart = start;
    }
    const taken = this.calls.BIO_write(this.input, this.#fedAddress, lengthBytes);
    if (taken !== lengthBytes) throw new Error('OpenSSL gives no memory');
  }

  /** Takes what sessions wrote to `cipherOutStart`. @returns so many bytes */
  takeOutput(): number {
    const bytes = this.calls.BIO_read(this.output, this.#cipherOutAddress, CIPHER_OUT_BYTES);
    return Math.max(bytes, 0);
  }

  /** Whether `takeOutput` may have left something, after it gave so many bytes. */
  isFull(takenBytes: number): boolean {
    return takenBytes === CIPHER_OUT_BYTES;
  }

  /** Where bytes lie in the arena; -1: elsewhere. */
  placeOf(bytes: Buffer, start: number, end: number): number {
    if (bytes.buffer !== this.bytes.buffer || start > end || end > bytes.length) return -1;
    return bytes.byteOffset - this.bytes.byteOffset + start;
  }

  /** A session has failed: what it left is nobody's. */
  clear(): void {
    this.calls.BIO_ctrl(this.input, CTRL.bioReset, 0n, 0n);
    this.calls.BIO_ctrl(this.output, CTRL.bioReset, 0n, 0n);
    this.calls.ERR_clear_error();
  }

  /** Whether nothing is left over: always so between calls. */
  get isClear(): boolean {
    const { calls } = this;
    const pending = (bio: bigint) => calls.BIO_ctrl(bio, CTRL.bioPending, 0n, 0n);
    return pending(this.input) === 0n && pending(this.output) === 0n;
  }

  /**
   * The text with the NUL that ends it, good until the next call.
   *
   * @throws RangeError where it is longer than `PLAIN_BYTES`
   */
  text(text: string): bigint {
    const lengthBytes = Buffer.byteLength(text, 'latin1');
    if (lengthBytes >= PLAIN_BYTES) throw new RangeError(`a text of ${lengthBytes} bytes`);
    this.bytes.write(text, this.plainStart, 'latin1');
    this.bytes[this.plainStart + lengthBytes] = 0;
    return this.plainAddress;
  }

  /** Bytes, good until the next call. @throws RangeError where there are more than `PLAIN_BYTES` */
  copy(bytes: Uint8Array): bigint {
    if (bytes.length > PLAIN_BYTES) throw new RangeError(`${bytes.length} bytes`);
    this.bytes.set(bytes, this.plainStart);
    return this.plainAddress;
  }

  /** A BIO with a long text, for OpenSSL's readers of PEM. The caller frees it. */
  bioOf(text: string): bigint {
    const bio = this.newBio();
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.length; at += PLAIN_BYTES) {
      const piece = bytes.subarray(at, at + PLAIN_BYTES);
      this.calls.BIO_write(bio, this.copy(piece), piece.length);
    }
    return bio;
  }

  newBio(): bigint {
    const { calls } = this;
    const bio = calls.BIO_new(calls.BIO_s_mem());
    if (bio === 0n) throw new Error('OpenSSL gives no memory');
    return bio;
  }

  /** All that a BIO holds. Frees it. */
  drain(bio: bigint): Buffer {
    const pieces: Buffer[] = [];
    for (;;) {
      const bytes = this.calls.BIO_read(bio, this.plainAddress, PLAIN_BYTES);
      if (bytes <= 0) break;
      pieces.push(Buffer.from(this.bytes.subarray(this.plainStart, this.plainStart + bytes)));
    }
    this.calls.BIO_free(bio);
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }
}
