/** One look at one head or body: taken apart, decoded, read by the detectors. */
import { BASE64_LENGTH_MIN, decodeBase64 } from './base64.ts';
import { COOKIES_MAX, HEADERS_MAX, PATH_SEGMENTS_MAX } from './bounds.ts';
import { decodePercent, hasOverlong, ROUNDS_MAX, unfold, unfolded } from './decode.ts';
import { DETECTORS } from './detect/detectors.ts';
import { detectHtml } from './detect/html.ts';
import { detectNoSqlName } from './detect/nosql.ts';
import { detectScanner } from './detect/scanner.ts';
import { detectSql } from './detect/sql.ts';
import { detectTemplate } from './detect/template.ts';
import { detectXxe } from './detect/xxe.ts';
import * as f from './features.ts';
import { Findings, type Jury } from './findings.ts';
import { walkForm } from './parse/form.ts';
import { walkJson } from './parse/json.ts';
import { walkMultipart } from './parse/multipart.ts';
import { boundaryOf, textOf } from './parse/text.ts';
import type { Visitor } from './parse/visitor.ts';
import { walkXml } from './parse/xml.ts';
import type { HeaderList, HeadView } from './request.ts';
import type { Place } from './rule.ts';
import { Subject } from './subject.ts';
import { agentTells, headerTells, INTERESTING, isJsonText, isPlain } from './telling.ts';

/** A parameter that was sent more than once. */
interface Repeated {
  readonly place: Place;
  readonly name: string;
  readonly values: string[];
}

const PARAMETERS: ReadonlySet<Place> = new Set(['query', 'form', 'multipart']);

/** What applications put between the values of a repeated parameter. */
const JOINTS = [',', '', ' '];

/** One look at one head or body. */
export class Inspection implements Visitor {
  readonly findings: Findings;
  readonly #paranoia: number;
  /** Values of a query's, a form's or a multipart's parameters, by their names in lower case. */
  readonly #parameters = new Map<string, string | Repeated>();
  /** Whether the JSON that is walked stood in a string of another. */
  #nested = false;

  constructor(jury: Jury, paranoia: number) {
    this.findings = new Findings(jury);
    this.#paranoia = paranoia;
  }

  head({ method, target, headers }: HeadView): void {
    const verb = method.toUpperCase();
    if (verb === 'TRACE' || verb === 'TRACK' || verb === 'DEBUG') {
      this.findings.say('protocol-method', 'method', '', 0, `the method ${verb}`, method);
    }
    this.#target(target);
    this.#repeated();
    this.headers(headers);
  }

  body(contentType: string, bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const type = contentType.toLowerCase().split(';', 1)[0]!.trim();
    if (
      type === 'multipart/form-data' ||
      type === 'multipart/mixed' ||
      type === 'multipart/related'
    ) {
      const boundary = boundaryOf(contentType);
      if (/boundary\s{0,4}=[^=]{1,200}boundary\s{0,4}=/i.test(contentType))
        this.findings.say('protocol-framing', 'request', '', 0, 'two boundaries', contentType);
      if (boundary === undefined) this.bound('malformed', 'multipart without a boundary');
      else {
        walkMultipart(boundary, buffer.toString('latin1'), this);
        this.#repeated();
        return;
      }
    }
    const text = textOf(buffer);
    if (text === undefined) {
      // Not text: only what begins like a serialised object is of interest.
      const start = buffer.toString('latin1', 0, 4096);
      this.value('body', '', start);
      return;
    }
    const first = text.trimStart()[0] ?? '';
    if (type === 'application/x-www-form-urlencoded' && !(first === '{' && text.includes('":'))) {
      if (hasOverlong(text))
        this.findings.say(
          'protocol-overlong',
          'form',
          '',
          0,
          'an ASCII character in two bytes',
          text,
        );
      walkForm('form', text, this);
      this.#repeated();
      return;
    }
    if (type.endsWith('json') || type.includes('json')) {
      this.#json(text, first);
      return;
    }
    if (type.endsWith('xml') || type.includes('+xml')) {
      walkXml(text, this);
      return;
    }
    if (type === 'application/x-ndjson' || type === 'text/event-stream') {
      walkJson(text, this);
      return;
    }
    // No type, or one that says little: the body tells.
    if (first === '{' || first === '[') {
      this.#json(text, first);
      return;
    }
    if (
      first === '<' &&
      /^\s{0,64}<(?:\?xml|!doctype|[\w:-]{1,64}[\s>/])/i.test(text) &&
      type !== 'text/html' &&
      type !== 'text/plain'
    ) {
      walkXml(text, this);
      return;
    }
    if (
      (type === '' || type === 'application/octet-stream') &&
      /^[\w.[\]%-]{1,64}=[^=]/.test(text)
    ) {
      walkForm('form', text, this);
      this.#repeated();
      return;
    }
    this.document('body', text);
    this.value('body', '', text);
  }

