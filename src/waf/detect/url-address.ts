/** What a URL reaches: its host read as lax clients read it, and where that lies. */

import { isWordStart } from './sql-tokens.ts';

/** Schemes that make a fetching server talk to something that is no web server. */
export const ODD_SCHEMES = new Set([
  'gopher',
  'dict',
  'file',
  'ldap',
  'ldaps',
  'tftp',
  'netdoc',
  'jar',
  'sftp',
  'expect',
  'jdbc',
  'rmi',
  'iiop',
  'mysql',
  'redis',
  'memcached',
  'smtp',
  'imap',
  'telnet',
  'ssh',
  'local_file',
  'ogg',
  'smb',
  'unix',
  'view-source',
]);

/** Places of the cloud that hold its keys, by name. */
const METADATA_NAMES: ReadonlySet<string> = new Set([
  'metadata.google.internal',
  'metadata.goog',
  'metadata',
  'instance-data',
  'instance-data.ec2.internal',
  'metadata.azure.com',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'metadata.oraclecloud.com',
  'metadata.nicl',
  'kubernetes.default.svc',
  'kubernetes.default',
  'rancher-metadata',
  'metadata.packet.net',
  'metadata.platformequinix.com',
]);

/** Names that resolve to what stands in them. */
const ECHO_NAMES = [
  '.nip.io',
  '.xip.io',
  '.sslip.io',
  'localtest.me',
  '.lvh.me',
  'lvh.me',
  'vcap.me',
  'spoofed.burpcollaborator.net',
  '1u.ms',
  '.rbndr.us',
  'lacolhost.com',
  'yoogle.com',
  'readme.localtest.me',
  'customer1.app.localhost.my.company.127.0.0.1.nip.io',
];

/** Services that tell an attacker that a server has called. */
const CALLBACK_NAMES = [
  'burpcollaborator.net',
  'oastify.com',
  'interact.sh',
  'oast.pro',
  'oast.live',
  'oast.site',
  'oast.online',
  'oast.fun',
  'oast.me',
  'dnslog.cn',
  'ceye.io',
  'bxss.me',
  'xss.ht',
  'canarytokens.com',
  'dnslog.link',
  'requestrepo.com',
  'pingb.in',
  'eyes.sh',
];

/** The last two labels of those: a host that ends otherwise is none of them. */
const KNOWN_ENDS: ReadonlySet<string> = new Set([...ECHO_NAMES, ...CALLBACK_NAMES].map(endOf));

function endOf(host: string): string {
  const dot = host.lastIndexOf('.', host.lastIndexOf('.') - 1);
  return host.slice(dot + 1);
}

/** Schemes whose addresses hold no blank; what gopher sends may. */
export const WEB_SCHEMES = new Set(['', 'http', 'https', 'file']);

export function isSlash(code: number): boolean {
  return code === 47 || code === 92;
}

export function isEcho(host: string): boolean {
  return KNOWN_ENDS.has(endOf(host)) && ECHO_NAMES.some((it) => host.endsWith(it));
}

export function isCallback(host: string): boolean {
  return (
    KNOWN_ENDS.has(endOf(host)) &&
    CALLBACK_NAMES.some((it) => host === it || host.endsWith(`.${it}`))
  );
}

interface Address {
  readonly scheme: string;
  readonly host: string;
  /** Path and query. */
  readonly rest: string;
  /** A user part or backslashes stand where a reader may take them for the host. */
  readonly odd: boolean;
}

export function readAddress(text: string): Address | undefined {
  let at = 0;
  while (
    at < text.length &&
    at < 16 &&
    (isWordStart(text.charCodeAt(at)) || (at > 0 && '+-.0123456789'.includes(text[at]!)))
  )
    at++;
  let scheme = '';
  if (at > 1 && text[at] === ':') {
    scheme = text.slice(0, at).toLowerCase();
    at++;
    if (scheme === 'url' || scheme === 'view-source' || scheme === 'jar') {
      const inner = readAddress(text.slice(at));
      if (inner) return { ...inner, scheme: scheme === 'url' ? inner.scheme : scheme };
    }
    // A single slash, or none at all, is enough for many readers; letters alone are not an address.
    if (text[at] !== '/' && text[at] !== '\\') {
      if (!ODD_SCHEMES.has(scheme) && scheme !== 'http' && scheme !== 'https') return undefined;
      if (scheme !== 'http' && scheme !== 'https') return undefined;
    }
  } else {
    at = 0;
    if (!/^(?:\/\/|\\\\|\/\\|\\\/)/.test(text)) {
      // A bare host is an address only where it can be nothing else.
      if (text.startsWith('169.254.169.254') || text.startsWith('[::ffff:a9fe:a9fe]'))
        return { scheme: '', host: '169.254.169.254', rest: '', odd: false };
      return undefined;
    }
  }
  while (text[at] === '/' || text[at] === '\\') at++;
  let end = at;
  while (end < text.length && !'/?#\\'.includes(text[end]!) && text.charCodeAt(end) > 32) end++;
  const authority = text.slice(at, end);
  const sign = authority.lastIndexOf('@');
  let host = authority.slice(sign + 1).toLowerCase();
  let odd = sign >= 0;
  // http://good.example#@127.0.0.1/ and \@: what one reader calls a fragment, another a user.
  const hidden =
    text[end] === '#' || text[end] === '\\'
      ? /^.[^/]{0,20}@([\w.:[\]-]{1,60})/.exec(text.slice(end, end + 80))
      : null;
  if (hidden && reachOf(hidden[1]!.toLowerCase()).kind !== 'public') {
    host = hidden[1]!.toLowerCase();
    odd = true;
  }
  if (host.startsWith('[')) {
    const close = host.indexOf(']');
    host = close < 0 ? host : host.slice(0, close + 1);
  } else if (host.includes(':')) host = host.slice(0, host.indexOf(':'));
  // A C string ends at its NUL, and so does the host that is looked up.
  const nul = host.search(/%00|\0/);
  if (nul >= 0) host = host.slice(0, nul);
  return { scheme, host: plainHost(host), rest: text.slice(end), odd };
}

