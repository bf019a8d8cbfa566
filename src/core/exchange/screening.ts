/**
 * The firewall in the way of one request: its head is looked at at once, its body when it is whole
 * or has reached the firewall's limit. A request that may be blocked goes to no server before.
 */

import { CLEAN, type Verdict } from '../../waf/catalogue.ts';
import type { HeaderList, HeadView, Waf } from '../../waf/index.ts';
import type { PayloadSink } from '../http1/body.ts';
import { BODY, type Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import { decoded } from './content-coding.ts';

/**
 * What the bodies that wait for their verdict may take together in one worker. Beyond it requests
 * are refused: to let them pass unseen would be an invitation.
 */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;
/**
 * So many bytes of framing for a byte of a body, and some more, are framing for its own sake: the
 * chunks of an honest client are longer than one byte.
 */
const FRAMING_FACTOR_MAX = 8;
const FRAMING_BYTES_MAX = 64 * 1024;

/** Bodies of one worker that wait for the firewall's verdict. */
export class WaitingBodies {
  byteCount = 0;
}

export class Screening implements PayloadSink {
  /** On the head; with the body once that was looked at. */
  verdict: Verdict = CLEAN;
  /** The body has still to be looked at. */
  isOpen = false;
  readonly #waiting: WaitingBodies;
  #waf: Waf | null = null;
  #target = '';
  #contentType = '';
  #contentCoding = '';
  #pieces: Buffer[] = [];
  #payloadBytes = 0;
  #isTruncated = false;
  /** A body that is not looked at whole goes to no server. */
  #refusesOversize = false;

  constructor(waiting: WaitingBodies) {
    this.#waiting = waiting;
  }

  /** Whether the request must not reach a server yet. */
  get holds(): boolean {
    return this.isOpen && this.#waf!.options.mode === 'block';
  }

  /** Whether what is known so far is enough to refuse the request. */
  get blocks(): boolean {
    return this.#waf?.blocks(this.verdict) === true;
  }

  /** Whether the request counts as an attack, blocked or not. */
  get isHit(): boolean {
    return this.verdict.isHit;
  }

  get threshold(): number {
    return this.#waf!.options.anomalyThreshold;
  }

  /** Another request: looks at its head, which is readable during the call only. */
  begin(waf: Waf, head: Head, framing: Framing): void {
    this.#waf = waf;
    const isClean = waf.headIsClean(head.bytes, head.start, head.nameStarts[head.fieldCount]!);
    this.verdict = isClean ? CLEAN : waf.inspectHead(viewOf(head));
    this.isOpen = framing.body !== BODY.none && waf.options.bodyBytesLimit > 0 && !this.blocks;
    this.#isTruncated = false;
    if (!this.isOpen) return;
    this.#target = head.target();
    this.#contentType = head.joined(NAME.contentType) ?? '';
    this.#contentCoding = head.joined(NAME.contentEncoding) ?? '';
    this.#refusesOversize = waf.refusesLength(Number.POSITIVE_INFINITY);
    // A length that is known refuses before the body is asked for.
    const length = framing.body === BODY.length ? framing.contentLength : 0;
    this.#isTruncated = waf.refusesLength(length);
  }

  /** A piece of the body, without its framing. */
  payload(bytes: Buffer, start: number, end: number): void {
    const room = this.#waf!.options.bodyBytesLimit - this.#payloadBytes;
    if (end - start > room) this.#isTruncated = true;
    const upTo = Math.min(end, start + room);
    if (upTo === start) return;
    this.#pieces.push(Buffer.from(bytes.subarray(start, upTo)));
    this.#payloadBytes += upTo - start;
    this.#waiting.byteCount += upTo - start;
  }

  /** Whether as much of the body came as the firewall looks at, or one byte more where that tells. */
  get isFull(): boolean {
    if (this.#isTruncated) return true;
    return !this.#refusesOversize && this.#payloadBytes === this.#waf!.options.bodyBytesLimit;
  }

  /** Whether the request is refused because some of its body would pass unseen. */
  get isOversize(): boolean {
    return this.#refusesOversize && this.#isTruncated;
  }

  /** @param heldBytes of the body, framing included, that wait with the request */
  isPadded(heldBytes: number): boolean {
    return heldBytes > this.#payloadBytes * FRAMING_FACTOR_MAX + FRAMING_BYTES_MAX;
  }

  /** Whether bodies wait for more verdicts than this worker has room for. */
  get isCrowded(): boolean {
    return this.#waiting.byteCount > WAITING_BYTES_MAX;
  }

  /**
   * Looks at the body, and at the fields behind it as at headers.
   *
   * @param isWhole false: only its beginning came
   * @param trailers lines as they go on to a server
   */
  finish(isWhole: boolean, trailers = ''): void {
    const [only = EMPTY] = this.#pieces;
    const sent = this.#pieces.length > 1 ? Buffer.concat(this.#pieces) : only;
    const limit = this.#waf!.options.bodyBytesLimit;
    const { bytes, isCut } = decoded(sent, this.#contentCoding, limit);
    this.#isTruncated ||= !isWhole || isCut;
    const body = this.#waf!.inspectBody({
      target: this.#target,
      contentType: this.#contentType,
      bytes,
      isTruncated: this.#isTruncated,
    });
    this.verdict = this.#waf!.join(this.verdict, body);
    if (trailers !== '') {
      const fields = this.#waf!.inspectTrailers(this.#target, fieldsOf(trailers));
      this.verdict = this.#waf!.join(this.verdict, fields);
    }
    this.close();
  }

  /** The body is not looked at (any more): lets go of it. */
  close(): void {
    this.isOpen = false;
    this.#waiting.byteCount -= this.#payloadBytes;
    this.#payloadBytes = 0;
    if (this.#pieces.length > 0) this.#pieces = [];
  }
}

/** What the firewall says of a request, in the order in which the shared table counts it. */
export const WAF_VERDICTS = ['blocked', 'detected', 'noted'] as const;
const EMPTY = Buffer.alloc(0);

function fieldsOf(trailers: string): HeaderList {
  const lines = trailers.split('\r\n').filter((line) => line !== '');
  const colonOf = (index: number): number => lines[index]!.indexOf(':');
  return {
    length: lines.length,
    name: (index) => lines[index]!.slice(0, colonOf(index)),
    value: (index) => lines[index]!.slice(colonOf(index) + 1).trim(),
  };
}

function viewOf(head: Head): HeadView {
  return {
    method: head.method,
    target: head.target(),
    headers: {
      length: head.fieldCount,
      name: (index) => head.name(index),
      value: (index) => head.value(index),
    },
  };
}
