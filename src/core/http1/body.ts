/**
 * Finds the end of a message's body in the bytes that carry it.
 *
 * The bytes themselves are not touched: what `take` accepts can be passed on as it came. Only a
 * trailer section is held back, for it may carry fields that must not travel (RFC 9110 §6.5.1).
 * Chunk sizes are read strictly (RFC 9112 §7.1): hexadecimal digits, below 2^48, CRLF, and a
 * bounded amount of chunk extensions, in their grammar.
 */
import {
  BACKSLASH,
  CR,
  EQUALS,
  HEX_PLUS_ONE,
  HTAB,
  IS_FIELD_VALUE,
  LF,
  QUOTE,
  SEMICOLON,
  SP,
  TOKEN_LOWER,
} from './chars.ts';
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
  beforeName: 2,
  name: 3,
  afterName: 4,
  beforeValue: 5,
  value: 6,
  quoted: 7,
  /** Behind a backslash in a quoted value. */
  escaped: 8,
  afterQuoted: 9,
  sizeLf: 10,
  data: 11,
  dataCr: 12,
  dataLf: 13,
  trailerStart: 14,
  lastLf: 15,
  trailers: 16,
} as const;

const WRONG = -1;

/**
 * One byte of chunk extensions: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`
 * (RFC 9112 §7.1.1). They are passed on as they came, so that a server which reads them carelessly,
 * up to a quote or to the next line feed, must not get one that could mean two things.
 *
 * @returns the state after it, or WRONG
 */
function stateInExtension(state: number, byte: number): number {
  const isBlank = byte === SP || byte === HTAB;
  switch (state) {
    case STATE.quoted:
      if (byte === QUOTE) return STATE.afterQuoted;
      if (byte === BACKSLASH) return STATE.escaped;
      return IS_FIELD_VALUE[byte] === 1 ? STATE.quoted : WRONG;
    case STATE.escaped:
      return IS_FIELD_VALUE[byte] === 1 ? STATE.quoted : WRONG;
    case STATE.beforeName:
      if (isBlank) return state;
      return TOKEN_LOWER[byte] !== 0 ? STATE.name : WRONG;
    case STATE.beforeValue:
      if (isBlank) return state;
      if (byte === QUOTE) return STATE.quoted;
      return TOKEN_LOWER[byte] !== 0 ? STATE.value : WRONG;
  }
  // What follows here ends a name or a value.
  if (byte === SEMICOLON) return STATE.beforeName;
  if (state === STATE.beforeExtension) return isBlank ? state : WRONG;
  if (byte === EQUALS && (state === STATE.name || state === STATE.afterName)) {
    return STATE.beforeValue;
  }
  if (state === STATE.afterName) return isBlank ? state : WRONG;
  if (byte === CR) return STATE.sizeLf;
  if (isBlank) return state === STATE.name ? STATE.afterName : STATE.beforeExtension;
  return state !== STATE.afterQuoted && TOKEN_LOWER[byte] !== 0 ? state : WRONG;
}

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
            this.#state = STATE.beforeName;
          } else if (byte === SP || byte === HTAB) {
            this.#state = STATE.beforeExtension;
          } else {
            return this.#fail(byte === LF ? 'bare_lf' : 'bad_chunk', at);
          }
          at += 1;
          break;
        }
        case STATE.beforeExtension:
        case STATE.beforeName:
        case STATE.name:
        case STATE.afterName:
        case STATE.beforeValue:
        case STATE.value:
        case STATE.quoted:
        case STATE.escaped:
        case STATE.afterQuoted: {
          const state = stateInExtension(this.#state, byte);
          if (state === WRONG) return this.#fail(byte === LF ? 'bare_lf' : 'bad_chunk', at);
          this.#state = state;
          if (!this.#countExtensionByte()) return this.#fail('bad_chunk', at);
          at += 1;
          break;
        }
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
