/** Gathers the bytes of a head until it is whole, within the limits. */
import { LF } from './chars.ts';
import { FAULTY, type Head, type HeadLimits, INCOMPLETE } from './head.ts';

/** `readRequestHead`, `readResponseHead` or `readTrailers`. */
export type ReadHead = (
  head: Head,
  bytes: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
) => number;

/**
 * A head that comes whole in one piece is read where it lies. One that comes in pieces is copied
 * together, and read again only when a line feed came that could end it: a peer that sends byte
 * by byte cannot make us read the same bytes over and over.
 */
export class HeadReader {
  /** The bytes gathered so far; null between heads. */
  gathered: Buffer | null = null;
  #gatheredBytes = 0;
  /** Empty lines that came before the head, and were not gathered. */
  #skippedBytes = 0;
  /** After a whole head: where the bytes that came with it end, in `head.bytes`. */
  restEnd = 0;
  /** May be others for each head. */
  limits: HeadLimits;
  readonly #head: Head;
  readonly #read: ReadHead;

  constructor(head: Head, read: ReadHead, limits: HeadLimits) {
    this.#head = head;
    this.#read = read;
    this.limits = limits;
  }

  /** Whether part of a head is there. */
  get isPartial(): boolean {
    return this.gathered !== null;
  }

  /**
   * Reads on. After a result above 0, `head.bytes` and the result say where the rest lies: either
   * in the bytes given, or, where the head came in pieces, in the reader's own.
   *
   * @returns where the head ends in `head.bytes`, INCOMPLETE or FAULTY
   */
  take(bytes: Buffer, start: number, end: number): number {
    if (this.gathered !== null) return this.#takeMore(bytes, start, end);
    this.restEnd = end;
    const at = this.#readOnce(bytes, start, end);
    if (at !== INCOMPLETE) return at;
    this.#skippedBytes += this.#head.start - start;
    if (this.#head.start < end) this.#gather(bytes, this.#head.start, end);
    return at;
  }

  reset(): void {
    this.gathered = null;
    this.#gatheredBytes = 0;
    this.#skippedBytes = 0;
  }

  #takeMore(bytes: Buffer, start: number, end: number): number {
    this.#gather(bytes, start, end);
    const size = this.#gatheredBytes;
    if (size < this.limits.headBytes && !hasLineFeed(bytes, start, end)) return INCOMPLETE;
    const at = this.#readOnce(this.gathered!, 0, size);
    this.restEnd = size;
    if (at !== INCOMPLETE) this.reset();
    else if (this.#head.start > 0) this.#skip(this.#head.start);
    return at;
  }

  #readOnce(bytes: Buffer, start: number, end: number): number {
    const { headBytes } = this.limits;
    const head = this.#head;
    const at = this.#read(head, bytes, start, end, this.limits);
    const isTooLarge = at === INCOMPLETE && end - head.start >= headBytes;
    if (!isTooLarge && this.#skippedBytes + head.start - start <= headBytes) {
      if (at !== INCOMPLETE) this.#skippedBytes = 0;
      return at;
    }
    head.fault = 'head_too_large';
    return FAULTY;
  }

  /** Forgets the empty lines at the beginning of what was gathered. */
  #skip(bytes: number): void {
    this.#skippedBytes += bytes;
    this.#gatheredBytes -= bytes;
    if (this.#gatheredBytes === 0) this.gathered = null;
    else this.gathered!.copyWithin(0, bytes, bytes + this.#gatheredBytes);
  }

  #gather(bytes: Buffer, start: number, end: number): void {
    const size = this.#gatheredBytes + end - start;
    if (this.gathered === null || this.gathered.length < size) {
      const larger = Buffer.allocUnsafeSlow(Math.max(1024, size * 2));
      this.gathered?.copy(larger, 0, 0, this.#gatheredBytes);
      this.gathered = larger;
    }
    bytes.copy(this.gathered, this.#gatheredBytes, start, end);
    this.#gatheredBytes = size;
  }
}

function hasLineFeed(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === LF) return true;
  return false;
}