/** Circled digits and full stops of other scripts are digits and dots to a resolver. */
function plainHost(host: string): string {
  let plain = host;
  for (let at = 0; at < host.length; at++) {
    if (host.charCodeAt(at) > 0x7f) {
      plain = host
        .normalize('NFKC')
        .replaceAll('\u3002', '.')
        .replaceAll('\uff61', '.')
        .toLowerCase();
      break;
    }
  }
  return plain.endsWith('.') ? plain.slice(0, -1) : plain;
}

interface Reach {
  readonly kind: 'metadata' | 'internal' | 'public';
  /** An address written otherwise than in four decimal numbers. */
  readonly disguised: boolean;
  /** Whether it is the machine itself. */
  readonly loopback: boolean;
  /** Whether the host is an address at all. */
  readonly address: boolean;
}

export function reachOf(host: string): Reach {
  if (METADATA_NAMES.has(host))
    return { kind: 'metadata', disguised: false, loopback: false, address: false };
  if (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === 'localhost.localdomain' ||
    host === 'ip6-localhost' ||
    host === '0'
  ) {
    return { kind: 'internal', disguised: host === '0', loopback: true, address: false };
  }
  let disguised = false;
  let ip = -1;
  if (host.startsWith('[')) {
    const six = host.slice(1, -1).split('%')[0]!;
    disguised = true;
    if (/^[0:]{0,38}:(?:0{0,3}1)?$/.test(six) || /^[0:]{0,38}:1$/.test(six))
      return { kind: 'internal', disguised, loopback: true, address: true };
    if (/^fd00:ec2::254$/.test(six))
      return { kind: 'metadata', disguised, loopback: false, address: true };
    if (/^f[cd]|^fe[89ab]/.test(six))
      return { kind: 'internal', disguised, loopback: false, address: true };
    const mapped =
      /^(?:0{0,4}:){2,6}ffff:(?:0{1,4}:)?(.{3,40})$/.exec(six) ??
      /^64:ff9b::(.{3,40})$/.exec(six) ??
      /^::(\d{1,3}\..{3,40})$/.exec(six);
    if (!mapped) return { kind: 'public', disguised, loopback: false, address: true };
    ip = mappedAddress(mapped[1]!);
  } else ip = looseAddress(host);
  if (ip < 0) return { kind: 'public', disguised, loopback: false, address: false };
  disguised ||= !isDotted(host);
  if (ip === 0xa9fea9fe || ip === 0x646464c8 || ip === 0xa9feaa02)
    return { kind: 'metadata', disguised, loopback: false, address: true };
  const first = ip >>> 24;
  const second = (ip >>> 16) & 255;
  const internal =
    first === 127 ||
    first === 10 ||
    first === 0 ||
    (first === 192 && second === 168) ||
    (first === 172 && second >= 16 && second < 32) ||
    (first === 169 && second === 254) ||
    (first === 100 && second >= 64 && second < 128);
  return {
    kind: internal ? 'internal' : 'public',
    disguised,
    loopback: first === 127,
    address: true,
  };
}

/** Four decimal numbers from 0 to 255 without leading zeros. */
function isDotted(host: string): boolean {
  const parts = host.split('.');
  return (
    parts.length === 4 &&
    parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
  );
}

/** inet_aton's reading: one to four numbers, each decimal, octal or hexadecimal; -1 for a name. */
function looseAddress(host: string): number {
  const first = host.charCodeAt(0);
  if (!(first >= 48 && first <= 57) || host.length > 64) return -1;
  const parts = host.split('.');
  if (parts.length > 4) return -1;
  let value = 0;
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!;
    let number = Number.NaN;
    if (/^0x[0-9a-f]{1,12}$/.test(part)) number = Number.parseInt(part.slice(2), 16);
    else if (/^0[0-7]{1,16}$/.test(part)) number = Number.parseInt(part, 8);
    else if (/^\d{1,12}$/.test(part)) number = Number.parseInt(part, 10);
    if (Number.isNaN(number)) return -1;
    const last = index === parts.length - 1;
    if (last) value = value * 256 ** (5 - parts.length) + number;
    else value = value * 256 + (number % 256);
  }
  return value % 2 ** 32;
}

function mappedAddress(tail: string): number {
  if (tail.includes('.')) return looseAddress(tail);
  const [high, low] = tail.split(':');
  if (high === undefined || low === undefined) return -1;
  return Number.parseInt(high, 16) * 65536 + Number.parseInt(low, 16);
}

/** Where a client's own programs are found, as an agent's settings have them. */
export const OWN_NAMES = /^(?:base_?ur[il]|api_?base(?:_?ur[il])?)$/i;
