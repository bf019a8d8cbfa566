import { FILE_BYTES_MAX, MULTIPART_PARTS_MAX } from '../bounds.ts';
import { lenientUtf8 } from '../decode.ts';
import type { Visitor } from './visitor.ts';

/**
 * Walks multipart/form-data (RFC 7578): names, file names, values, and the beginning of files.
 * @param text the body, one character a byte
 */
export function walkMultipart(boundary: string, text: string, visitor: Visitor): void {
  const mark = `--${boundary}`;
  let at = delimiterFrom(text, mark, 0);
  if (at < 0) {
    visitor.bound('malformed', 'a multipart body without its boundary');
    visitor.value('body', '', text);
    return;
  }
  for (let seen = 0; at >= 0; seen++) {
    if (seen === MULTIPART_PARTS_MAX) {
      visitor.bound('parts', `more than ${MULTIPART_PARTS_MAX} parts`);
      return;
    }
    const head = at + mark.length;
    const next = delimiterFrom(text, mark, head);
    // PHP goes on behind the closing delimiter, so what stands there is looked at as well.
    if (!text.startsWith('--', head))
      walkPart(text.slice(head, next < 0 ? text.length : next), visitor);
    at = next;
  }
}

/**
 * Index of the next delimiter: at the beginning of a line, and nothing but blanks behind it or `--`
 * (RFC 2046 §5.1.1). Elsewhere the same characters are a value's.
 */
function delimiterFrom(text: string, mark: string, from: number): number {
  for (let at = text.indexOf(mark, from); at >= 0; at = text.indexOf(mark, at + mark.length)) {
    const before = at === 0 ? 10 : text.charCodeAt(at - 1);
    if (before !== 10 && before !== 13) continue;
    const rest = text.slice(at + mark.length, at + mark.length + PADDING_LENGTH_MAX);
    if (/^(?:--|[ \t]*(?:[\r\n]|$))/.test(rest)) return at;
  }
  return -1;
}

/** Blanks behind a delimiter that are taken for its own. */
const PADDING_LENGTH_MAX = 80;

function walkPart(part: string, visitor: Visitor): void {
  // Some servers end a part's head at any empty line, others at one of CRLF only.
  const any = /\r?\n\r?\n/.exec(part);
  const split = any ? any.index : part.length;
  const head = lenientUtf8(part.slice(0, split));
  const { names, files, isValue } = dispositionOf(head);
  const [name = ''] = names;
  for (const each of names) visitor.name('multipart', each);
  let body = part.slice(split + (any ? any[0].length : 0));
  if (body.endsWith('\r\n')) body = body.slice(0, -2);
  for (const file of files) if (file.trim() !== '') visitor.value('filename', name, file);
  if (isValue && (files.length === 0 || isText(body))) {
    value(name, head, body, visitor);
    const strict = any?.[0] === '\r\n\r\n' ? -1 : body.indexOf('\r\n\r\n');
    if (strict >= 0) value(name, head, body.slice(strict + 4), visitor);
    return;
  }
  const start = body.slice(0, FILE_BYTES_MAX);
  const program = start.indexOf('<?');
  const page = start.trimStart().startsWith('<') || /^\s{0,40}<(?:svg|!doctype|\?xml)/i.test(start);
  if (page || program >= 0) visitor.document('multipart', start.slice(page ? 0 : program));
}

/** Fewer than one in twenty of its first bytes are of no text. */
function isText(body: string): boolean {
  const odd = body.slice(0, 1024).match(/[\0-\x08\x0e-\x1f]/g)?.length ?? 0;
  return odd * 20 <= Math.min(body.length, 1024);
}

function value(name: string, head: string, body: string, visitor: Visitor): void {
  visitor.value('multipart', name, lenientUtf8(body));
  if (QUOTED_PRINTABLE.test(head))
    visitor.value('multipart', name, lenientUtf8(decodeQuotedPrintable(body)));
}

const QUOTED_PRINTABLE = /^content-transfer-encoding[ \t]{0,8}:[ \t]{0,8}quoted-printable/im;

function decodeQuotedPrintable(body: string): string {
  return body
    .replace(/=[ \t]{0,8}\r?\n/g, '')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** How much of a part's head is looked at. */
const HEAD_LENGTH_MAX = 4096;

interface Disposition {
  /** What the part is called; more than one where an attacker wants two servers to read two. */
  readonly names: readonly string[];
  readonly files: readonly string[];
  /** Whether some server takes the part for a value and no file. */
  readonly isValue: boolean;
}

/**
 * A file name counts in Content-Disposition and outside of quotes alone: elsewhere it makes no file
 * of a value. Of a parameter that is repeated some servers take the first and others the last.
 */
function dispositionOf(head: string): Disposition {
  const names = new Set<string>();
  const files = new Set<string>();
  let pieces = ''; // filename*0="a.p"; filename*1="hp" (RFC 2231 §3)
  let dispositions = 0;
  let isFile = true;
  let isPlainFile = false;
  const lines = head
    .slice(0, HEAD_LENGTH_MAX)
    .replace(/\r?\n[ \t]{1,64}/g, ' ')
    .split(/[\r\n]/);
  for (const line of lines) {
    if (!/^content-disposition\s{0,8}:/i.test(line)) continue;
    dispositions++;
    let at = line.indexOf(';');
    while (at >= 0) {
      const start = at + 1;
      const mark = line.slice(start).search(/[=;]/);
      if (mark < 0) break;
      const equals = start + mark;
      if (line[equals] === ';') {
        at = equals;
        continue;
      }
      const key = line.slice(start, equals).trim().toLowerCase();
      let value = equals + 1;
      while (line[value] === ' ' || line[value] === '\t') value++;
      let text: string;
      if (line[value] === '"') {
        text = quoted(line, value + 1);
        at = line.indexOf(';', value + 1 + text.length);
      } else {
        at = line.indexOf(';', value);
        text = line.slice(value, at < 0 ? line.length : at).trim();
        if (key.endsWith('*')) text = text.slice(text.lastIndexOf("'") + 1);
        else if (/^'.*'$/.test(text)) text = text.slice(1, -1); // quotes to PHP
      }
      if (key === 'name' || key === 'name*') names.add(text);
      else if (key === 'filename') {
        files.add(text);
        isPlainFile = true;
        // RFC 7578 §4.2 gives every file a name; one without is a value to many a server.
        if (text.trim() === '') isFile = false;
      } else if (key === 'filename*') files.add(text);
      else if (/^filename\*\d{1,2}\*?$/.test(key)) pieces += text;
    }
  }
  if (pieces !== '') files.add(pieces);
  // PHP and others know no filename*.
  return {
    names: [...names],
    files: [...files],
    isValue: !(isFile && isPlainFile) || dispositions > 1,
  };
}

/** Browsers send \ as itself (C:\x.txt from old ones) and a quote as %22. */
function quoted(head: string, start: number): string {
  let end = start;
  while (end < head.length && head[end] !== '"')
    end += head[end] === '\\' && head[end + 1] === '"' ? 2 : 1;
  // What follows a closing quote is `;` or the line's end; else the quote was the attacker's.
  const line = head.slice(end + 1).search(/[\r\n]|$/);
  const rest = head.slice(end + 1, end + 1 + line).trim();
  return rest === '' || rest.startsWith(';')
    ? head.slice(start, end)
    : head.slice(start, end + 1 + line);
}
