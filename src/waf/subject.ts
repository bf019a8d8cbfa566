import { wordHash, wordSlot } from './features.ts';
import type { Place } from './rule.ts';

/** One reading of one value of a request: what a detector looks at. */
export class Subject {
  readonly place: Place;
  /** The parameter, header, cookie or JSON key; empty where a value has no name. */
  readonly name: string;
  readonly text: string;
  /** How many rounds of decoding beyond the application's own lead here (decode.ts). */
  readonly round: number;
  readonly characters: number;
  readonly words: number;
  /** From paranoia level 2 on, prose is no excuse. */
  readonly trusting: boolean;
  #lowerText: string | undefined;
  #proseKnown: boolean | undefined;
  #documentKnown: boolean | undefined;
  #ticks: readonly number[] | undefined;

  /** @param words,characters what `scan` found in the text */
  constructor(
    place: Place,
    name: string,
    text: string,
    round: number,
    paranoia: number,
    characters: number,
    words: number,
  ) {
    this.place = place;
    this.name = name;
    this.text = text;
    this.round = round;
    this.trusting = paranoia < 2;
    this.characters = characters;
    this.words = words;
  }

  /** The same value with its text read otherwise. */
  reread(text: string): Subject {
    const level = this.trusting ? 1 : 2;
    return new Subject(this.place, this.name, text, this.round, level, this.characters, this.words);
  }

  get lower(): string {
    this.#lowerText ??= this.text.toLowerCase();
    return this.#lowerText;
  }

  /** Whether the text reads as something a person wrote to a person, which may quote code. */
  get prose(): boolean {
    this.#proseKnown ??= this.trusting && (isProse(this.text) || this.#isFenced());
    return this.#proseKnown;
  }

  /**
   * Whether the text is a document rather than a field: lines that a person shows to another or to
   * an agent, a source file, a log. An injection goes on where the application stopped, in a line.
   */
  get document(): boolean {
    const least = this.place === 'body' ? RAW_LINES_MIN : DOCUMENT_LINES_MIN;
    this.#documentKnown ??= this.trusting && isBody(this.place) && hasLines(this.text, least);
    return this.#documentKnown;
  }

