/**
 * What is wrong, or soon will be, with a certificate or a key: from the bytes of its file alone.
 * A fault's text follows the name of the file: "cert.pem: expired on 2026-01-01, 3 days ago".
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

export interface CertificateFault {
  severity: 'error' | 'warning';
  message: string;
  /** How to mend it. */
  help: string;
}

export type Reading<T> = { ok: true; value: T } | { ok: false; fault: CertificateFault };

/** A certificate that ends sooner than this is warned about. */
export const EXPIRY_WARNING_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The certificates of a PEM file in their order, at least one. */
export function readCertificates(bytes: Buffer): Reading<X509Certificate[]> {
  const blocks = pemBlocks(bytes.toString('latin1'));
  const wanted = blocks.filter(({ label }) => CERTIFICATE_LABELS.has(label));
  if (wanted.length === 0) return { ok: false, fault: noCertificate(bytes, blocks) };
  const certificates: X509Certificate[] = [];
  for (const [index, { text }] of wanted.entries()) {
    try {
      certificates.push(new X509Certificate(text));
    } catch {
      const which = wanted.length === 1 ? 'its certificate' : `certificate ${index + 1} of it`;
      return refuse(
        `${which} is damaged`,
        'copy the file anew, whole, as text; "openssl x509 -in FILE -noout -text" reads it',
      );
    }
  }
  return { ok: true, value: certificates };
}

/** The private key of a PEM file. */
export function readKey(bytes: Buffer): Reading<KeyObject> {
  const blocks = pemBlocks(bytes.toString('latin1'));
  const block = blocks.find(({ label }) => label.endsWith('PRIVATE KEY'));
  if (block === undefined) return { ok: false, fault: noKey(bytes, blocks) };
  if (block.label.startsWith('ENCRYPTED') || block.text.includes('Proc-Type: 4,ENCRYPTED')) {
    return refuse(
      'the key is locked with a passphrase, and nobody is there to type it',
      'unlock it: openssl pkey -in FILE -out key.pem && chmod 600 key.pem',
    );
  }
  try {
    return { ok: true, value: createPrivateKey(block.text) };
  } catch {
    return refuse('its private key is damaged', 'copy the file anew, whole, as text');
  }
}