  #json(text: string, first: string): void {
    if (first === '{' || first === '[' || first === '"') {
      this.document('json', text);
      walkJson(text, this);
      // {{7*7}} begins like a document and is none.
      if (text.length <= BROKEN_LENGTH_MAX && !isJsonText(text)) this.value('body', '', text);
      return;
    }
    this.value('body', '', text);
  }

  name(place: Place, text: string): void {
    if (text.length < 3) return;
    f.scan(text);
    const { characters, words } = f.scanned;
    if ((characters & INTERESTING) === 0 && (words & f.WORDS_TELLING) === 0) return;
    const subject = new Subject(place, text, text, 0, this.#paranoia, characters, words);
    detectNoSqlName(subject, this.findings);
    this.#judge(place, text, text);
  }

  value(place: Place, name: string, text: string): void {
    if (PARAMETERS.has(place) && name !== '') this.#remember(place, name, text);
    this.#judge(place, name, text);
  }

  #judge(place: Place, name: string, text: string): void {
    if (place === 'json' && !this.#nested && isJsonText(text)) {
      // A document within a string, as the arguments of a tool's call are: read as what it is.
      this.#nested = true;
      this.findings.within = name;
      this.document('json', text);
      walkJson(text, this);
      this.findings.within = '';
      this.#nested = false;
      return;
    }
    this.#readings(place, name, text, 0);
    if (place === 'header' || place === 'filename' || place === 'body') return;
    if (text.length < BASE64_LENGTH_MIN) return;
    const hidden = decodeBase64(text.includes('%') ? decodePercent(text, false) : text);
    if (hidden !== undefined) this.#readings(place, name, hidden, 1);
  }

  #remember(place: Place, name: string, text: string): void {
    const key = name.toLowerCase(); // ASP tells no capitals from small letters
    const seen = this.#parameters.get(key);
    if (seen === undefined) this.#parameters.set(key, text);
    else if (typeof seen === 'string')
      this.#parameters.set(key, { place, name, values: [seen, text] });
    else seen.values.push(text);
  }

  /** Parameters of one name are one value to some applications: ASP joins them by commas. */
  #repeated(): void {
    for (const seen of this.#parameters.values()) {
      if (typeof seen === 'string') continue;
      for (const joint of JOINTS) this.#readings(seen.place, seen.name, seen.values.join(joint), 0);
    }
    this.#parameters.clear();
  }

  /** A value as it stands and after each further round of decoding. */
  #readings(place: Place, name: string, text: string, first: number): void {
    let reading = text;
    let telling = true;
    for (let round = first; ; round++) {
      f.scan(reading);
      const { characters, words } = f.scanned;
      if (isPlain(reading, characters, words) && place !== 'path' && place !== 'filename') return;
      if (telling) this.#read(place, name, reading, round, characters, words);
      if ((characters & FOLDED) === 0) return;
      if (round === ROUNDS_MAX) {
        this.findings.say(
          'bound-rounds',
          place,
          name,
          round,
          `still encoded after ${round} rounds`,
          reading,
        );
        return;
      }
      const next = unfold(reading);
      if (next === reading) return;
      // What XML writes as &amp; its reader sees as an ampersand.
      telling = unfolded.telling || place === 'xml';
      if (unfolded.nul)
        this.findings.say('protocol-null', place, name, round + 1, 'a NUL byte', reading);
      reading = next;
    }
  }

  document(place: Place, text: string): void {
    f.scan(text.length > DOCUMENT_LENGTH_MAX ? text.slice(0, DOCUMENT_LENGTH_MAX) : text);
    const { characters, words } = f.scanned;
    const subject = new Subject(place, '', text, 0, this.#paranoia, characters, words);
    if (place === 'json') {
      for (const detector of DETECTORS)
        if (detector.name === 'serial') detector.run(subject, this.findings);
      return;
    }
    if ((characters & f.LESS) !== 0) detectXxe(subject, this.findings);
    if (place === 'xml') {
      for (const detector of DETECTORS)
        if (detector.name === 'serial') detector.run(subject, this.findings);
    } else if (place === 'multipart') {
      const file = new Subject(
        place,
        '',
        text.slice(0, 4096),
        0,
        this.#paranoia,
        characters,
        words,
      );
      detectTemplate(file, this.findings);
      if (/^\s{0,40}<svg|<svg\s/i.test(file.text)) detectHtml(file, this.findings);
    }
  }

  bound(what: 'parameters' | 'depth' | 'strings' | 'parts' | 'malformed', why: string): void {
    this.findings.say(`bound-${what}`, 'request', '', 0, why);
  }

  #read(
    place: Place,
    name: string,
    text: string,
    round: number,
    characters: number,
    words: number,
  ): void {
    const subject = new Subject(place, name, text, round, this.#paranoia, characters, words);
    for (const detector of DETECTORS) {
      if (detector.applies(characters, words, subject)) detector.run(subject, this.findings);
    }
  }

  #target(target: string): void {
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
      this.findings.say(
        'protocol-overlong',
        'path',
        '',
        0,
        'an ASCII character in two bytes',
        whole,
      );
    const path = decodePercent(rawPath, false);
    this.value('path', '', path);
    this.#segments(rawPath, path);
    if (question >= 0) walkForm('query', whole.slice(question + 1), this);
  }

  /** A value in the path (/users/1' or 1=1) stands in a segment of its own. */
  #segments(rawPath: string, path: string): void {
    this.#hiddenSegments(rawPath);
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
      if (f.scanned.characters !== 0) this.#readings('path', '', part, 0);
    }
    // A comment of SQL holds slashes: the rest of the path from each segment with one.
    const open = path.indexOf('/*');
    if (open > 0) {
      const tail = path.slice(path.lastIndexOf('/', open - 1) + 1);
      f.scan(tail);
      detectSql(
        new Subject('path', '', tail, 0, this.#paranoia, f.scanned.characters, f.scanned.words),
        this.findings,
      );
    }
  }

  #hiddenSegments(rawPath: string): void {
    for (const part of rawPath.split('/', PATH_SEGMENTS_MAX)) {
      const hidden = decodeBase64(part.includes('%') ? decodePercent(part, false) : part);
      if (hidden !== undefined) this.#readings('path', '', hidden, 1);
    }
  }

  /** Header fields, or those behind a chunked body. */
  headers(headers: HeaderList): void {
    const count = Math.min(headers.length, HEADERS_MAX);
    if (headers.length > HEADERS_MAX) this.bound('parts', `more than ${HEADERS_MAX} headers`);
    let length = false;
    let encoding = '';
    for (let at = 0; at < count; at++) {
      const name = headers.name(at).toLowerCase();
      const value = headers.value(at);
      if (name === 'cookie') {
        this.#cookies(value);
        continue;
      }
      if (name === 'content-type' && ODD_CHARSET.test(value)) {
        this.findings.say('protocol-charset', 'header', name, 0, 'an odd character set', value);
      }
      if (name === 'content-length') length = true;
      else if (name === 'transfer-encoding')
        encoding = value.toLowerCase().replace(/^[ \t]+|[ \t]+$/g, '');
      else if (name === 'range' && abusesRanges(value)) {
        this.findings.say('protocol-range', 'header', name, 0, 'ranges that nobody reads', value);
      }
      const tells = name === 'user-agent' ? agentTells(value) : headerTells(name, value);
      if (tells || name.startsWith('spring.cloud.')) {
        this.value('header', name, value);
        // A referrer is a URL: what its query holds was a form's value once.
        if (name === 'referer') this.#referrer(value);
      }
      if (name === 'user-agent' || name.includes('scan') || name.includes('acunetix'))
        this.#agent(name, value);
    }
    if (encoding !== '') {
      const plain =
        encoding === 'chunked' ||
        encoding === 'gzip, chunked' ||
        encoding === 'deflate, chunked' ||
        encoding === 'identity';
      if (length)
        this.findings.say(
          'protocol-framing',
          'request',
          '',
          0,
          'both Content-Length and Transfer-Encoding',
          encoding,
        );
      else if (!plain)
        this.findings.say(
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
  #agent(name: string, value: string): void {
    f.scan(value);
    const { characters, words } = f.scanned;
    // A tool's name is a word of first-pass/words.ts; from level 3 on every agent is looked at.
    if ((words & f.WORD_SCANNER) === 0 && this.#paranoia < 3 && name === 'user-agent') return;
    const subject = new Subject('header', name, value, 0, this.#paranoia, characters, words);
    detectScanner(subject, this.findings);
  }

  #referrer(value: string): void {
    const question = value.indexOf('?');
    if (question < 0) return;
    for (const pair of value.slice(question + 1).split('&', REFERRER_PARAMETERS_MAX)) {
      this.value('header', 'referer', decodePercent(pair.slice(pair.indexOf('=') + 1), true));
    }
  }

  #cookies(value: string): void {
    let start = 0;
    for (let seen = 0; start < value.length; seen++) {
      if (seen === COOKIES_MAX) {
        this.bound('parts', `more than ${COOKIES_MAX} cookies`);
        return;
      }
      let end = value.indexOf('; ', start);
      if (end < 0) end = value.length;
      const equals = value.indexOf('=', start);
      if (equals < 0 || equals >= end) this.value('cookie', '', value.slice(start, end).trim());
      else {
        const name = value.slice(start, equals).trim();
        this.name('cookie', name);
        let content = value.slice(equals + 1, end).trim();
        // A quoted-string's quotes are no part of the value (RFC 6265 §4.1.1).
        if (content.length > 1 && content.startsWith('"') && content.endsWith('"'))
          content = content.slice(1, -1);
        this.value('cookie', name, content);
      }
      start = end + 2;
    }
  }
}

/** EBCDIC in its many code pages, and UTF-7: what is written in them shows no telling character. */
const ODD_CHARSET =
  /charset\s{0,4}=\s{0,4}["']?(?:ibm|csibm|ebcdic|cp(?:037|273|285|297|500|875|1026)|x-ebcdic|utf-?7|unicode-1-1-utf-7)/i;

const REFERRER_PARAMETERS_MAX = 64;

/** Characters that a further round of decoding may change. */
const FOLDED = f.PERCENT | f.AMPERSAND | f.BACKSLASH | f.HIGH | f.CONTROL;

/** A longer body is a document, however broken. */
const BROKEN_LENGTH_MAX = 1024;

/** Documents longer than this are scanned for words in their beginning only. */
const DOCUMENT_LENGTH_MAX = 65_536;

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
