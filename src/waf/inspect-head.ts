/** Takes a request's head apart into values: target, header fields, cookies. */
import { decodeBase64 } from './base64.ts';
import { COOKIES_MAX, HEADERS_MAX, PATH_SEGMENTS_MAX } from './bounds.ts';
import { decodePercent, hasOverlong } from './decode.ts';
import { detectScanner } from './detect/scanner.ts';
import { detectSql } from './detect/sql.ts';
import * as f from './features.ts';
import type { Inspection } from './inspection.ts';
import { walkForm } from './parse/form.ts';
import type { HeaderList, HeadView } from './request.ts';
import { Subject } from './subject.ts';
import { agentTells, headerTells } from './telling.ts';

export function inspectHead(inspection: Inspection, { method, target, headers }: HeadView): void {
  const verb = method.toUpperCase();
  if (verb === 'TRACE' || verb === 'TRACK' || verb === 'DEBUG') {
    inspection.findings.say('protocol-method', 'method', '', 0, `the method ${verb}`, method);
  }
  readTarget(inspection, target);
  inspection.joinRepeated();
  inspectHeaders(inspection, headers);
}

function readTarget(inspection: Inspection, target: string): void {
  const hash = target.indexOf('#');
  const whole = hash < 0 ? target : target.slice(0, hash);
  let from = 0;
  if (whole.charCodeAt(0) !== 47) {
    const authority = whole.indexOf('://');
    if (authority > 0) {
      const slash = whole.indexOf('/', authority + 3);
      from = slash < 0 ? whole.length : slash;
    }
  }
  const question = whole.indexOf('?', from);
  const rawPath = whole.slice(from, question < 0 ? whole.length : question);
  if (hasOverlong(whole))
    inspection.findings.say(
      'protocol-overlong',
      'path',
      '',
      0,
      'an ASCII character in two bytes',
      whole,
    );
  const path = decodePercent(rawPath, false);
  inspection.value('path', '', path);
  readSegments(inspection, rawPath, path);
  if (question >= 0) walkForm('query', whole.slice(question + 1), inspection);
}

/** A value in the path (/users/1' or 1=1) stands in a segment of its own. */
function readSegments(inspection: Inspection, rawPath: string, path: string): void {
  readHiddenSegments(inspection, rawPath);
  f.scan(path);
  if (
    !rawPath.includes('%') &&
    (f.scanned.characters &
      (f.SPACE |
        f.SQUOTE |
        f.DQUOTE |
        f.PAREN |
        f.STAR |
        f.SEMICOLON |
        f.EQUALS |
        f.PERCENT |
        f.PLUS)) ===
      0
  )
    return;
  const parts = rawPath.split('/', PATH_SEGMENTS_MAX);
  for (let at = 1; at < parts.length; at++) {
    const part = decodePercent(parts[at]!, false);
    f.scan(part);
    if (f.scanned.characters !== 0) inspection.readings('path', '', part, 0);
  }
  // A comment of SQL holds slashes: the rest of the path from each segment with one.
  const open = path.indexOf('/*');
  if (open > 0) {
    const tail = path.slice(path.lastIndexOf('/', open - 1) + 1);
    f.scan(tail);
    detectSql(
      new Subject('path', '', tail, 0, inspection.paranoia, f.scanned.characters, f.scanned.words),
      inspection.findings,
    );
  }
}

function readHiddenSegments(inspection: Inspection, rawPath: string): void {
  for (const part of rawPath.split('/', PATH_SEGMENTS_MAX)) {
    const hidden = decodeBase64(part.includes('%') ? decodePercent(part, false) : part);
    if (hidden !== undefined) inspection.readings('path', '', hidden, 1);
  }
}

