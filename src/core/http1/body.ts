/**
 * Finds the end of a message's body in the bytes that carry it.
 *
 * The bytes themselves are not touched: what `take` accepts can be passed on as it came. Only a
 * trailer section is held back, for it may carry fields that must not travel (RFC 9110 §6.5.1).
 * Chunk sizes are read strictly (RFC 9112 §7.1): hexadecimal digits, below 2^48, CRLF, and a
 * bounded amount of chunk extensions.
 */
import { CR, HEX_PLUS_ONE, HTAB, IS_FIELD_VALUE, LF, SEMICOLON, SP, TOKEN_LOWER } from './chars.ts';
import type { Fault } from './faults.ts';
import { BODY, type BodyKind, isForbiddenTrailer } from './framing.ts';
import { FAULTY, Head, type HeadLimits, INCOMPLETE, readTrailers } from './head.ts';
import { HeadReader } from './reader.ts';

/** Takes the pieces of a chunked body without their framing. */
export interface PayloadSink {
  payload(bytes: Buffer, start: number, end: number): void;
}

/** More bytes of chunk extensions than this in one body, and the peer only wants to cost us. */
const EXTENSION_BYTES_MAX = 16 * 1024;
/** Leading zeros included. */
const SIZE_DIGITS_MAX = 64;
const CHUNK_BYTES_MAX = 2 ** 48 - 1;
const TRAILER_LIMITS: HeadLimits = { headBytes: 16 * 1024, targetBytes: 0, fields: 200 };

const STATE = {
  size: 0,
  /** White space may stand before the semicolon of an extension, not before the line's end. */
  beforeExtension: 1,
  extensionName: 2,
  extension: 3,
  sizeLf: 4,
  data: 5,
  dataCr: 6,
  dataLf: 7,
  trailerStart: 8,
  lastLf: 9,
  trailers: 10,
} as const;

/** Head for trailer sections; they are read and used within one call. */
const trailerHead = new Head();

export class BodyReader {
  kind: BodyKind = BODY.none;
  done = true;
  /** Set once the framing proved wrong; nothing more is taken then. */
  fault: Fault | undefined;
  /** Trailer lines that may be passed on, each with its CRLF; read it when `done`. */
  trailers = '';
  /** Whether the end of the body still has to be written: `trailers` and the empty line. */
  heldEnd = false;
  #remainingBytes = 0;
  #state: number = STATE.size;
  #digits = 0;
  #extensionBytes = 0;
  /** Made for the first body that has trailers. */
  #trailerReader: HeadReader | null = null;

  /** Makes the reader ready for the next body. */
  begin(kind: BodyKind, contentLength: number): void {
    this.kind = kind;
    this.done = kind === BODY.none;
    this.fault = undefined;
    this.trailers = '';
    this.heldEnd = false;
    this.#remainingBytes = kind === BODY.length ? contentLength : 0;
    this.#state = STATE.size;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#trailerReader?.reset();
  }

