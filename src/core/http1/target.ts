/** The form of a request target (RFC 9112 §3.2), and the host that it, or the Host field, names. */
import { BRACKET, BRACKET_END, COLON, IS_HOST_NAME, IS_IP_LITERAL } from './chars.ts';

/** A target in absolute form, taken apart. */
export interface AbsoluteTarget {
  authority: string;
  /** Path and query. */
  path: string;
  /** Whether it has neither. */
  isBare: boolean;
}

/**
 * `http://host/path` taken apart (RFC 9112 §3.2.2); undefined where it is not in absolute form or
 * not one that HTTP can mean (other scheme, user information, no host).
 */
export function parseAbsoluteTarget(target: string): AbsoluteTarget | undefined {
  const match = /^https?:\/\/([^/?]+)(.*)$/i.exec(target);
  if (match === null) return undefined;
  const authority = match[1]!;
  if (!isHost(Buffer.from(authority, 'latin1'), 0, authority.length)) return undefined;
  const rest = match[2]!;
  return {
    authority,
    path: rest.startsWith('/') ? rest : `/${rest}`,
    isBare: rest === '',
  };
}

/**
 * Whether the bytes are a host with an optional port: a name, an IPv4 address or an IP literal in
 * brackets. Empty is one too (RFC 9112 §3.2), but not with a port. RFC 3986 §3.2.2.
 */
export function isHost(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  if (at < end && bytes[at] === BRACKET) {
    at += 1;
    while (at < end && IS_IP_LITERAL[bytes[at]!] === 1) at++;
    if (at === end || bytes[at] !== BRACKET_END || at === start + 1) return false;
    at += 1;
  } else {
    while (at < end && IS_HOST_NAME[bytes[at]!] === 1) at++;
  }
  if (at === end) return true;
  if (bytes[at] !== COLON || at === start) return false;
  for (at += 1; at < end; at++) if (bytes[at]! < 48 || bytes[at]! > 57) return false;
  return true;
}
