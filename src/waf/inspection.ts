/** What becomes of the values that inspect-head.ts and inspect-body.ts take a request apart into. */
import { BASE64_LENGTH_MIN, decodeBase64 } from './base64.ts';
import { decodePercent, ROUNDS_MAX, unfold, unfolded } from './decode.ts';
import { DETECTORS } from './detect/detectors.ts';
import { detectHtml } from './detect/html.ts';
import { detectNoSqlName } from './detect/nosql.ts';
import { detectTemplate } from './detect/template.ts';
import { detectXxe } from './detect/xxe.ts';
import * as f from './features.ts';
import { Findings, type RuleLookup } from './findings.ts';
import { walkJson } from './parse/json.ts';
import type { Visitor } from './parse/visitor.ts';
import type { Place } from './rule.ts';
import { Subject } from './subject.ts';
import { INTERESTING, isJsonText, isPlain } from './telling.ts';

/** A parameter that was sent more than once. */
interface Repeated {
  readonly place: Place;
  readonly name: string;
  readonly values: string[];
}

const PARAMETERS: ReadonlySet<Place> = new Set(['query', 'form', 'multipart']);

/** What applications put between the values of a repeated parameter. */
const JOINTS = [',', '', ' '];

/** One head or body: each of its values is decoded, and every reading is shown to the detectors. */
export class Inspection implements Visitor {
  readonly findings: Findings;
  readonly paranoia: number;
  /** Values of a query's, a form's or a multipart's parameters, by their names in lower case. */
  readonly #parameters = new Map<string, string | Repeated>();
  /** Whether the JSON that is walked stood in a string of another. */
  #nested = false;

  constructor(lookup: RuleLookup, paranoia: number) {
    this.findings = new Findings(lookup);
    this.paranoia = paranoia;
  }

  name(place: Place, text: string): void {
    if (text.length < 3) return;
    f.scan(text);
    const { characters, words } = f.scanned;
    if ((characters & INTERESTING) === 0 && (words & f.WORDS_TELLING) === 0) return;
    const subject = new Subject(place, text, text, 0, this.paranoia, characters, words);
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
    this.readings(place, name, text, 0);
    if (place === 'header' || place === 'filename' || place === 'body') return;
    if (text.length < BASE64_LENGTH_MIN) return;
    const hidden = decodeBase64(text.includes('%') ? decodePercent(text, false) : text);
    if (hidden !== undefined) this.readings(place, name, hidden, 1);
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
  joinRepeated(): void {
    for (const seen of this.#parameters.values()) {
      if (typeof seen === 'string') continue;
      for (const joint of JOINTS) this.readings(seen.place, seen.name, seen.values.join(joint), 0);
    }
    this.#parameters.clear();
  }

  /** A value as it stands and after each further round of decoding. */
  readings(place: Place, name: string, text: string, first: number): void {
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
    const subject = new Subject(place, '', text, 0, this.paranoia, characters, words);
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
      const file = new Subject(place, '', text.slice(0, 4096), 0, this.paranoia, characters, words);
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
    const subject = new Subject(place, name, text, round, this.paranoia, characters, words);
    for (const detector of DETECTORS) {
      if (detector.applies(characters, words, subject)) detector.run(subject, this.findings);
    }
  }
}

/** Characters that a further round of decoding may change. */
const FOLDED = f.PERCENT | f.AMPERSAND | f.BACKSLASH | f.HIGH | f.CONTROL;

/** Documents longer than this are scanned for words in their beginning only. */
const DOCUMENT_LENGTH_MAX = 65_536;