  /** Markdown with a fenced block, in a body: a person shows code to another, or to an agent. */
  #isFenced(): boolean {
    if (!isBody(this.place)) return false;
    const open = this.text.indexOf('```');
    if (open < 0 || (open > 0 && this.text.charCodeAt(open - 1) > 32)) return false;
    return this.text.includes('```', open + 3) && this.text.includes('\n', open);
  }

  /** Whether a person's sentence leads up to `at`: what follows is an example, not an input's end. */
  proseBefore(at: number): boolean {
    return this.trusting && isProse(this.text.slice(0, at));
  }

  /** Whether a word or more lead up to `at`, in Latin letters or others. */
  wordsBefore(at: number): boolean {
    return (
      this.trusting && /\p{L}{2}[\p{P}\s]{1,4}\p{L}{2}|\p{Lo}{4}/u.test(this.text.slice(0, at))
    );
  }

  /** Whether words follow what stands at the beginning of `text`, as in a search or a title. */
  readsOn(text: string): boolean {
    return this.trusting && /^\S{1,200}\s{1,4}\p{L}{2,30}(?:[\s.,:?!]|$)/u.test(text.slice(0, 256));
  }

  /** Whether a sentence goes on from `at`: an injection ends there, or the application's rest does. */
  proseAfter(at: number): boolean {
    return this.trusting && isProse(this.text.slice(at), SENTENCE_END_WORDS_MIN, 1);
  }

  /** Whether `at` lies inside `backticks` or a fenced block: shown to a reader, not meant. */
  quotesCode(at: number): boolean {
    this.#ticks ??= positions(this.text, '`');
    let low = 0;
    let high = this.#ticks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ticks[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low % 2 === 1 && low < this.#ticks.length;
  }

  /** Whether `at` lies in "a text in double quotes" that words lead up to, in a body. */
  quotesText(at: number): boolean {
    if (!this.trusting || !isBody(this.place)) return false;
    const open = this.text.lastIndexOf('"', at - 1);
    if (open < 1 || !isBlank(this.text.charCodeAt(open - 1)) || !this.wordsBefore(open))
      return false;
    // A string of GraphQL or of a program stands in brackets and is no quotation.
    if (/[{(=]/.test(this.text.slice(0, open))) return false;
    return this.text.indexOf('"', at + 1) > 0;
  }

  /** A header whose own grammar is made of quotes and semicolons: SQL and HTML read it wrongly. */
  get structured(): boolean {
    return this.place === 'header' && (STRUCTURED.has(this.name) || this.name.startsWith('sec-'));
  }
}

const STRUCTURED = new Set([
  'accept',
  'authorization',
  'cache-control',
  'content-disposition',
  'content-type',
  'etag',
  'forwarded',
  'if-match',
  'if-none-match',
  'if-range',
  'link',
  'proxy-authorization',
  'range',
  'te',
  'baggage',
  'tracestate',
  'via',
  'nel',
  'report-to',
  'alt-svc',
  'signature',
  'signature-input',
  'digest',
  'dpop',
]);

/**
 * Words that hold English sentences together and that no payload needs, by `wordSlot`: another word
 * that falls into the slot of one counts with it.
 */
const IS_FUNCTION_WORD = new Uint8Array(65_536);
for (const word of (
  'a an the this that these those is are was were be been do does did have has had i you we they he ' +
  'she it my your our their me us them to of in on at for with from by about into how what why when ' +
  'where which who can could should would will may please not but if then than so because as there ' +
  'here just only also and or let use using need want help see get explain write run'
).split(' ')) {
  let hash = 0;
  for (let at = 0; at < word.length; at++) hash = wordHash(hash, word.charCodeAt(at));
  IS_FUNCTION_WORD[wordSlot(hash)] = 1;
}
const FUNCTION_WORD_LENGTH_MAX = 7;
const SENTENCE_END_WORDS_MIN = 4;
/** Prose is told from its beginning: this many words are enough. */
const PROSE_WORDS_MAX = 80;

/** At least five words, a quarter of them function words, a few of them in a row apart by spaces. */
function isProse(text: string, wordsMin = 5, functionWordsMin = 2): boolean {
  let words = 0;
  let functionWords = 0;
  let ideographs = 0;
  let at = 0;
  while (at < text.length && words < PROSE_WORDS_MAX) {
    while (at < text.length && !isLetter(text.charCodeAt(at))) at++;
    const start = at;
    let hash = 0;
    let isLower = true;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (!isLetter(code)) break;
      if (code <= 90) isLower = false;
      hash = wordHash(hash, code | 0x20);
    }
    if (at === start) break;
    if (text.charCodeAt(at - 1) > 0x2e80) {
      // Chinese, Japanese, Korean: words without blanks, and two signs make about one.
      for (let sign = start; sign < at; sign++)
        if (isIdeograph(text.charCodeAt(sign))) ideographs++;
      if (ideographs >= 2 * wordsMin) return true;
      continue;
    }
    const before = start === 0 ? 32 : text.charCodeAt(start - 1);
    const after = at === text.length ? 32 : text.charCodeAt(at);
    // A word of a sentence stands between blanks or punctuation, not between operators.
    if (!isBlank(before) && before !== 40 && before !== 34) continue;
    if (!isBlank(after) && !isPunctuation(after)) continue;
    if (!isBlank(before) && !isBlank(after)) continue;
    if (after === 46 && isExtension(text, at + 1)) continue;
    words++;
    if (at - start > FUNCTION_WORD_LENGTH_MAX) continue;
    // In capitals AND, IS and NOT are keywords, not English.
    if (IS_FUNCTION_WORD[wordSlot(hash)] === 1 && (isLower || isCapitalised(text, start, at)))
      functionWords++;
  }
  return words >= wordsMin && functionWords >= functionWordsMin && functionWords * 5 >= words;
}

function isBody(place: Place): boolean {
  return place === 'json' || place === 'form' || place === 'multipart' || place === 'body';
}

const DOCUMENT_LINES_MIN = 5;

/** run.sh: a word with this behind its dot names a file. */
function isExtension(text: string, start: number): boolean {
  let end = start;
  while (end < text.length && end - start <= EXTENSION_LENGTH_MAX && isLetter(text.charCodeAt(end)))
    end++;
  return end > start && end - start <= EXTENSION_LENGTH_MAX;
}

const EXTENSION_LENGTH_MAX = 4;

/** `The`, `I`: a sentence's first word. */
function isCapitalised(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start);
  return first >= 65 && first <= 90 && (end - start === 1 || text.charCodeAt(start + 1) >= 97);
}

/** Of a body that is neither a form nor JSON: YAML, CSV, a mail. */
const RAW_LINES_MIN = 3;

function hasLines(text: string, least: number): boolean {
  let at = -1;
  for (let lines = 1; lines < least; lines++) {
    at = text.indexOf('\n', at + 1);
    if (at < 0) return false;
  }
  return true;
}

function positions(text: string, mark: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) found.push(at);
  return found;
}

function isLetter(code: number): boolean {
  const lower = code | 0x20;
  return (lower >= 97 && lower <= 122) || code > 0xbf;
}

/** Han, kana and hangul; not the full-width forms that hide ASCII. */
function isIdeograph(code: number): boolean {
  return (code >= 0x3040 && code <= 0x9fff) || (code >= 0xac00 && code <= 0xd7a3);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13;
}

/** . , ! ? : ; ) " and the apostrophe of "don't". */
function isPunctuation(code: number): boolean {
  return (
    code === 46 ||
    code === 44 ||
    code === 33 ||
    code === 63 ||
    code === 58 ||
    code === 59 ||
    code === 41 ||
    code === 34 ||
    code === 39
  );
}
