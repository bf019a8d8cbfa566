import { FILE_BYTES_MAX, MULTIPART_PARTS_MAX } from '../bounds.ts';
import { lenientUtf8 } from '../decode.ts';
import type { Visitor } from './visitor.ts';

/**
 * Walks multipart/form-data (RFC 7578): names, file names, values, and the beginning of files.
 * @param text the body, one character a byte
 */
export function walkMultipart(boundary: string, text: string, visitor: Visitor): void {
  const mark = `--${boundary}`;
  let at = text.indexOf(mark);
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
    if (text.startsWith('--', head)) return;
    const next = text.indexOf(mark, head);
    walkPart(text.slice(head, next < 0 ? text.length : next), visitor);
    at = next;
  }
}

function walkPart(part: string, visitor: Visitor): void {
  let split = part.indexOf('\r\n\r\n');
  let gap = 4;
  if (split < 0) {
    split = part.indexOf('\n\n');
    gap = 2;
  }
  if (split < 0) {
    split = part.length;
    gap = 0;
  }
  const { name, file } = dispositionOf(lenientUtf8(part.slice(0, split)));
  let body = part.slice(split + gap);
  if (body.endsWith('\r\n')) body = body.slice(0, -2);
  visitor.name('multipart', name);
  // A file without a name is a value to many a server (RFC 7578 §4.2 gives every file one).
  if (file.trim() === '') {
    visitor.value('multipart', name, lenientUtf8(body));
    return;
  }
  visitor.value('filename', name, file);
  const start = body.slice(0, FILE_BYTES_MAX);
  const program = start.indexOf('<?');
  const page = start.trimStart().startsWith('<') || /^\s{0,40}<(?:svg|!doctype|\?xml)/i.test(start);
  if (page || program >= 0) visitor.document('multipart', start.slice(page ? 0 : program));
}

/** How much of a part's head is looked at. */
const HEAD_LENGTH_MAX = 4096;

/**
 * Name and file name of a part, empty where there is none. A file name counts in Content-Disposition
 * and outside of quotes alone: elsewhere it makes no file of a value.
 */
function dispositionOf(head: string): { name: string; file: string } {
  let name = '';
  let file = '';
  const lines = head
    .slice(0, HEAD_LENGTH_MAX)
    .replace(/\r?\n[ \t]{1,64}/g, ' ')
    .split(/[\r\n]/);
  for (const line of lines) {
    if (!/^content-disposition\s{0,8}:/i.test(line)) continue;
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
      }
      if (key === 'name') name ||= text;
      else if (key === 'filename' || key === 'filename*') file ||= text;
    }
  }
  return { name, file };
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
