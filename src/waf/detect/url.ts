/**
 * Server-side request forgery: a value that is an address is taken apart as lax URL readers do,
 * and its host resolved to what it would reach: names, and every spelling of an IPv4 or mapped IPv6
 * address (decimal, octal, hexadecimal, shortened).
 */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import {
  isCallback,
  isEcho,
  isSlash,
  ODD_SCHEMES,
  OWN_NAMES,
  reachOf,
  readAddress,
  WEB_SCHEMES,
} from './url-address.ts';

const LENGTH_MAX = 2048;

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

/** A header of a program's own that names what its server is to fetch or where it is to turn to. */
const FETCH_HEADERS =
  /^x-.{0,30}(?:callback|hook|proxy|dest|target|fetch|profile|forwarded-(?:for|host)|original-ur[il]|rewrite-ur[il]|image|avatar|src|endpoint|feed|upstream|backend)/;

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
