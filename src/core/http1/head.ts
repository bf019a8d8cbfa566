/**
 * Reads the head of an HTTP/1.1 message in one pass over its bytes.
 *
 * Nothing is copied: a Head holds offsets into the bytes it was read from, and is good only as
 * long as those are. One Head serves a whole thread for requests, another for responses.
 *
 * Strict, for a proxy that guesses differently from the server behind it lets requests be
 * smuggled: lines end in CRLF, names are tokens, no folding, no control characters (RFC 9112
 * §2.2, §3, §5).
 */
import { latin1 } from '../../base/latin1.ts';
import {
  COLON,
  CR,
  HTAB,
  HYPHEN,
  IS_FIELD_VALUE,
  IS_TARGET,
  LF,
  SP,
  TOKEN_FOLDED,
  TOKEN_LOWER,
} from './chars.ts';
import type { Fault } from './faults.ts';
import { KNOWN_BY_FIRST, type KnownName, NAME, PROXY_PREFIX } from './names.ts';

/** Bounds on a head. */
export interface HeadLimits {
  /** The whole head, from its first byte to its empty line. */
  headBytes: number;
  /** The request target. */
  targetBytes: number;
  /** Header lines, at most FIELDS_MAX. */
  fields: number;
  /** Whether fields of a request are kept that servers mistake for what only a proxy says. */
  keepsSpoofable?: boolean;
}

export const DEFAULT_HEAD_LIMITS: HeadLimits = {
  headBytes: 32 * 1024,
  targetBytes: 16 * 1024,
  fields: 200,
};

/** Of responses: servers set what cookies and policies they like. */
export const DEFAULT_RESPONSE_LIMITS: HeadLimits = {
  headBytes: 64 * 1024,
  targetBytes: 0,
  fields: 512,
};

export const FIELDS_MAX = 2000;
/** The most that a limit on a head may be. */
export const HEAD_BYTES_MAX = 1024 * 1024;
/** Registered methods have at most 17 letters (RFC 9110 §16.1); RFC 9112 §3 asks for a 501. */
export const METHOD_BYTES_MAX = 64;

const LOWER_X = 0x78;

/** The head is not yet whole. */
export const INCOMPLETE = 0;
/** The head is wrong: `Head.fault` says how. */
export const FAULTY = -1;

const KNOWN_METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'CONNECT',
  'TRACE',
] as const;

export class Head {
  bytes: Buffer = Buffer.alloc(0);
  /** Of the first line. */
  start = 0;
  /** After the empty line. */
  end = 0;
  fault: Fault = 'bad_method';

  /** Request line; the method is empty where it was not read whole. */
  method = '';
  targetStart = 0;
  targetEnd = 0;
  /** Status line. */
  status = 0;
  isResponse = false;
  /** 0 or 1; a higher minor version counts as 1 (RFC 9110 §2.5). */
  minorVersion = 1;
  /** Whether the version is written HTTP/1.1, and can be passed on as it came. */
  isHttp11 = true;
  /** Where the version, in a response, ends. */
  versionEnd = 0;
  /** Whether the space behind the status code is missing, which has to be there (RFC 9112 §4). */
  lacksSpace = false;

  /** Set by forwarding: from here on the head goes on unchanged. */
  tailStart = 0;

  fieldCount = 0;
  readonly ids = new Uint8Array(FIELDS_MAX);
  readonly nameStarts = new Int32Array(FIELDS_MAX + 1);
  readonly nameEnds = new Int32Array(FIELDS_MAX);
  readonly valueStarts = new Int32Array(FIELDS_MAX);
  readonly valueEnds = new Int32Array(FIELDS_MAX);
  /** Set by framing: 1 where the Connection header names this field. */
  readonly named = new Uint8Array(FIELDS_MAX);
  /** Bit NAME.x is set where such a field was seen; in `repeated`, where it was seen again. */
  seen = 0;
  repeated = 0;

  has(name: number): boolean {
    return (this.seen & (1 << name)) !== 0;
  }

  /** Index of the first field of that name, -1 where there is none. */
  find(name: number): number {
    if (!this.has(name)) return -1;
    let index = 0;
    while (this.ids[index] !== name) index++;
    return index;
  }

  value(index: number): string {
    return latin1(this.bytes, this.valueStarts[index]!, this.valueEnds[index]!);
  }

