/**
 * Trace context (W3C Trace Context, level 1): `traceparent` names the trace that a request belongs
 * to. A valid one goes on as it came, for we report no span of our own to stand between; where
 * there is none or it is not valid a new trace begins here.
 */
import { hex8 } from '../../base/hex.ts';
import { latin1 } from '../../base/latin1.ts';
import type { Random } from '../../base/random.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { HeadWriter } from '../http1/writer.ts';

export interface TracingSettings {
  /** Share of the traces started here that are marked as sampled, 0 to 1. */
  readonly sampled: number;
}

/** `00-` trace id `-` parent id `-` flags (§2.2): 2 + 1 + 32 + 1 + 16 + 1 + 2 characters. */
const LENGTH = 55;
const TRACE_ID = 3;
const PARENT_ID = 36;
const FLAGS = 53;
const DASH = 0x2d;
const ZERO = 0x30;

/** A line of our own; ids and the last flag are written over for each request. */
const LINE = Buffer.from(`traceparent: 00-${'0'.repeat(32)}-${'0'.repeat(16)}-00\r\n`, 'latin1');
const VALUE = 'traceparent: '.length;
/** The two digits of each byte. */
const HIGH = Uint8Array.from({ length: 256 }, (_, byte) => (byte >> 4).toString(16).charCodeAt(0));
const LOW = Uint8Array.from({ length: 256 }, (_, byte) => (byte & 15).toString(16).charCodeAt(0));
/** Four of the trace's id, two of its parent's. */
const WORDS = 6;
const ID_WORDS = 4;

/** The trace that a request belongs to. Its id is spelt only where somebody asks for it. */
export class TraceContext {
  #broughtId = '';
  /** Of a trace that began here. */
  readonly #words = new Uint32Array(WORDS);
  #isNew = false;
  #isSampled = false;

  /** 32 hexadecimal digits; empty where tracing is off. */
  get id(): string {
    if (!this.#isNew) return this.#broughtId;
    let id = '';
    for (let word = 0; word < ID_WORDS; word++) id += hex8(this.#words[word]!);
    return id;
  }

  /** The request belongs to no trace that we know of. */
  clear(): void {
    this.#isNew = false;
    this.#broughtId = '';
  }

  /**
   * Finds the request's trace or begins one. Of a trace context that is not valid nothing is
   * passed on, its `tracestate` least of all (§3.3, §4.3).
   */
  find(head: Head, settings: TracingSettings, random: Random): void {
    const index = head.find(NAME.traceparent);
    if (index !== -1) {
      const start = head.valueStarts[index]!;
      // Several are as good as none: nobody can tell which is meant.
      const isOnlyOne = (head.repeated & (1 << NAME.traceparent)) === 0;
      if (isOnlyOne && isValid(head.bytes, start, head.valueEnds[index]!)) {
        this.#isNew = false;
        this.#broughtId = latin1(head.bytes, start + TRACE_ID, start + PARENT_ID - 1);
        return;
      }
    }
    dropContext(head);
    this.#begin(settings, random);
  }

  /** Adds the line that the request lacks, if it lacks one. */
  write(writer: HeadWriter): void {
    if (!this.#isNew) return;
    const words = this.#words;
    let at = VALUE + TRACE_ID;
    for (let word = 0; word < WORDS; word++) {
      if (word === ID_WORDS) at = VALUE + PARENT_ID;
      const value = words[word]!;
      for (let shift = 24; shift >= 0; shift -= 8) {
        const byte = (value >>> shift) & 255;
        LINE[at] = HIGH[byte]!;
        LINE[at + 1] = LOW[byte]!;
        at += 2;
      }
    }
    LINE[VALUE + FLAGS + 1] = this.#isSampled ? ZERO + 1 : ZERO;
    writer.copy(LINE, 0, LINE.length);
  }

  #begin({ sampled }: TracingSettings, random: Random): void {
    const words = this.#words;
    for (let word = 0; word < WORDS; word++) words[word] = random() * 2 ** 32;
    // An id of zeros is none (§2.2.3).
    if (words[ID_WORDS - 1] === 0) words[ID_WORDS - 1] = 1;
    if (words[WORDS - 1] === 0) words[WORDS - 1] = 1;
    this.#isNew = true;
    this.#isSampled = random() < sampled;
  }
}

function isValid(bytes: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length < LENGTH) return false;
  const isVersion0 = bytes[start] === ZERO && bytes[start + 1] === ZERO;
  // Later versions may say more, after another dash (§3.2.4); ff is none.
  if (isVersion0 ? length !== LENGTH : length > LENGTH && bytes[start + LENGTH] !== DASH) {
    return false;
  }
  if (bytes[start] === 0x66 && bytes[start + 1] === 0x66) return false;
  if (bytes[start + 2] !== DASH || bytes[start + PARENT_ID - 1] !== DASH) return false;
  if (bytes[start + FLAGS - 1] !== DASH) return false;
  return (
    isHex(bytes, start, 2) &&
    isHex(bytes, start + FLAGS, 2) &&
    isId(bytes, start + TRACE_ID, 32) &&
    isId(bytes, start + PARENT_ID, 16)
  );
}

function isId(bytes: Buffer, start: number, length: number): boolean {
  if (!isHex(bytes, start, length)) return false;
  for (let at = start; at < start + length; at++) if (bytes[at] !== ZERO) return true;
  return false;
}

/** Lower case only (§2.2.2). */
function isHex(bytes: Buffer, start: number, length: number): boolean {
  for (let at = start; at < start + length; at++) {
    const char = bytes[at]!;
    if (!((char >= ZERO && char <= 0x39) || (char >= 0x61 && char <= 0x66))) return false;
  }
  return true;
}

function dropContext(head: Head): void {
  for (let index = 0; index < head.fieldCount; index++) {
    const id = head.ids[index];
    if (id === NAME.traceparent || (id === NAME.other && isTracestate(head, index))) {
      head.drop(index);
    }
  }
}

const TRACESTATE = 'tracestate';

function isTracestate(head: Head, index: number): boolean {
  const length = head.nameEnds[index]! - head.nameStarts[index]!;
  return length === TRACESTATE.length && head.name(index).toLowerCase() === TRACESTATE;
}
