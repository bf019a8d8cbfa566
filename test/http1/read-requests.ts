/**
 * Reads a client's bytes as a connection does: head, framing, body, next head. The bytes of each
 * piece lie within others, and are gone once they were read, as with the worker's read buffers.
 */
import { BodyReader, type PayloadSink } from '../../src/core/http1/body.ts';
import type { Fault } from '../../src/core/http1/faults.ts';
import { BODY, Framing, frameRequest } from '../../src/core/http1/framing.ts';
import {
  DEFAULT_HEAD_LIMITS,
  FAULTY,
  Head,
  type HeadLimits,
  INCOMPLETE,
  readRequestHead,
} from '../../src/core/http1/head.ts';
import { HeadReader } from '../../src/core/http1/reader.ts';

export interface ReadRequest {
  method: string;
  target: string;
  minorVersion: number;
  fields: [name: string, value: string][];
  keepAlive: boolean;
  upgrade: boolean;
  expectContinue: boolean;
  /** Without chunk framing. */
  payload: string;
  /** The body as it would be passed on. */
  relayed: string;
  /** The head as it is written for a server; empty without a writer. */
  written: string;
}

export interface Outcome {
  requests: ReadRequest[];
  /** How it ended: at the end of a message, in the middle of one, or with a fault. */
  end: 'between' | 'partial' | Fault;
}

export interface ReadOptions {
  limits?: HeadLimits;
  /** Writes each head on, while it is readable. */
  write?: (head: Head, framing: Framing) => string;
  /** What stands behind a piece in its buffer. */
  behind?: string;
}

export function readRequests(pieces: readonly Buffer[], options: ReadOptions = {}): Outcome {
  const { limits = DEFAULT_HEAD_LIMITS, write = () => '', behind = '\r\n\r\n' } = options;
  const head = new Head();
  const framing = new Framing();
  const reader = new HeadReader(head, readRequestHead, limits);
  const body = new BodyReader();
  const requests: ReadRequest[] = [];
  const sink: PayloadSink = {
    payload: (bytes, start, end) => {
      requests.at(-1)!.payload += bytes.toString('latin1', start, end);
    },
  };
  let inBody = false;

  for (const piece of pieces) {
    const lent = Buffer.concat([Buffer.from('x'), piece, Buffer.from(behind)]);
    let bytes: Buffer = lent;
    let at = 1;
    let end = 1 + piece.length;
    while (at < end) {
      const before = at;
      if (inBody) {
        const upTo = body.take(bytes, at, end, sink);
        if (upTo < at || upTo > body.consumed || body.consumed > end)
          throw new Error('out of bounds');
        requests.at(-1)!.relayed += bytes.toString('latin1', at, upTo);
        at = body.consumed;
        if (body.fault !== undefined) return { requests, end: body.fault };
        if (body.done) {
          inBody = false;
          if (body.heldEnd) requests.at(-1)!.relayed += `${body.trailers}\r\n`;
        } else if (at !== end) throw new Error('bytes of the body were left over');
        continue;
      }
      const upTo = reader.take(bytes, at, end);
      if (upTo === INCOMPLETE) break;
      if (upTo === FAULTY) return { requests, end: head.fault };
      bytes = head.bytes;
      end = reader.restEnd;
      at = upTo;
      if (at > end || (bytes === lent && at <= before)) throw new Error('out of bounds');
      const fault = frameRequest(head, framing);
      if (fault !== undefined) return { requests, end: fault };
      requests.push({
        method: head.method,
        target: head.target(),
        minorVersion: head.minorVersion,
        fields: Array.from({ length: head.fieldCount }, (_, index) => [
          head.name(index),
          head.value(index),
        ]),
        keepAlive: framing.keepAlive,
        upgrade: framing.upgrade,
        expectContinue: framing.expectContinue,
        payload: '',
        relayed: '',
        written: write(head, framing),
      });
      body.begin(framing.body, framing.contentLength);
      inBody = framing.body !== BODY.none;
    }
    lent.fill(0xff);
  }
  return { requests, end: inBody || reader.isPartial ? 'partial' : 'between' };
}
