/**
 * Server-side request forgery: a value that is an address is taken apart as lax URL readers do,
 * and its host resolved to what it would reach: names, and every spelling of an IPv4 or mapped IPv6
 * address (decimal, octal, hexadecimal, shortened).
 */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { isWordStart } from './sql-tokens.ts';

const LENGTH_MAX = 2048;

/** Schemes that make a fetching server talk to something that is no web server. */
const ODD_SCHEMES = new Set([
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

/** Where a browser is sent back to: a loopback address there is a native app's (RFC 8252 §7.3). */
const RETURN_NAMES =
  /(?:redirect|return|callback|continue|next|back|origin|referer|referrer|logout|issuer|audience|cors|homepage|goto|relaystate|post_?login|success|cancel)/i;
/** What is read and not fetched: a search, a message, where a visitor came from. */
const TEXT_NAMES =
  /^(?:q|query|search|s|term|keywords?|text|message|comment|content|note|title|body|description|refer+er|origin)$/i;
/** What a server fetches. */
const FETCH_NAMES =
  /(?:^|[_.\-[\]])(?:u|url|uri|link|src|source|target|dest|destination|fetch|proxy|image|img|avatar|picture|webhook|hook|feed|rss|load|site|host|domain|page|file|path|document|doc|pdf|remote|open|import|download|preview|render|location|href|endpoint|server|backend|api|addr|address|request|view|data|content|template|include|xml|wsdl|to|out|show|navigation|window|port|ref|forward|upload|thumbnail|screenshot|resource|icon|logo|website)(?:$|[_.\-[\]])|url$|uri$/i;

/** A file of a person's, or of a project's. */
const OWN_FILE = /^file:\/\/\/(?:home|Users|workspaces?|[A-Za-z](?::|%3A))\/[^.]/;

/** Schemes whose addresses hold no blank; what gopher sends may. */
const WEB_SCHEMES = new Set(['', 'http', 'https', 'file']);

/** Whether a text begins as an address does, or may name the metadata service within it. */
export function mayHoldUrl(subject: Subject): boolean {
  const { text, characters: c } = subject;
  const first = text.charCodeAt(0);
  if (first <= 32 || first > 127 || first === 91) return true; // blanks, [::1]
  if (isSlash(first) ? isSlash(text.charCodeAt(1)) : hasScheme(text)) return true;
  if ((c & f.DOT) === 0) return false;
  if (text.includes('169.254.') || text.includes('100.100.')) return true;
  return text.length >= METADATA_LENGTH_MIN && subject.lower.includes('metadata.g');
}

/** Of metadata.google.internal */
const METADATA_LENGTH_MIN = 24;

/** Whether a colon follows at most so many characters as a scheme has. */
function hasScheme(text: string): boolean {
  for (let at = 1; at <= SCHEME_LENGTH_MAX; at++) {
    const code = text.charCodeAt(at);
    if (code === 58) return true;
    if (!(code > 32)) return false;
  }
  return false;
}

const SCHEME_LENGTH_MAX = 16;

function isSlash(code: number): boolean {
  return code === 47 || code === 92;
}

export function detectUrl(subject: Subject, findings: Findings): void {
  const { place } = subject;
  if (place === 'header' && subject.name === 'host') return;
  if (place === 'json' && subject.trusting && subject.name === subject.text) return; // a key
  const text = subject.text.trim();
  if (text.length > LENGTH_MAX) {
    elsewhere(subject, findings);
    return;
  }
  const address = readAddress(text);
  if (!address) {
    elsewhere(subject, findings);
    return;
  }
  const { scheme, host, rest, odd } = address;
  const report = (signal: string, why: string): void => {
    if (WEB_SCHEMES.has(scheme) && subject.readsOn(text)) return; // an address that a sentence is about
    findings.signal(signal, subject, 0, 120, why);
  };

  if (
    (place !== 'header' || (ODD_SCHEMES.has(scheme) && scheme !== 'file')) &&
    (host !== '' || (rest.length > 1 && rest.charCodeAt(0) > 32)) &&
    (ODD_SCHEMES.has(scheme) || ((scheme === 'jar' || scheme === 'netdoc') && rest !== ''))
  ) {
    // An editor names its own files so; what servers keep is named by a rule of its own.
    const own = scheme === 'file' && subject.trusting && OWN_FILE.test(text);
    if (
      !(
        place === 'json' &&
        (own ||
          [
            'mysql',
            'redis',
            'jdbc',
            'smtp',
            'ssh',
            'sftp',
            'unix',
            'imap',
            'ldap',
            'ldaps',
            'memcached',
            'smb',
          ].includes(scheme))
      )
    ) {
      report('ssrf-scheme', `the scheme ${scheme}:`);
    }
  }
  const reach = reachOf(host);
  if (place === 'header' && host !== '' && reach.kind === 'metadata') {
    report('ssrf-metadata', `the host ${host} is the cloud's metadata service`);
  } else if (place === 'header' && reach.kind === 'internal' && FETCH_HEADERS.test(subject.name)) {
    report('ssrf-internal', `the host ${host} is this machine or its network`);
  } else if (place === 'header' || host === '') {
    if (isCallback(host)) report('ssrf-callback', `the host ${host}`);
  }
  if (place === 'header' || host === '') return;
  const returning =
    reach.loopback && (RETURN_NAMES.test(subject.name) || OWN_NAMES.test(subject.name));
  if (reach.kind === 'metadata')
    report('ssrf-metadata', `the host ${host} is the cloud's metadata service`);
  else if (reach.kind === 'internal' && (reach.disguised || odd))
    report('ssrf-internal', `the host ${host}, in disguise, is this machine or its network`);
  else if (
    reach.kind === 'internal' &&
    !returning &&
    !TEXT_NAMES.test(subject.name) &&
    (FETCH_NAMES.test(subject.name) || (place !== 'json' && place !== 'xml'))
  )
    report('ssrf-internal', `the host ${host} is this machine or its network`);
  else if (reach.kind === 'internal')
    report('ssrf-internal-return', `the host ${host} is this machine or its network`);
  else if (isEcho(host)) report('ssrf-internal', `the name ${host} resolves to what stands in it`);
  else if (isCallback(host)) report('ssrf-callback', `the host ${host}`);
  else if (includesRemote(subject, scheme, host, rest, reach.address))
    report('path-remote', `a program on another host, ${host}`);
}

function isEcho(host: string): boolean {
  return KNOWN_ENDS.has(endOf(host)) && ECHO_NAMES.some((it) => host.endsWith(it));
}

function isCallback(host: string): boolean {
  return (
    KNOWN_ENDS.has(endOf(host)) &&
    CALLBACK_NAMES.some((it) => host === it || host.endsWith(`.${it}`))
  );
}

/** Addresses of the metadata service within a longer text. */
function elsewhere(subject: Subject, findings: Findings): void {
  if (subject.place === 'header') return;
  const { lower } = subject;
  if (!lower.includes('169.254.') && !lower.includes('metadata.g') && !lower.includes('100.100.'))
    return;
  if (subject.prose || subject.document) return;
  if (lower.startsWith('169.254.') && subject.readsOn(lower)) return;
  for (const mark of ['169.254.169.254', 'metadata.google.internal', '100.100.100.200/latest']) {
    const at = lower.indexOf(mark);
    if (at >= 0) {
      findings.signal('ssrf-metadata', subject, at - 8, at + 60, 'names the metadata service');
      return;
    }
  }
}

interface Address {
  readonly scheme: string;
  readonly host: string;
  /** Path and query. */
  readonly rest: string;
  /** A user part or backslashes stand where a reader may take them for the host. */
  readonly odd: boolean;
}

function readAddress(text: string): Address | undefined {
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

/** A header of a program's own that names what its server is to fetch or where it is to turn to. */
const FETCH_HEADERS =
  /^x-.{0,30}(?:callback|hook|proxy|dest|target|fetch|profile|forwarded-(?:for|host)|original-ur[il]|rewrite-ur[il]|image|avatar|src|endpoint|feed|upstream|backend)/;
/** Where a client's own programs are found, as an agent's settings have them. */
const OWN_NAMES = /^(?:base_?ur[il]|api_?base(?:_?ur[il])?)$/i;

const INCLUDE_NAMES =
  /^(?:file|page|include|inc|path|template|doc|document|dir|lang|language|load|module|mod|view|content|layout|theme|style|root|conf|config|class|plugin|body|main|show|cat|locale|pg|p|site|require|basedir|abs_path|absolute_path|base_?path|.*_(?:path|dir|root|file))$/i;

/** ?page=http://host/x.txt: remote file inclusion. */
function includesRemote(
  subject: Subject,
  scheme: string,
  host: string,
  rest: string,
  isAddress: boolean,
): boolean {
  if (subject.place !== 'query' && subject.place !== 'form' && subject.place !== 'cookie')
    return false;
  if (!/^(?:https?|ftps?|)$/.test(scheme) || !host.includes('.')) return false;
  if (RETURN_NAMES.test(subject.name)) return false;
  const named = INCLUDE_NAMES.test(subject.name);
  const path = rest.toLowerCase();
  const program =
    /\.(?:txt|php\d?|phtml|inc|jpg|gif|png|asp|aspx|jsp|pl|cgi|sh|dat|log)\??(?:\?|%00|\0|$)/.test(
      path,
    );
  const cut = path.endsWith('?') || path.endsWith('?\0') || path.includes('\0');
  if (named && (program || cut || scheme.startsWith('ftp')))
    return !/\.(?:jpg|gif|png)$/.test(path);
  if (isAddress && /\.(?:txt|php\d?|phtml|inc|sh|pl|cgi)\b/.test(path)) return true;
  return /\/(?:c99|r57|shell|cmd|backdoor|webshell|evil|rfi)\w{0,10}\.(?:txt|php|jpg|gif)/.test(
    path,
  );
}