  /**
   * Takes what belongs to the body.
   *
   * @param sink gets the payload without chunk framing, where somebody needs it so
   * @returns where the body's bytes that can be passed on as they are end; see `consumed`
   */
  take(bytes: Buffer, start: number, end: number, sink: PayloadSink | null): number {
    this.consumed = end;
    if (this.kind === BODY.length) {
      const upTo = Math.min(end, start + this.#remainingBytes);
      this.#remainingBytes -= upTo - start;
      if (this.#remainingBytes === 0) this.done = true;
      this.consumed = upTo;
      if (sink !== null && upTo > start) sink.payload(bytes, start, upTo);
      return upTo;
    }
    if (this.kind === BODY.chunked) return this.#takeChunks(bytes, start, end, sink);
    if (this.kind === BODY.untilClose) {
      if (sink !== null) sink.payload(bytes, start, end);
      return end;
    }
    this.consumed = start;
    return start;
  }

  /** How many bytes are still to come; infinite where that is not known. */
  get missingBytes(): number {
    if (this.done) return 0;
    return this.kind === BODY.length ? this.#remainingBytes : Number.POSITIVE_INFINITY;
  }

  /** Whether what came so far ends with a whole chunk, so that a last one could follow. */
  get isBetweenChunks(): boolean {
    return this.kind === BODY.chunked && this.#state === STATE.size && this.#digits === 0;
  }

  /** Where, in the bytes last given to `take`, the body's bytes end, held trailers included. */
  consumed = 0;

  #takeChunks(bytes: Buffer, start: number, end: number, sink: PayloadSink | null): number {
    let at = start;
    while (at < end) {
      const byte = bytes[at]!;
      switch (this.#state) {
        case STATE.size: {
          const digit = HEX_PLUS_ONE[byte]!;
          if (digit !== 0) {
            this.#digits += 1;
            this.#remainingBytes = this.#remainingBytes * 16 + digit - 1;
            if (this.#digits > SIZE_DIGITS_MAX || this.#remainingBytes > CHUNK_BYTES_MAX) {
              return this.#fail('bad_chunk', at);
            }
          } else if (this.#digits === 0) {
            return this.#fail(byte === LF ? 'bare_lf' : 'bad_chunk', at);
          } else if (byte === CR) {
            this.#state = STATE.sizeLf;
          } else if (byte === SEMICOLON) {
            this.#state = STATE.extensionName;
          } else if (byte === SP || byte === HTAB) {
            this.#state = STATE.beforeExtension;
          } else {
            return this.#fail(byte === LF ? 'bare_lf' : 'bad_chunk', at);
          }
          at += 1;
          break;
        }
        case STATE.beforeExtension:
        case STATE.extensionName:
          if (byte === SEMICOLON && this.#state === STATE.beforeExtension) {
            this.#state = STATE.extensionName;
          } else if (TOKEN_LOWER[byte] !== 0 && this.#state === STATE.extensionName) {
            this.#state = STATE.extension;
          } else if (byte !== SP && byte !== HTAB) {
            return this.#fail(byte === LF ? 'bare_lf' : 'bad_chunk', at);
          }
          if (!this.#countExtensionByte()) return this.#fail('bad_chunk', at);
          at += 1;
          break;
        case STATE.extension:
          if (byte === CR) this.#state = STATE.sizeLf;
          else if (byte === LF) return this.#fail('bare_lf', at);
          else if (IS_FIELD_VALUE[byte] !== 1) return this.#fail('bad_chunk', at);
          if (!this.#countExtensionByte()) return this.#fail('bad_chunk', at);
          at += 1;
          break;
        case STATE.sizeLf:
          if (byte !== LF) return this.#fail('bare_cr', at);
          this.#digits = 0;
          this.#state = this.#remainingBytes === 0 ? STATE.trailerStart : STATE.data;
          at += 1;
          break;
        case STATE.data: {
          const upTo = Math.min(end, at + this.#remainingBytes);
          if (sink !== null) sink.payload(bytes, at, upTo);
          this.#remainingBytes -= upTo - at;
          at = upTo;
          if (this.#remainingBytes === 0) this.#state = STATE.dataCr;
          break;
        }
        case STATE.dataCr:
          if (byte !== CR) return this.#fail(byte === LF ? 'bare_lf' : 'bad_chunk', at);
          this.#state = STATE.dataLf;
          at += 1;
          break;
        case STATE.dataLf:
          if (byte !== LF) return this.#fail('bare_cr', at);
          this.#state = STATE.size;
          at += 1;
          break;
        case STATE.trailerStart:
          if (byte !== CR) {
            this.#state = STATE.trailers;
            return this.#takeTrailers(bytes, at, end);
          }
          this.#state = STATE.lastLf;
          at += 1;
          break;
        case STATE.lastLf:
          if (byte !== LF) return this.#fail('bare_cr', at);
          this.done = true;
          this.consumed = at + 1;
          return at + 1;
        default:
          return this.#takeTrailers(bytes, at, end);
      }
    }
    return end;
  }

  #countExtensionByte(): boolean {
    this.#extensionBytes += 1;
    return this.#extensionBytes <= EXTENSION_BYTES_MAX;
  }

  #takeTrailers(bytes: Buffer, start: number, end: number): number {
    this.#trailerReader ??= new HeadReader(trailerHead, readTrailers, TRAILER_LIMITS);
    const reader = this.#trailerReader;
    const sectionEnd = reader.take(bytes, start, end);
    if (sectionEnd === FAULTY) {
      const { fault } = trailerHead;
      const isTooLarge = fault === 'head_too_large' || fault === 'too_many_fields';
      return this.#fail(isTooLarge ? 'trailer_too_large' : 'bad_trailer', start);
    }
    if (sectionEnd === INCOMPLETE) return start;
    for (let index = 0; index < trailerHead.fieldCount; index++) {
      if (isForbiddenTrailer(trailerHead, index)) continue;
      this.trailers += `${trailerHead.name(index)}: ${trailerHead.value(index)}\r\n`;
    }
    this.heldEnd = true;
    this.done = true;
    this.consumed = end - (reader.restEnd - sectionEnd);
    return start;
  }

  #fail(fault: Fault, at: number): number {
    this.fault = fault;
    this.consumed = at;
    return at;
  }
}