  name(index: number): string {
    return latin1(this.bytes, this.nameStarts[index]!, this.nameEnds[index]!);
  }

  /** The field stops here: it is not forwarded, and no longer found. */
  drop(index: number): void {
    const name = this.ids[index]!;
    this.ids[index] = NAME.dropped;
    this.seen |= 1 << NAME.dropped;
    for (let at = 0; at < this.fieldCount; at++) if (this.ids[at] === name) return;
    this.seen &= ~(1 << name);
  }

  target(): string {
    return latin1(this.bytes, this.targetStart, this.targetEnd);
  }

  /** All values of a name, joined as RFC 9110 §5.3 allows; undefined where there is none. */
  joined(name: number): string | undefined {
    let text: string | undefined;
    if (!this.has(name)) return text;
    for (let index = 0; index < this.fieldCount; index++) {
      if (this.ids[index] !== name) continue;
      text = text === undefined ? this.value(index) : `${text}, ${this.value(index)}`;
    }
    return text;
  }
}

/**
 * Reads a request head. Empty lines before it are passed over (RFC 9112 §2.2). Bytes beyond
 * `limits.headBytes` are not looked at: INCOMPLETE with that many means that it is too large.
 *
 * @returns where the head ends, INCOMPLETE or FAULTY
 */
export function readRequestHead(
  head: Head,
  bytes: Buffer,
  start: number,
  given: number,
  limits: HeadLimits,
): number {
  let at = start;
  while (at + 1 < given && bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  head.bytes = bytes;
  head.start = at;
  head.method = '';
  head.isResponse = false;
  const end = Math.min(given, at + limits.headBytes);
  if (at >= end || (bytes[at] === CR && at + 1 === end)) return INCOMPLETE;

  while (at < end && TOKEN_LOWER[bytes[at]!] !== 0) at++;
  if (at - head.start > METHOD_BYTES_MAX) return fault(head, 'method_too_long');
  if (at === end) return INCOMPLETE;
  if (bytes[at] !== SP || at === head.start)
    return fault(head, lineFault(bytes[at]!, 'bad_method'));
  head.method = methodOf(bytes, head.start, at);

  at += 1;
  head.targetStart = at;
  const targetLimit = at + limits.targetBytes;
  while (at < end && IS_TARGET[bytes[at]!] === 1) at++;
  if (at > targetLimit) return fault(head, 'target_too_long');
  if (at === end) return INCOMPLETE;
  if (bytes[at] !== SP || at === head.targetStart) {
    const isVersionless = bytes[at] === CR && at > head.targetStart;
    return fault(head, lineFault(bytes[at]!, isVersionless ? 'bad_version' : 'bad_target'));
  }
  head.targetEnd = at;

  at = readVersion(head, bytes, at + 1, end);
  if (at <= 0) return at;
  if (at + 1 >= end)
    return at < end && bytes[at] !== CR
      ? fault(head, lineFault(bytes[at]!, 'bad_version'))
      : INCOMPLETE;
  if (bytes[at] !== CR) return fault(head, lineFault(bytes[at]!, 'bad_version'));
  if (bytes[at + 1] !== LF) return fault(head, 'bare_cr');
  return readFields(head, bytes, at + 2, end, limits);
}

/**
 * Reads a response head.
 *
 * @returns where the head ends, INCOMPLETE or FAULTY
 */
export function readResponseHead(
  head: Head,
  bytes: Buffer,
  start: number,
  given: number,
  limits: HeadLimits,
): number {
  head.bytes = bytes;
  head.start = start;
  head.isResponse = true;
  const end = Math.min(given, start + limits.headBytes);
  let at = readVersion(head, bytes, start, end);
  if (at <= 0) return at;
  head.versionEnd = at;
  if (at + 4 >= end) return INCOMPLETE;
  if (bytes[at] !== SP) return fault(head, 'bad_status_line');
  const status = (bytes[at + 1]! - 48) * 100 + (bytes[at + 2]! - 48) * 10 + (bytes[at + 3]! - 48);
  if (!isDigit(bytes[at + 1]!) || !isDigit(bytes[at + 2]!) || !isDigit(bytes[at + 3]!)) {
    return fault(head, 'bad_status_line');
  }
  // RFC 9110 §15: there are no others, and HTTP/2 could not pass them on.
  if (status < 100 || status > 599) return fault(head, 'bad_status_line');
  head.status = status;
  at += 4;
  // Some servers leave out the space where there is no reason phrase; it goes on with it.
  head.lacksSpace = bytes[at] === CR;
  if (bytes[at] !== SP && bytes[at] !== CR)
    return fault(head, lineFault(bytes[at]!, 'bad_status_line'));
  while (at < end && IS_FIELD_VALUE[bytes[at]!] === 1) at++;
  if (at + 1 >= end) return INCOMPLETE;
  if (bytes[at] !== CR) return fault(head, lineFault(bytes[at]!, 'bad_status_line'));
  if (bytes[at + 1] !== LF) return fault(head, 'bare_cr');
  return readFields(head, bytes, at + 2, end, limits);
}

/**
 * Reads a trailer section (RFC 9112 §7.1.2).
 *
 * @returns where the section ends, INCOMPLETE or FAULTY
 */
export function readTrailers(
  head: Head,
  bytes: Buffer,
  start: number,
  given: number,
  limits: HeadLimits,
): number {
  head.start = start;
  return readFields(head, bytes, start, Math.min(given, start + limits.headBytes), limits);
}

/** Reads header lines up to and with the empty line. */
function readFields(
  head: Head,
  bytes: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
): number {
  const { ids, nameStarts, nameEnds, valueStarts, valueEnds } = head;
  const fieldsMax = limits.fields;
  let at = start;
  let count = 0;
  let seen = 0;
  let repeated = 0;
  head.bytes = bytes;
  for (;;) {
    if (at >= end) return INCOMPLETE;
    let byte = bytes[at]!;
    if (TOKEN_LOWER[byte] === 0) {
      if (byte !== CR) return fault(head, nameFault(byte, true));
      if (at + 1 >= end) return INCOMPLETE;
      if (bytes[at + 1] !== LF) return fault(head, 'bare_cr');
      break;
    }
    if (count >= fieldsMax) return fault(head, 'too_many_fields');

    nameStarts[count] = at;
    const known = findKnown(bytes, at, end);
    let id: number = NAME.other;
    if (known !== undefined) {
      id = idOf(known, head, at, limits);
      at += known.bytes.length;
    } else {
      do {
        at += 1;
        if (at >= end) return INCOMPLETE;
        byte = bytes[at]!;
      } while (TOKEN_LOWER[byte] !== 0);
      if (byte !== COLON) {
        if (!head.isResponse || !isSpace(byte)) return fault(head, nameFault(byte, false));
        const moved = moveColon(bytes, at, end);
        if (moved === INCOMPLETE) return INCOMPLETE;
        if (moved === FAULTY) return fault(head, 'space_before_colon');
        at = nameStarts[count]!;
        continue;
      }
      const first = bytes[nameStarts[count]!]!;
      if ((first | 0x20) === LOWER_X && !head.isResponse) {
        id = idByPrefix(bytes, nameStarts[count]!, at, limits);
      }
    }
    nameEnds[count] = at;
    ids[count] = id;
    repeated |= seen & (1 << id);
    seen |= 1 << id;

    at += 1;
    while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    valueStarts[count] = at;
    while (at < end && IS_FIELD_VALUE[bytes[at]!] === 1) at++;
    if (at >= end) return INCOMPLETE;
    if (bytes[at] !== CR) return fault(head, lineFault(bytes[at]!, 'bad_field_value'));
    if (at + 1 >= end) return INCOMPLETE;
    if (bytes[at + 1] !== LF) return fault(head, 'bare_cr');
    let valueEnd = at;
    while (valueEnd > valueStarts[count]! && isSpace(bytes[valueEnd - 1]!)) valueEnd--;
    valueEnds[count] = valueEnd;
    at += 2;
    count += 1;
  }
  nameStarts[count] = at;
  head.fieldCount = count;
  head.seen = seen & ~1;
  head.repeated = repeated & ~1;
  head.end = at + 2;
  return at + 2;
}

/** The number of the field whose name stands at a place, and is a known one or looks like it. */
function idOf(known: KnownName, head: Head, at: number, limits: HeadLimits): number {
  const { bytes, isResponse } = head;
  const { hyphens, id, lookalikeId, isAlwaysDropped } = known;
  for (let index = 0; index < hyphens.length; index++) {
    if (bytes[at + hyphens[index]!] === HYPHEN) continue;
    return isResponse || limits.keepsSpoofable === true ? NAME.other : lookalikeId;
  }
  if (id !== NAME.dropped) return id;
  return isResponse || (limits.keepsSpoofable === true && !isAlwaysDropped) ? NAME.other : id;
}

/** The number of a request's field that is known by how its name begins, if at all. */
function idByPrefix(bytes: Buffer, start: number, end: number, limits: HeadLimits): number {
  for (let at = 0; at < PROXY_PREFIX.length; at++) {
    if (TOKEN_FOLDED[bytes[start + at]!] !== PROXY_PREFIX.charCodeAt(at)) return NAME.other;
  }
  for (let at = start; at < end; at++) {
    if (TOKEN_FOLDED[bytes[at]!] !== HYPHEN || bytes[at] === HYPHEN) continue;
    return limits.keepsSpoofable === true ? NAME.other : NAME.dropped;
  }
  return NAME.proxyOnly;
}

/** The known name that stands whole at a place, or one that looks like it; its colon is behind it. */
function findKnown(bytes: Buffer, at: number, end: number): KnownName | undefined {
  const candidates = KNOWN_BY_FIRST[bytes[at]!];
  if (candidates === undefined) return undefined;
  for (let index = 0; index < candidates.length; index++) {
    const name: KnownName = candidates[index]!;
    const spelling = name.bytes;
    const nameEnd = at + spelling.length;
    // The colon's place tells nearly all of them apart before a letter is compared.
    if (nameEnd >= end || bytes[nameEnd] !== COLON) continue;
    let offset = 1;
    while (offset < spelling.length && TOKEN_FOLDED[bytes[at + offset]!] === spelling[offset]) {
      offset += 1;
    }
    if (offset === spelling.length) return name;
  }
  return undefined;
}

/**
 * A proxy has to take the white space before a colon out of a response (RFC 9112 §5.1): swaps the
 * two where they lie.
 *
 * @returns where the colon stands now, INCOMPLETE or FAULTY
 */
function moveColon(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isSpace(bytes[at]!)) at++;
  if (at === end) return INCOMPLETE;
  if (bytes[at] !== COLON) return FAULTY;
  bytes[at] = SP;
  bytes[start] = COLON;
  return start;
}

