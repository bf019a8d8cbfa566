import { latin1 } from '../../base/latin1.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import { CookiePairs, withoutLastSeparator } from './cookie-pairs.ts';
import { CookieKey, issuedAtS, VALUE_LENGTH, valueBytes } from './cookie-value.ts';
import type {
  BindableServer,
  Binding,
  CheckedCookie,
  Persistence,
  ServerVerdicts,
  StickyClient,
} from './persistence.ts';

/** The session cookie's attributes (RFC 6265 §4.1.2). */
export interface CookieAttributes {
  readonly name: string;
  readonly path: string;
  /** Empty: the host that was asked. */
  readonly domain: string;
  /** How long it lasts; 0: until the browser closes. */
  readonly expiresMs: number;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: 'lax' | 'strict' | 'none';
}

/** Most cookies of our name in one request that are verified; the others count as forged. */
const CHECKS_MAX = 4;
/** Most keys: each costs a forged cookie one HMAC. */
export const COOKIE_KEYS_MAX = 8;

/**
 * Knows a client by a cookie that names its server under a key (see cookie-value.ts). Forged,
 * expired and malformed ones are as if they were not there.
 *
 * The client is told its server when its own cookie does not name it, and anew when more than
 * half of the cookie's life is over, so that a session in use never ends by `expires`, or when its
 * key is no more the one that signs.
 *
 * The name is ours: requests lose the cookie on their way to a server, and a server's own
 * Set-Cookie of that name is dropped, for its value would take the place of ours at the client,
 * and never come back to the server.
 */
export class CookiePersistence implements Persistence {
  readonly #attributes: CookieAttributes;
  readonly #keys: readonly CookieKey[];
  readonly #pairs: CookiePairs;
  /** For each server the line last issued: it is the same for all clients within a second. */
  readonly #issued = new Map<number, { second: number; line: string }>();
  readonly #linesEnd: string;

  /** @param secrets the first signs, all are accepted; 1 to COOKIE_KEYS_MAX */
  constructor(
    attributes: CookieAttributes,
    secrets: readonly string[],
    servers: readonly BindableServer[],
  ) {
    if (secrets.length === 0 || secrets.length > COOKIE_KEYS_MAX) {
      throw new RangeError(`a session cookie has 1 to ${COOKIE_KEYS_MAX} keys`);
    }
    this.#attributes = attributes;
    this.#keys = secrets.map((secret) => new CookieKey(secret, servers));
    this.#pairs = new CookiePairs(attributes.name);
    const { secure, httpOnly, sameSite } = attributes;
    this.#linesEnd =
      (secure ? '; Secure' : '') +
      (httpOnly ? '; HttpOnly' : '') +
      `; SameSite=${sameSite[0]!.toUpperCase()}${sameSite.slice(1)}\r\n`;
  }

  find(
    head: Head,
    client: StickyClient,
    _servers: ServerVerdicts,
    binding: Binding,
    wallMs: number,
  ): void {
    if (!head.has(NAME.cookie)) return;
    const { bytes, ids, valueStarts, valueEnds } = head;
    const hasNamed = head.has(NAME.connection);
    const pairs = this.#pairs;
    let checks = 0;
    for (let index = 0; index < head.fieldCount; index++) {
      if (ids[index] !== NAME.cookie) continue;
      const end = valueEnds[index]!;
      let at = valueStarts[index]!;
      let rest = '';
      while (pairs.find(bytes, at, end)) {
        if (pairs.pairStart > at) rest += latin1(bytes, at, pairs.pairStart);
        at = pairs.pairEnd;
        if (binding.row !== -1 || checks === CHECKS_MAX) continue;
        checks += 1;
        this.#check(bytes, pairs.valueStart, pairs.valueEnd, client, binding, wallMs);
      }
      if (at === valueStarts[index]) continue;
      rest = at < end ? rest + latin1(bytes, at, end) : withoutLastSeparator(rest);
      // Not what a Connection field names: it would stop here.
      const stopsHere = hasNamed && head.named[index] === 1;
      if (rest !== '' && !stopsHere) binding.requestLines += `Cookie: ${rest}\r\n`;
      head.drop(index);
    }
  }

  bind(row: number, binding: Binding, wallMs: number): void {
    binding.row = row;
    binding.responseLines =
      row === binding.heldRow ? '' : this.#lineFor(row, Math.floor(wallMs / 1000));
  }

  respond(head: Head, binding: Binding): string {
    if (head.has(NAME.setCookie)) {
      for (let index = 0; index < head.fieldCount; index++) {
        if (head.ids[index] !== NAME.setCookie) continue;
        const start = head.valueStarts[index]!;
        if (this.#pairs.isSetBy(head.bytes, start, head.valueEnds[index]!)) head.drop(index);
      }
    }
    return binding.responseLines;
  }

  #check(
    bytes: Buffer,
    start: number,
    end: number,
    client: StickyClient,
    binding: Binding,
    wallMs: number,
  ): void {
    if (end - start !== VALUE_LENGTH) return;
    let checked = client.checkedCookie;
    if (checked === null || checked.by !== this || !isText(bytes, start, checked.value)) {
      checked = this.#verified(latin1(bytes, start, end));
      client.checkedCookie = checked;
    }
    if (checked.row === -1) return;
    const { expiresMs } = this.#attributes;
    const ageMs = wallMs - checked.issuedS * 1000;
    if (expiresMs > 0 && ageMs >= expiresMs) return;
    binding.row = checked.row;
    const isYoung = expiresMs === 0 || ageMs * 2 <= expiresMs;
    if (isYoung && checked.isCurrent) binding.heldRow = checked.row;
  }

  #verified(value: string): CheckedCookie {
    const bytes = valueBytes(value);
    const at = bytes === undefined ? -1 : this.#keys.findIndex((key) => key.signed(bytes));
    if (at === -1) return { by: this, value, row: -1, issuedS: 0, isCurrent: false };
    const row = this.#keys[at]!.rowOf(value);
    return { by: this, value, row, issuedS: issuedAtS(bytes!), isCurrent: at === 0 };
  }

  #lineFor(row: number, second: number): string {
    const issued = this.#issued.get(row);
    if (issued !== undefined && issued.second === second) return issued.line;
    const { name, path, domain, expiresMs } = this.#attributes;
    const lasts =
      expiresMs === 0
        ? ''
        : `; Max-Age=${Math.ceil(expiresMs / 1000)}` +
          `; Expires=${new Date(second * 1000 + expiresMs).toUTCString()}`;
    const line =
      `Set-Cookie: ${name}=${this.#keys[0]!.sign(row, second)}; Path=${path}` +
      `${domain === '' ? '' : `; Domain=${domain}`}${lasts}${this.#linesEnd}`;
    this.#issued.set(row, { second, line });
    return line;
  }
}

/** The bytes are as many as a value has. */
function isText(bytes: Buffer, start: number, text: string): boolean {
  for (let at = 0; at < VALUE_LENGTH; at++) {
    if (bytes[start + at] !== text.charCodeAt(at)) return false;
  }
  return true;
}
