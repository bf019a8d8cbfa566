/** What makes a value worth a detector's look, asked before any is run. */
import { startsLikeSerial } from './detect/serial.ts';
import * as f from './features.ts';

/** Characters without which, and without a telling word, a value is plain. */
export const INTERESTING =
  f.SQUOTE |
  f.DQUOTE |
  f.BACKTICK |
  f.LESS |
  f.PAREN |
  f.SEMICOLON |
  f.PIPE |
  f.AMPERSAND |
  f.DOLLAR |
  f.BRACE |
  f.BRACKET |
  f.PERCENT |
  f.BACKSLASH |
  f.SLASH |
  f.EQUALS |
  f.HASH |
  f.NEWLINE |
  f.CONTROL |
  f.HIGH |
  f.GREATER |
  f.STAR;

/** A value of letters and digits, or of words that no detector waits for. */
export function isPlain(text: string, characters: number, words: number): boolean {
  if ((characters & INTERESTING) !== 0 || (words & f.WORDS_TELLING) !== 0) return false;
  if ((words & f.WORD_LOGIC) !== 0 && f.isShortSum(text)) return false;
  if (text.startsWith('169.254') || text.includes(' rO0')) return false;
  return (
    text.length < 8 || !startsLikeSerial(text.charCodeAt(0), text.charCodeAt(1), text.charCodeAt(2))
  );
}

/** Characters of a header that some attack needs; quotes, brackets and semicolons are everyday. */
const HEADER_TELLING =
  f.SQUOTE |
  f.BACKTICK |
  f.LESS |
  f.GREATER |
  f.BRACE |
  f.PIPE |
  f.DOLLAR |
  f.PERCENT |
  f.BACKSLASH |
  f.CONTROL |
  f.NEWLINE |
  f.HIGH;

/** The address of a number, or of no web server, and the link-local one of a cloud's secrets. */
const INWARD = /:\/\/[\d[]|(?<!https?):\/\/|\.254\./i;

/** What first-pass/head.ts asks of a header's bytes, asked of its text. */
export function headerTells(name: string, value: string): boolean {
  f.scan(value);
  const free = name === 'referer' || name.startsWith('x-');
  const telling = free ? HEADER_TELLING | f.SEMICOLON | f.PAREN : HEADER_TELLING;
  if ((f.scanned.characters & telling) !== 0) return true;
  if (free && (f.scanned.words & (f.WORD_SQL | f.WORD_HEADER)) !== 0) return true;
  if (free && INWARD.test(value)) return true;
  if (free && (f.scanned.words & f.WORD_LOGIC) !== 0 && value.includes('=')) return true;
  return value.includes('..') || value.includes('rO0') || (free && /^aced/i.test(value));
}

/**
 * A browser's name is a product and comments in parentheses: what does not begin with a letter, or
 * holds quotes, separators or a colon outside of parentheses, is looked at as any value is.
 */
export function agentTells(value: string): boolean {
  const first = value.charCodeAt(0) | 0x20;
  if (!(first >= 97 && first <= 122)) return value !== '';
  f.scan(value);
  if ((f.scanned.characters & (HEADER_TELLING | f.DQUOTE)) !== 0) return true;
  let depth = 0;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code === 40) depth++;
    else if (code === 41) depth--;
    else if (depth <= 0 && (code === 59 || code === 58 || code === 38)) return true;
  }
  return value.includes('..');
}

/** Longer strings are read as they stand. */
const NESTED_LENGTH_MAX = 65_536;

export function isJsonText(text: string): boolean {
  const first = text.charCodeAt(0);
  if (first !== 123 && first !== 91) return false;
  if (text.length < 8 || text.length > NESTED_LENGTH_MAX || !text.includes('"')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