/** Header fields, or those behind a chunked body. */
export function inspectHeaders(inspection: Inspection, headers: HeaderList): void {
  const count = Math.min(headers.length, HEADERS_MAX);
  if (headers.length > HEADERS_MAX) inspection.bound('parts', `more than ${HEADERS_MAX} headers`);
  let length = false;
  let encoding = '';
  for (let at = 0; at < count; at++) {
    const name = headers.name(at).toLowerCase();
    const value = headers.value(at);
    if (name === 'cookie') {
      readCookies(inspection, value);
      continue;
    }
    if (name === 'content-type' && ODD_CHARSET.test(value)) {
      inspection.findings.say('protocol-charset', 'header', name, 0, 'an odd character set', value);
    }
    if (name === 'content-length') length = true;
    else if (name === 'transfer-encoding')
      encoding = value.toLowerCase().replace(/^[ \t]+|[ \t]+$/g, '');
    else if (name === 'range' && abusesRanges(value)) {
      inspection.findings.say(
        'protocol-range',
        'header',
        name,
        0,
        'ranges that nobody reads',
        value,
      );
    }
    const tells = name === 'user-agent' ? agentTells(value) : headerTells(name, value);
    if (tells || name.startsWith('spring.cloud.')) {
      inspection.value('header', name, value);
      // A referrer is a URL: what its query holds was a form's value once.
      if (name === 'referer') readReferrer(inspection, value);
    }
    if (name === 'user-agent' || name.includes('scan') || name.includes('acunetix'))
      readAgent(inspection, name, value);
  }
  if (encoding !== '') {
    const plain =
      encoding === 'chunked' ||
      encoding === 'gzip, chunked' ||
      encoding === 'deflate, chunked' ||
      encoding === 'identity';
    if (length)
      inspection.findings.say(
        'protocol-framing',
        'request',
        '',
        0,
        'both Content-Length and Transfer-Encoding',
        encoding,
      );
    else if (!plain)
      inspection.findings.say(
        'protocol-framing',
        'request',
        '',
        0,
        'a Transfer-Encoding nobody speaks',
        encoding,
      );
  }
}

/** The name of a tool is plain text: asked even where nothing else is. */
function readAgent(inspection: Inspection, name: string, value: string): void {
  f.scan(value);
  const { characters, words } = f.scanned;
  // A tool's name is a word of first-pass/words.ts; from level 3 on every agent is looked at.
  if ((words & f.WORD_SCANNER) === 0 && inspection.paranoia < 3 && name === 'user-agent') return;
  const subject = new Subject('header', name, value, 0, inspection.paranoia, characters, words);
  detectScanner(subject, inspection.findings);
}

function readReferrer(inspection: Inspection, value: string): void {
  const question = value.indexOf('?');
  if (question < 0) return;
  for (const pair of value.slice(question + 1).split('&', REFERRER_PARAMETERS_MAX)) {
    inspection.value('header', 'referer', decodePercent(pair.slice(pair.indexOf('=') + 1), true));
  }
}

function readCookies(inspection: Inspection, value: string): void {
  let start = 0;
  for (let seen = 0; start < value.length; seen++) {
    if (seen === COOKIES_MAX) {
      inspection.bound('parts', `more than ${COOKIES_MAX} cookies`);
      return;
    }
    let end = value.indexOf('; ', start);
    if (end < 0) end = value.length;
    const equals = value.indexOf('=', start);
    if (equals < 0 || equals >= end) inspection.value('cookie', '', value.slice(start, end).trim());
    else {
      const name = value.slice(start, equals).trim();
      inspection.name('cookie', name);
      let content = value.slice(equals + 1, end).trim();
      // A quoted-string's quotes are no part of the value (RFC 6265 §4.1.1).
      if (content.length > 1 && content.startsWith('"') && content.endsWith('"'))
        content = content.slice(1, -1);
      inspection.value('cookie', name, content);
    }
    start = end + 2;
  }
}

/** EBCDIC in its many code pages, and UTF-7: what is written in them shows no telling character. */
const ODD_CHARSET =
  /charset\s{0,4}=\s{0,4}["']?(?:ibm|csibm|ebcdic|cp(?:037|273|285|297|500|875|1026)|x-ebcdic|utf-?7|unicode-1-1-utf-7)/i;

const REFERRER_PARAMETERS_MAX = 64;

/** Parts of a file that a reader asks for at once, as one of a long PDF does. */
const RANGES_MAX = 64;

/** Parts that may overlap: a server pays for each of them, and no reader wants bytes twice. */
const OVERLAPPING_RANGES_MAX = 10;

function abusesRanges(value: string): boolean {
  if (/\d{18}/.test(value)) return true;
  const ranges = value.slice(value.indexOf('=') + 1).split(',', RANGES_MAX + 1);
  if (ranges.length > RANGES_MAX) return true;
  if (ranges.length <= OVERLAPPING_RANGES_MAX) return false;
  let overlaps = 0;
  let reached = -1;
  for (const range of ranges) {
    const [first, last] = range.trim().split('-', 2);
    const end = last === '' ? Number.POSITIVE_INFINITY : Number(last);
    if (first !== '' && Number(first) <= reached) overlaps++;
    if (end > reached) reached = end;
  }
  return overlaps > 2; // RFC 9110 §14.2 has servers refuse more than two
}
