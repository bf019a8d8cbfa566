/**
 * Addresses as a configuration writes them: `host:port`, `:port`, `[v6]:port`, `unix:/path`.
 *
 * Two spellings of one address have one canonical form, by which a server is known everywhere:
 * host names in lower case, IPv6 in its shortest form and in brackets, the port without zeros.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import type { Parsed } from './units.ts';

/** `host` is an IP address without brackets, a DNS name, or '' for every interface. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

const EXAMPLE = 'like 10.0.0.5:8080, app.internal:8080, [::1]:8080 or unix:/run/app.sock';
/** The length of `sockaddr_un.sun_path` on Linux, its closing zero taken off (unix(7)). */
const UNIX_PATH_BYTES_MAX = 107;
/** RFC 1123 §2.1, and the underscore that containers and service discovery use. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

export function parseAddress(text: string): Parsed<Address> {
  const trimmed = text.trim();
  if (trimmed.startsWith('unix:')) return parseUnix(trimmed.slice('unix:'.length));
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)/i.exec(trimmed);
  if (scheme !== null) {
    const plain = `an address has no scheme: write "${scheme[2] || 'host:port'}"`;
    const isTls = scheme[1]!.toLowerCase() === 'https';
    return refuse(isTls ? `${plain}; TLS to a server is its setting tls` : plain);
  }
  if (/[\s/?#@]/.test(trimmed)) {
    const host = /^[^\s/?#@]+/.exec(trimmed)?.[0];
    return refuse(
      trimmed.includes('/') && host?.includes(':')
        ? `an address has no path: write "${host}"`
        : `an address is written ${EXAMPLE}`,
    );
  }
  return parseTcp(trimmed);
}

/** The canonical spelling; `parseAddress` takes it back. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

function parseUnix(path: string): Parsed<Address> {
  if (!path.startsWith('/')) return refuse('the path of a unix socket starts with a slash');
  if (/\p{Cc}/u.test(path))
    return refuse('the path of a unix socket cannot contain control characters');
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) {
    return refuse(`the path of a unix socket has at most ${UNIX_PATH_BYTES_MAX} bytes`);
  }
  return { ok: true, value: { kind: 'unix', path } };
}

function parseTcp(text: string): Parsed<Address> {
  if (text === '') return refuse(`the address is empty; it is written ${EXAMPLE}`);
  if (isIPv6(text)) return refuse(`an IPv6 address needs brackets: ${bracketsMeant(text)}`);
  if (/^-?\d+$/.test(text)) {
    if (!isPort(Number(text))) return refuse(PORT_RANGE);
    return refuse(
      `a port alone is ambiguous: write ":${text}" to listen on it, "127.0.0.1:${text}" for a server`,
    );
  }
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text);
  if (match === null) {
    if (/^(\[[^\]]*\]|[\w.-]*)$/.test(text) && text.length < 300) {
      return refuse(`the port is missing: write "${text}:8080"`);
    }
    if (/:$/.test(text)) return refuse(`the port is missing: write "${text.slice(0, 300)}8080"`);
    if (/^[^:]*:[^:]*$/.test(text)) return refuse(PORT_RANGE);
    return refuse(`an address is written ${EXAMPLE}`);
  }
  const port = Number(match[3]);
  if (!isPort(port)) return refuse(PORT_RANGE);
  if (match[1] !== undefined) return bracketed(match[1], port);
  const host = match[2]!.toLowerCase();
  const flaw = hostFlaw(host);
  if (flaw !== undefined) return refuse(flaw);
  return { ok: true, value: { kind: 'tcp', host, port } };
}

const PORT_RANGE = 'the port is a number from 1 to 65535';

function isPort(port: number): boolean {
  return port >= 1 && port <= 65535;
}

/** The last group of `::1:8080` may be the port, and mostly is where it has digits alone. */
function bracketsMeant(text: string): string {
  const [, host, port] = /^(.*[^:]):(\d{2,5})$/.exec(text) ?? [];
  return host !== undefined && isIPv6(host) && isPort(Number(port))
    ? `write "[${host}]:${port}"`
    : `write "[${text}]:8080"`;
}

function labelsOf(host: string): string[] {
  return host.replace(/\.$/, '').split('.');
}

function bracketed(host: string, port: number): Parsed<Address> {
  if (!isIPv6(host)) return refuse(`"${host}" in brackets is not an IPv6 address`);
  return { ok: true, value: { kind: 'tcp', host: shortIPv6(host), port } };
}

/** @param host in lower case @returns what is wrong with it as a name or IPv4 address */
export function hostFlaw(host: string): string | undefined {
  if (host === '' || isIPv4(host)) return undefined;
  if (/^[\d.]+$/.test(host)) return `"${host}" is not an IPv4 address: four numbers from 0 to 255`;
  if (host === '*') return 'to listen on every interface, leave out the host, like ":8080"';
  if (host.length > 253 || !labelsOf(host).every((label) => LABEL.test(label))) {
    const ascii = domainToASCII(host);
    const isMended = ascii !== host && labelsOf(ascii).every((label) => LABEL.test(label));
    return isMended
      ? `"${host}" is written ${ascii} in DNS`
      : `"${host}" is not a host name: letters, digits and hyphens between dots`;
  }
  return undefined;
}

/** RFC 5952, through the URL parser of the platform; a zone (`%eth0`) is kept as it stands. */
function shortIPv6(host: string): string {
  const [address, zone] = host.split('%', 2) as [string, string | undefined];
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  return zone === undefined ? short : `${short}%${zone}`;
}

/** An IP address, an IPv4-mapped one (`::ffff:1.2.3.4`) as IPv4; empty where the text is none. */
export function plainIp(text: string): string {
  if (isIP(text) === 0) return '';
  return /^::ffff:[\d.]+$/i.test(text) ? text.slice(7) : text;
}

/** `10.0.0.0/8`, `::1/128`, or an address alone, which stands for itself. */
export function parseCidr(text: string): Parsed<string> {
  const [address, prefix, ...rest] = text.trim().split('/') as [string, ...string[]];
  const family = isIP(address);
  if (family === 0 || rest.length > 0) {
    const star = /^((?:\d{1,3}\.){1,3})\*(\.\*)*$/.exec(text.trim())?.[1];
    if (star !== undefined) {
      const given = star.split('.').length - 1;
      return refuse(
        `a network cannot contain a star: write "${star}${'0.'.repeat(3 - given)}0/${given * 8}"`,
      );
    }
    return refuse('a network is written like 10.0.0.0/8, 192.168.1.7 or 2001:db8::/32');
  }
  const prefixMax = family === 4 ? 32 : 128;
  if (prefix !== undefined && (!/^\d{1,3}$/.test(prefix) || Number(prefix) > prefixMax)) {
    return refuse(`the part after the slash is a number from 0 to ${prefixMax}`);
  }
  const host = family === 6 ? shortIPv6(address) : address;
  return { ok: true, value: prefix === undefined ? host : `${host}/${Number(prefix)}` };
}

function refuse(reason: string): { ok: false; reason: string } {
  return { ok: false, reason };
}
