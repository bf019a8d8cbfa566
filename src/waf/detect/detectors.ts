/** The detectors, each with the characters and words without which it has nothing to find. */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Place } from '../rule.ts';
import type { Subject } from '../subject.ts';
import { detectCall, mayHoldCall } from './call.ts';
import { detectHtml } from './html.ts';
import { detectNoSql, mayHoldNoSql } from './nosql.ts';
import { detectPath } from './path.ts';
import { detectProtocol } from './protocol.ts';
import { detectScanner } from './scanner.ts';
import { detectSerial, mayHoldSerial } from './serial.ts';
import { detectShell } from './shell.ts';
import { detectSql } from './sql.ts';
import { detectTemplate } from './template.ts';
import { detectUrl, mayHoldUrl } from './url.ts';
import { detectXxe } from './xxe.ts';

export interface Detector {
  readonly name: string;
  /** Whether a text of these features can hold what it looks for. */
  applies(characters: number, words: number, subject: Subject): boolean;
  run(subject: Subject, findings: Findings): void;
}

const QUOTES = f.SQUOTE | f.DQUOTE;

/** Places whose values are judged as requests, too. */
const REQUESTS: ReadonlySet<Place> = new Set(['query', 'form', 'cookie', 'path']);

function callsIf(text: string): boolean {
  return (text.charCodeAt(0) | 0x20) === 105 && /^i?if\(/i.test(text);
}

export const DETECTORS: readonly Detector[] = [
  {
    name: 'sql',
    applies: (c, w, subject) =>
      !subject.structured &&
      ((c & QUOTES) !== 0 ||
        ((w & f.WORD_SQL) !== 0 && c !== 0) ||
        ((w & f.WORD_LOGIC) !== 0 && f.isShortSum(subject.text)) ||
        ((w & f.WORD_LOGIC) !== 0 &&
          (c & (f.EQUALS | f.GREATER | f.LESS | f.PAREN | f.HASH | f.STAR | f.OTHER)) !== 0) ||
        ((c & f.SLASH) !== 0 && (c & f.STAR) !== 0) ||
        ((c & f.SEMICOLON) !== 0 && f.startsWithDigit(subject.text)) ||
        ((c & f.PAREN) !== 0 && (f.startsWithDigit(subject.text) || callsIf(subject.text))) ||
        ((c & (f.PIPE | f.AMPERSAND)) !== 0 &&
          ((c & (f.EQUALS | f.PAREN)) !== 0 || f.startsWithDigit(subject.text)))),
    run: detectSql,
  },
  {
    name: 'html',
    applies: (c, w, subject) =>
      !subject.structured &&
      ((c & f.LESS) !== 0 ||
        ((w & f.WORD_URL) !== 0 && (c & f.COLON) !== 0 && /^\s{0,8}data:/i.test(subject.text)) ||
        ((c & f.EQUALS) !== 0 &&
          (c & (QUOTES | f.SPACE | f.SLASH | f.BACKTICK | f.NEWLINE)) !== 0) ||
        ((w & f.WORD_SCRIPT) !== 0 &&
          (c & (f.COLON | f.PAREN | f.BACKTICK | f.BRACKET | f.PLUS)) !== 0) ||
        ((c & f.BRACKET) !== 0 && (c & f.PAREN) !== 0)),
    run: detectHtml,
  },
  {
    name: 'path',
    applies: (c, w, subject) =>
      subject.place === 'filename' ||
      ((c & (f.SLASH | f.BACKSLASH)) !== 0 && (c & f.DOT) !== 0) ||
      ((c & f.BACKSLASH) !== 0 && subject.text.startsWith('\\\\')) ||
      ((w & f.WORD_FILE) !== 0 && (c & (f.SLASH | f.COLON | f.BACKSLASH)) !== 0),
    run: detectPath,
  },
  {
    name: 'shell',
    applies: (c, w) =>
      (c & (f.SEMICOLON | f.PIPE | f.AMPERSAND | f.NEWLINE | f.BACKTICK | f.DOLLAR | f.BRACE)) !==
        0 ||
      (w & f.WORD_COMMAND) !== 0 ||
      ((c & (f.LESS | f.GREATER)) !== 0 && (c & f.PAREN) !== 0) ||
      ((c & f.SLASH) !== 0 && (c & f.OTHER) !== 0),
    run: detectShell,
  },
  {
    name: 'template',
    applies: (c, w) =>
      (c & (f.DOLLAR | f.BRACE)) !== 0 ||
      ((c & f.LESS) !== 0 && (c & (f.OTHER | f.PERCENT | f.HASH)) !== 0) ||
      ((w & f.WORD_CODE) !== 0 && (c === 0 || (c & f.BACKSLASH) !== 0)) ||
      ((w & f.WORD_CODE) !== 0 && (c & (f.PAREN | f.DOT | f.EQUALS | f.HASH | f.AT)) !== 0) ||
      ((c & f.BRACKET) !== 0 && (c & f.PAREN) !== 0) ||
      ((c & f.AT) !== 0 && (c & f.PAREN) !== 0),
    run: detectTemplate,
  },
  {
    name: 'call',
    applies: (c, w, subject) =>
      !subject.structured &&
      (c & (f.PAREN | f.BACKTICK)) !== 0 &&
      (c & (QUOTES | f.DOLLAR | f.BACKTICK | f.OTHER)) !== 0 &&
      mayHoldCall(w, subject),
    run: detectCall,
  },
  {
    name: 'url',
    applies: (c, _w, subject) =>
      ((c & (f.SLASH | f.BACKSLASH)) !== 0 ||
        ((c & f.DOT) !== 0 && subject.text.startsWith('169.')) ||
        ((c & f.COLON) !== 0 && (c & (f.DOT | f.AT | f.BRACKET)) !== 0)) &&
      mayHoldUrl(subject),
    run: detectUrl,
  },
  {
    name: 'xxe',
    applies: (c, w) => (c & f.LESS) !== 0 && (w & f.WORD_XML) !== 0,
    run: detectXxe,
  },
  {
    name: 'serial',
    applies: mayHoldSerial,
    run: detectSerial,
  },
  {
    name: 'nosql',
    applies: (c, w, subject) =>
      !subject.structured &&
      ((c & (f.DOLLAR | QUOTES | f.PIPE | f.PAREN | f.BRACE)) !== 0 ||
        ((c & f.STAR) !== 0 && (c & f.OTHER) !== 0) ||
        (c & (f.COLON | f.EQUALS | f.DOT)) === (f.COLON | f.EQUALS | f.DOT) ||
        ((c & f.DOT) !== 0 && (c & (f.EQUALS | f.GREATER | f.LESS)) !== 0)) &&
      mayHoldNoSql(c, w, subject),
    run: detectNoSql,
  },
  {
    name: 'protocol',
    applies: (c, _w, subject) =>
      (c & (f.NEWLINE | f.CONTROL)) !== 0 ||
      ((c & f.HIGH) !== 0 && (c & f.COLON) !== 0) ||
      ((c & f.COLON) !== 0 && (c & f.SPACE) !== 0 && REQUESTS.has(subject.place)),
    run: detectProtocol,
  },
  {
    name: 'scanner',
    // Each probe holds a word of first-pass/words.ts or a name that begins with a dot.
    applies: (_c, w, subject) =>
      subject.place === 'path' &&
      ((w & f.WORD_PROBE) !== 0 || subject.text.includes('/.') || subject.text.endsWith('~')),
    run: detectScanner,
  },
];
