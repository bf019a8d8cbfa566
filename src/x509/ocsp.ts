/**
 * What an authority's responder says of certificates (OCSP, RFC 6960 §4.2), from the bytes of its
 * answer. The signature is for clients to look at; here it counts whether the answer is of use.
 */
import type { X509Certificate } from 'node:crypto';
import type { CertificateFault, Reading } from './certificate.ts';

/** What is said of one certificate. */
export interface OcspStatus {
  readonly serial: bigint;
  readonly status: 'good' | 'revoked' | 'unknown';
  /** Milliseconds since 1970, up to which it may be shown; infinite where nothing is said. */
  readonly untilMs: number;
}

const ANOTHER = 'ask the authority anew: openssl ocsp ... -respout FILE';
const STATUSES = ['good', 'revoked', 'unknown'] as const;
const TAG = { sequence: 0x30, octets: 0x04, enumerated: 0x0a, time: 0x18 } as const;
/** A context-specific tag, constructed: [0]. */
const CONTEXT = { first: 0xa0 } as const;

export function readOcsp(bytes: Buffer): Reading<OcspStatus[]> {
  try {
    return readResponse(bytes);
  } catch {
    return refuse(
      'it is no answer of an OCSP responder',
      'write it in DER, as openssl ocsp -respout does',
    );
  }
}

/** What is wrong with an answer for this certificate; without an error it can be shown. */
export function inspectOcsp(
  statuses: readonly OcspStatus[],
  leaf: X509Certificate,
  nowMs: number,
): CertificateFault[] {
  const own = statusOf(statuses, leaf);
  if (own === undefined) {
    return [
      {
        severity: 'error',
        message: 'it is about another certificate than cert_path',
        help: ANOTHER,
      },
    ];
  }
  if (own.status !== 'good') {
    const message = `it says that the certificate is ${own.status}`;
    return [{ severity: 'warning', message, help: 'get a new certificate' }];
  }
  if (own.untilMs > nowMs) return [];
  const message = `it was good until ${new Date(own.untilMs).toISOString()}, and is not shown`;
  return [{ severity: 'warning', message, help: ANOTHER }];
}

export function statusOf(
  statuses: readonly OcspStatus[],
  leaf: X509Certificate,
): OcspStatus | undefined {
  const serial = BigInt(`0x${leaf.serialNumber}`);
  return statuses.find((one) => one.serial === serial);
}

function readResponse(bytes: Buffer): Reading<OcspStatus[]> {
  const response = new Der(bytes).into(TAG.sequence);
  const verdict = response.take(TAG.enumerated);
  if (verdict[0] !== 0) return refuse(`the responder refused to answer (${verdict[0]})`, ANOTHER);
  const body = response.into(CONTEXT.first).into(TAG.sequence);
  body.skip(); // its type: id-pkix-ocsp-basic is the only one
  const data = new Der(body.take(TAG.octets)).into(TAG.sequence).into(TAG.sequence);
  if (data.tag === CONTEXT.first) data.skip(); // the version
  data.skip(); // who responds
  data.skip(); // when
  const list = data.into(TAG.sequence);
  const statuses: OcspStatus[] = [];
  while (!list.isAtEnd) statuses.push(readStatus(list.into(TAG.sequence)));
  return { ok: true, value: statuses };
}

function readStatus(single: Der): OcspStatus {
  const id = single.into(TAG.sequence);
  for (let field = 0; field < 3; field++) id.skip(); // how names and keys are hashed, and hashes
  const serial = BigInt(`0x${id.take().toString('hex')}`);
  const status = STATUSES[single.tag & 0x1f];
  if (status === undefined) throw new RangeError('no status');
  single.skip();
  single.take(TAG.time); // from when on
  const isBounded = single.tag === CONTEXT.first;
  const untilMs = isBounded ? timeOf(single.into(CONTEXT.first).take(TAG.time)) : Infinity;
  return { serial, status, untilMs };
}

/** 20261123180000Z (RFC 5280 §4.1.2.5.2). */
function timeOf(bytes: Buffer): number {
  const text = bytes.toString('latin1');
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) throw new RangeError('no time');
  return ms;
}

function refuse(message: string, help: string): Reading<never> {
  return { ok: false, fault: { severity: 'error', message, help } };
}

/** Values of DER one after the other (X.690 §8.1); throws where there is none. */
class Der {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Of the value that comes next; 0 at the end. */
  get tag(): number {
    return this.#bytes[this.#at] ?? 0;
  }

  into(tag: number): Der {
    return new Der(this.take(tag));
  }

  skip(): void {
    this.take();
  }

  /** The content of the next value, which must have this tag where one is given. */
  take(tag = this.tag): Buffer {
    if (this.isAtEnd || tag !== this.tag) throw new RangeError('another value was expected');
    const first = this.#bytes.readUInt8(this.#at + 1);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (lengthBytes > 4) throw new RangeError('too long');
    const start = this.#at + 2 + lengthBytes;
    const length = lengthBytes === 0 ? first : this.#bytes.readUIntBE(this.#at + 2, lengthBytes);
    const end = start + length;
    if (end > this.#bytes.length || first === 0x80) throw new RangeError('cut off');
    this.#at = end;
    return this.#bytes.subarray(start, end);
  }
}
