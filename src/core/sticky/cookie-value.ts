/**
 * The value of a session cookie: 27 bytes as 36 characters of base64url.
 *
 *     6 bytes  the server, as HMAC-SHA-256 of its address: it names none
 *     5 bytes  when it was issued, in seconds since 1970
 *    16 bytes  HMAC-SHA-256 of the 11 before, cut to half as RFC 2104 §5 allows
 *
 * It holds nothing of the client: all who are bound to a server in one second share it, so that it
 * follows nobody.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { BindableServer } from './persistence.ts';

export const VALUE_LENGTH = 36;
const VALUE_BYTES = 27;
const ID_BYTES = 6;
/** Six bytes are eight characters exactly. */
const ID_LENGTH = 8;
const SIGNED_BYTES = 11;
const MAC_BYTES = 16;

/** One key, with the servers as it names them. */
export class CookieKey {
  readonly #secret: string;
  readonly #rows = new Map<string, number>();
  readonly #ids = new Map<number, string>();

  /** @param secret at least 16 characters that others cannot guess */
  constructor(secret: string, servers: readonly BindableServer[]) {
    this.#secret = secret;
    for (const { name, row } of servers) {
      const id = this.#mac('server ', name).toString('base64url', 0, ID_BYTES);
      this.#ids.set(row, id);
      this.#rows.set(id, row);
    }
  }

  /** @param row of one of the servers given */
  sign(row: number, issuedS: number): string {
    const bytes = Buffer.alloc(VALUE_BYTES);
    bytes.write(this.#ids.get(row)!, 'base64url');
    bytes.writeUIntBE(issuedS, ID_BYTES, SIGNED_BYTES - ID_BYTES);
    this.#mac('session ', bytes.subarray(0, SIGNED_BYTES)).copy(bytes, SIGNED_BYTES, 0, MAC_BYTES);
    return bytes.toString('base64url');
  }

  /** Whether this key signed the value; in constant time. */
  signed(bytes: Buffer): boolean {
    const mac = this.#mac('session ', bytes.subarray(0, SIGNED_BYTES));
    return timingSafeEqual(mac.subarray(0, MAC_BYTES), bytes.subarray(SIGNED_BYTES));
  }

  /** The server that a value signed by this key names; -1 where it is configured no more. */
  rowOf(value: string): number {
    return this.#rows.get(value.slice(0, ID_LENGTH)) ?? -1;
  }

  /** @param purpose keeps names of servers and values apart */
  #mac(purpose: string, of: string | Buffer): Buffer {
    return createHmac('sha256', this.#secret).update(purpose).update(of).digest();
  }
}

/** The bytes of a value; undefined where it is malformed, or spelt otherwise than we do. */
export function valueBytes(value: string): Buffer | undefined {
  if (value.length !== VALUE_LENGTH) return undefined;
  const bytes = Buffer.from(value, 'base64url');
  return bytes.length === VALUE_BYTES && bytes.toString('base64url') === value ? bytes : undefined;
}

export function issuedAtS(bytes: Buffer): number {
  return bytes.readUIntBE(ID_BYTES, SIGNED_BYTES - ID_BYTES);
}
