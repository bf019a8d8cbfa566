/**
 * Who may use the admin API (spec §1, §9). The unix socket is guarded by its file mode. On TCP:
 * with a token, whoever shows it; without one, clients of this machine alone, and only under a
 * name of this machine, so that a web page cannot reach it by a DNS name of its own.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';

export interface Refusal {
  readonly status: 401 | 403;
  readonly error: string;
  readonly help: string;
}

/**
 * @param token empty: none is set
 * @param isPublic the route gives nothing away (the page that asks for the token)
 * @returns null where the request may go on
 */
export function refusalOf(
  request: IncomingMessage,
  token: string,
  isPublic: boolean,
): Refusal | null {
  const host = request.headers.host ?? '';
  if (token === '') {
    if (!isLoopback(request.socket.remoteAddress ?? '')) {
      return refuse(403, 'loopback_only', 'Set admin.token to use the admin API from elsewhere.');
    }
    if (!isLoopbackName(host)) {
      return refuse(
        403,
        'host_not_loopback',
        `The Host header is "${host}": without admin.token it must be localhost or 127.0.0.1.`,
      );
    }
  } else if (!isPublic && !isToken(request.headers.authorization ?? '', token)) {
    return refuse(401, 'token_needed', 'Send the header: Authorization: Bearer <admin.token>');
  }
  return crossSite(request, host);
}

/** Browsers tell where a request comes from; only pages of our own may change anything. */
function crossSite(request: IncomingMessage, host: string): Refusal | null {
  if (request.method === 'GET' || request.method === 'HEAD') return null;
  const { origin, 'sec-fetch-site': site } = request.headers;
  const isForeign = origin !== undefined && hostOf(origin) !== host;
  const isOtherSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (!isForeign && !isOtherSite) return null;
  return refuse(403, 'cross_site', 'Pages of other sites may not change this instance.');
}

function refuse(status: Refusal['status'], error: string, help: string): Refusal {
  return { status, error, help };
}

function isToken(authorization: string, token: string): boolean {
  const given = /^Bearer (\S+)$/i.exec(authorization)?.[1] ?? '';
  // Digests are of one length, and tell nothing by how long they take to compare.
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/, '');
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}

function isLoopbackName(host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  return name === 'localhost' || name === '[::1]' || isLoopback(name);
}

function hostOf(origin: string): string {
  try {
    return new URL(origin).host;
  } catch {
    return '';
  }
}