/** The host names that it is for; those of its subject count no more (RFC 9525). */
export function hostNamesOf(certificate: X509Certificate): string[] {
  return alternativeNames(certificate, /(?:^|, )DNS:([^,"]+)/g).map((name) => name.toLowerCase());
}

/** Host names and addresses, as people want to see them. */
export function shownNamesOf(certificate: X509Certificate): string[] {
  return alternativeNames(certificate, /(?:DNS|IP Address):([^\s,"]+)/g);
}

function alternativeNames({ subjectAltName = '' }: X509Certificate, pattern: RegExp): string[] {
  return [...subjectAltName.matchAll(pattern)].map(([, name]) => name!);
}

/** Faults of a certificate that is shown to a peer: `chain` begins with it. */
export function inspectCertificate(
  chain: readonly X509Certificate[],
  nowMs: number,
): CertificateFault[] {
  const [leaf] = chain;
  return leaf === undefined ? [] : inspectDates(leaf, nowMs, 'get a new one');
}

/** Faults that only servers' certificates have: browsers look at the alternative names alone. */
export function inspectNames(chain: readonly X509Certificate[]): CertificateFault[] {
  if (chain[0] === undefined || chain[0].subjectAltName !== undefined) return [];
  return [
    {
      severity: 'warning',
      message: 'it names no host (it has no subjectAltName), and browsers refuse it',
      help: 'get one that has; openssl req takes -addext subjectAltName=DNS:example.com',
    },
  ];
}

/** Faults of a file of authorities: one that is valid is enough. */
export function inspectAuthorities(
  authorities: readonly X509Certificate[],
  nowMs: number,
): CertificateFault[] {
  const best = authorities.reduce<X509Certificate | undefined>((longest, one) => {
    const isLonger = longest === undefined || one.validToDate > longest.validToDate;
    return isLonger ? one : longest;
  }, undefined);
  return best === undefined ? [] : inspectDates(best, nowMs, 'get the new one of the authority');
}

/** Whether the key is that of the first certificate. */
export function inspectPair(chain: readonly X509Certificate[], key: KeyObject): CertificateFault[] {
  // Not KeyObject.equals: on keys of two kinds it leaves an error behind that the next call throws.
  const at = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (at === 0 || chain.length === 0) return [];
  if (at > 0) {
    return [
      {
        severity: 'error',
        message: `the certificate of this key is number ${at + 1} of the file`,
        help: 'put it first, and those of the authorities after it',
      },
    ];
  }
  const message = 'the key and the certificate do not belong together';
  const help = 'name the key with which the certificate was asked for';
  return [{ severity: 'error', message, help }];
}

/** @param mode of the file that holds the key */
export function inspectKeyMode(mode: number): CertificateFault[] {
  if ((mode & 0o007) === 0) return [];
  const help = 'chmod 600 FILE, or 640 with the group of openclaw';
  return [{ severity: 'warning', message: 'every user of this machine can read the key', help }];
}

function inspectDates(
  { validFromDate, validToDate }: X509Certificate,
  nowMs: number,
  mend: string,
): CertificateFault[] {
  const daysLeft = (validToDate.getTime() - nowMs) / DAY_MS;
  if (daysLeft <= 0) {
    const message = `expired on ${day(validToDate)}, ${days(-daysLeft)} ago`;
    return [{ severity: 'error', message, help: mend }];
  }
  if (validFromDate.getTime() > nowMs) {
    const message = `not valid before ${validFromDate.toISOString()}`;
    const clock = new Date(nowMs).toISOString();
    return [{ severity: 'error', message, help: `wait, or set the clock, which says ${clock}` }];
  }
  if (daysLeft > EXPIRY_WARNING_DAYS) return [];
  const message = `expires on ${day(validToDate)}, in ${days(daysLeft)}`;
  return [{ severity: 'warning', message, help: mend }];
}

function noCertificate(bytes: Buffer, blocks: readonly PemBlock[]): CertificateFault {
  if (blocks.some(({ label }) => label.endsWith('PRIVATE KEY'))) {
    return error(
      'it holds a private key and no certificate',
      'perhaps certificate and key are swapped',
    );
  }
  const request = blocks.some(({ label }) => label.endsWith('CERTIFICATE REQUEST'));
  if (request) {
    return error(
      'it holds a request for a certificate, not the certificate',
      'name the file that the authority sent back',
    );
  }
  if (canRead(() => new X509Certificate(bytes))) {
    return error(
      'the certificate is in DER, and PEM is needed',
      'openssl x509 -inform der -in FILE -out cert.pem',
    );
  }
  return noPem(bytes, 'certificate');
}

function noKey(bytes: Buffer, blocks: readonly PemBlock[]): CertificateFault {
  if (blocks.some(({ label }) => CERTIFICATE_LABELS.has(label))) {
    return error(
      'it holds a certificate and no private key',
      'perhaps certificate and key are swapped',
    );
  }
  const isDer =
    canRead(() => createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })) ||
    canRead(() => createPrivateKey({ key: bytes, format: 'der', type: 'pkcs1' })) ||
    canRead(() => createPrivateKey({ key: bytes, format: 'der', type: 'sec1' }));
  if (isDer) {
    return error('the key is in DER, and PEM is needed', 'openssl pkey -in FILE -out key.pem');
  }
  if (blocks.some(({ label }) => label.endsWith('PUBLIC KEY'))) {
    return error(
      'it holds the public key, not the private one',
      'name the file of the private key',
    );
  }
  return noPem(bytes, 'private key');
}

function noPem(bytes: Buffer, wanted: string): CertificateFault {
  // A sequence that begins with the version 3 (RFC 7292, section 4).
  const isPkcs12 = bytes[0] === 0x30 && bytes.subarray(0, 8).includes('\u0002\u0001\u0003');
  if (isPkcs12) {
    return error(
      'this is a PKCS#12 file (.p12, .pfx), and PEM is needed',
      'openssl pkcs12 -in FILE -nokeys -out cert.pem; openssl pkcs12 -in FILE -nocerts -noenc -out key.pem',
    );
  }
  const label = wanted.toUpperCase();
  const message = bytes.length === 0 ? 'the file is empty' : `it holds no ${wanted} in PEM`;
  return error(
    message,
    `its text has a line "-----BEGIN ${label}-----" and ends with "-----END ..."`,
  );
}

interface PemBlock {
  label: string;
  text: string;
}

const CERTIFICATE_LABELS = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']);

/** What stands between BEGIN and END lines (RFC 7468); what is not closed is left out. */
function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  const begins = /-----BEGIN ([A-Z0-9 ]{1,64})-----/g;
  for (let begin = begins.exec(text); begin !== null; begin = begins.exec(text)) {
    const label = begin[1]!;
    const ending = `-----END ${label}-----`;
    const end = text.indexOf(ending, begins.lastIndex);
    if (end === -1) break;
    blocks.push({ label, text: text.slice(begin.index, end + ending.length) });
    begins.lastIndex = end + ending.length;
  }
  return blocks;
}

function canRead(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

function refuse(message: string, help: string): { ok: false; fault: CertificateFault } {
  return { ok: false, fault: error(message, help) };
}

function error(message: string, help: string): CertificateFault {
  return { severity: 'error', message, help };
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function days(count: number): string {
  const whole = Math.floor(count);
  return whole === 0 ? 'less than a day' : `${whole} day${whole === 1 ? '' : 's'}`;
}
