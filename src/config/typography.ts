/**
 * Characters that web pages and word processors put where a configuration needs plain ones: curly
 * quotes, long dashes, spaces that are none, full-width punctuation, the fences of code blocks.
 * They count only where they carry structure, so that a dash within a comment or a quoted text
 * stays what it is.
 */

export interface Oddity {
  offset: number;
  length: number;
  /** "curly quotes", "a long dash", ... */
  what: string;
  /** What to write instead, as an operator would say it. */
  instead: string;
}

const OPENING = '“”„‟«»＂';
const SINGLE = '‘’‚‛＇';
const DASHES = '–—−‒―－';
const SPACES = '\u00a0\u2002\u2003\u2009\u200b\u202f\u2060\u3000';
/** Those that have no width: not even a plain space belongs in their place. */
const NO_WIDTH = /[\u200b\u2060]/g;

const FENCE = /^[ \t]*([“”„"'‘’`]*`{1,3}|[“”]`)[a-z]*[ \t]*$/i;
const LIST_DASH = new RegExp(`^([ \\t${SPACES}-]*)([${DASHES}])(?=[\\s${SPACES}]|$)`);
const INDENT = new RegExp(`^[\\s${SPACES}]*`);
const ODD_SPACE = new RegExp(`[${SPACES}]`, 'g');
const QUOTED = new RegExp(
  `(^|[:\\-\\[,{：，]\\s*|\\s)([${OPENING}${SINGLE}])([^${OPENING}${SINGLE}\\n]*)([${OPENING}${SINGLE}])`,
  'g',
);
const WIDE_COLON = /^([\s-]*(?:[A-Za-z_][\w-]*|"[\w-]+"|'[\w-]+')[^\S\n]*)(：)/;
/** A line whose value is written in brackets, and one within such a value that goes over lines. */
const IN_BRACKETS =
  /^[\s-]*(?:["']?[\w-]+["']?\s*[:：]\s*)?[[{［｛]|^\s*(?:"[^"]*"|'[^']*')\s*[，、]/;
/** Marks of Chinese and Japanese input that carry structure in brackets, and what is meant. */
const WIDE_MARKS: Readonly<Record<string, string>> = {
  '，': ',',
  '、': ',',
  '：': ':',
  '［': '[',
  '］': ']',
  '｛': '{',
  '｝': '}',
};
const WIDE_MARK = /[，、：［］｛｝]/g;

/** Whether a text has characters that plain ones of the same number cannot stand for. */
export function changesWidth(text: string): boolean {
  return text.search(NO_WIDTH) !== -1;
}

/** All of the above are beyond ASCII but for the backtick: most lines need no closer look. */
const MAY_BE_ODD = /[`\u0080-\uffff]/;

/** The oddities of a text, in order. */
export function findTypography(text: string): Oddity[] {
  const oddities: Oddity[] = [];
  if (!MAY_BE_ODD.test(text)) return oddities;
  eachLine(text, (line, offset) => {
    if (MAY_BE_ODD.test(line)) oddities.push(...oddLine(line, offset));
  });
  return oddities;
}

/** The same text in plain characters, each in its old place, so that positions stay true. */
export function plainInPlace(text: string): string {
  if (!MAY_BE_ODD.test(text)) return text;
  let plain = '';
  eachLine(text, (line, _, end) => {
    plain += (FENCE.test(line) ? '#'.padEnd(line.length) : mendLine(line, ':')) + end;
  });
  return plain;
}

/**
 * The same text mended for good: fences taken out, colons followed by their space.
 *
 * @param keepsLines fences become comments, so that lines keep their numbers
 */
export function fixTypography(text: string, keepsLines = false): string {
  let plain = '';
  eachLine(text, (line, _, end) => {
    if (!FENCE.test(line)) plain += mendLine(line, ': ') + end;
    else if (keepsLines) plain += `#${end}`;
  });
  return plain;
}

function oddLine(line: string, offset: number): Oddity[] {
  if (FENCE.test(line)) {
    const length = line.trim().length;
    const at = offset + line.indexOf(line.trim());
    return [{ offset: at, length, what: 'the fence of a code block', instead: 'delete this line' }];
  }
  const oddities: Oddity[] = [];
  const add = (index: number, length: number, what: string, instead: string) =>
    oddities.push({ offset: offset + index, length, what, instead });
  const code = withoutComment(line);
  const dash = LIST_DASH.exec(code);
  if (dash !== null) {
    add(dash[1]!.length, 1, 'a long dash', 'start list items with a hyphen: "- "');
  }
  const colon = WIDE_COLON.exec(code);
  if (colon !== null) add(colon[1]!.length, 1, 'a full-width colon', 'write ": "');
  for (const match of blankQuoted(code).matchAll(QUOTED)) {
    const at = match.index + match[1]!.length;
    const length = match[0].length - match[1]!.length;
    add(at, length, 'curly quotes', `write "${match[3]}" with straight quotes`);
  }
  for (const { index, 0: mark } of wideMarks(code)) {
    if (colon !== null && index === colon[1]!.length) continue;
    add(index, 1, 'a full-width mark', `write "${WIDE_MARKS[mark]}${mark === '：' ? ' ' : ''}"`);
  }
  const indent = INDENT.exec(code)![0];
  const space = indent.search(ODD_SPACE);
  if (space !== -1) add(space, 1, 'a space that is not a plain space', 'indent with plain spaces');
  return oddities.sort((a, b) => a.offset - b.offset);
}

/** Full-width marks that carry structure: not those of texts. */
function wideMarks(code: string): RegExpExecArray[] {
  return IN_BRACKETS.test(code) ? [...blankQuoted(code).matchAll(WIDE_MARK)] : [];
}

function mendLine(line: string, colon: string): string {
  if (!MAY_BE_ODD.test(line)) return line;
  const code = withoutComment(line);
  const comment = line.slice(code.length);
  const marked = code.split('');
  for (const { index, 0: mark } of wideMarks(code)) {
    marked[index] = mark === '：' ? colon : WIDE_MARKS[mark]!;
  }
  const mended = marked
    .join('')
    .replace(NO_WIDTH, colon === ':' ? ' ' : '')
    .replace(ODD_SPACE, ' ')
    .replace(LIST_DASH, (_, indent: string) => `${indent}-`)
    .replace(WIDE_COLON, (_, key: string) => `${key}${colon}`)
    .split('');
  for (const match of blankQuoted(mended.join('')).matchAll(QUOTED)) {
    const open = match.index + match[1]!.length;
    const mark = SINGLE.includes(match[2]!) ? "'" : '"';
    mended[open] = mark;
    mended[match.index + match[0].length - 1] = mark;
  }
  return mended.join('') + comment;
}

/** Straight-quoted texts are what they are; nothing within them is looked at. */
function blankQuoted(code: string): string {
  return code.replaceAll(/(^|[\s:[{,-])("[^"]*"|'[^']*')/g, (whole, before: string) =>
    before.padEnd(whole.length, 'x'),
  );
}

/** What stands before a comment. A `#` within straight quotes, or without a space before it, is none. */
function withoutComment(line: string): string {
  let quote = '';
  for (let index = 0; index < line.length; index++) {
    const char = line[index]!;
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if ((char === '"' || char === "'") && /^$|[\s:[{,-]/.test(line[index - 1] ?? '')) {
      quote = char;
    } else if (char === '#' && /^$|\s/.test(line[index - 1] ?? '')) {
      return line.slice(0, index);
    }
  }
  return line;
}

function eachLine(text: string, each: (line: string, offset: number, end: string) => void): void {
  let offset = 0;
  for (const match of text.matchAll(/([^\n]*?)(\r?\n|$)/g)) {
    if (match[0] === '') break;
    each(match[1]!, offset, match[2]!);
    offset += match[0].length;
  }
}

/** A long dash before an option, as web pages make them of two hyphens, is two hyphens again. */
export function straightenArguments(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((argument, index) => {
    if (end !== -1 && index > end) return argument;
    const option = new RegExp(`^-?[${DASHES}]+([A-Za-z][\\w-]*)(=.*)?$`, 's').exec(argument);
    if (option !== null) {
      const value = option[2] === undefined ? '' : `=${unquoted(option[2].slice(1))}`;
      return `--${option[1]}${value}`;
    }
    return unquoted(argument);
  });
}

/** A shell does not take curly quotes off; a whole argument within them loses them here. */
function unquoted(argument: string): string {
  const match = new RegExp(
    `^[${OPENING}${SINGLE}]([^${OPENING}${SINGLE}]*)[${OPENING}${SINGLE}]$`,
    's',
  ).exec(argument);
  return match === null ? argument : match[1]!;
}