/** @returns where the version ends, INCOMPLETE or FAULTY */
function readVersion(head: Head, bytes: Buffer, start: number, end: number): number {
  const name = 'HTTP/';
  for (let index = 0; index < name.length; index++) {
    if (start + index >= end) return INCOMPLETE;
    if (bytes[start + index] !== name.charCodeAt(index)) return fault(head, 'bad_version');
  }
  if (start + 8 > end) return INCOMPLETE;
  const major = bytes[start + 5]!;
  const minor = bytes[start + 7]!;
  if (!isDigit(major) || bytes[start + 6] !== 46 || !isDigit(minor)) {
    return fault(head, 'bad_version');
  }
  if (major !== 49) return fault(head, 'unsupported_version');
  head.minorVersion = minor === 48 ? 0 : 1;
  head.isHttp11 = minor === 49;
  return start + 8;
}

function methodOf(bytes: Buffer, start: number, end: number): string {
  for (const method of KNOWN_METHODS) {
    if (method.length !== end - start) continue;
    let index = 0;
    while (index < method.length && bytes[start + index] === method.charCodeAt(index)) index++;
    if (index === method.length) return method;
  }
  return latin1(bytes, start, end);
}

function fault(head: Head, which: Fault): number {
  head.fault = which;
  return FAULTY;
}

/** What a byte says that stands where a line should have gone on or ended properly. */
function lineFault(byte: number, otherwise: Fault): Fault {
  if (byte === LF) return 'bare_lf';
  if (byte === CR) return otherwise === 'bad_field_value' ? 'bare_cr' : otherwise;
  return otherwise;
}

function nameFault(byte: number, first: boolean): Fault {
  if (byte === LF) return 'bare_lf';
  if (isSpace(byte)) return first ? 'folded_line' : 'space_before_colon';
  return 'bad_field_name';
}

function isSpace(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}
