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
  const head = lenientUtf8(part.slice(0, split));
  const disposition = head.slice(0, 4096);
  const name = parameter(disposition, 'name') ?? '';
  const file = parameter(disposition, 'filename') ?? parameter(disposition, 'filename*');
  let body = part.slice(split + gap);
  if (body.endsWith('\r\n')) body = body.slice(0, -2);
  visitor.name('multipart', name);
  if (file === undefined) {
    visitor.value('multipart', name, lenientUtf8(body));
    return;
  }
  visitor.value('filename', name, file);
  const start = body.slice(0, FILE_BYTES_MAX);
  const program = start.indexOf('<?');
  const page = start.trimStart().startsWith('<') || /^\s{0,40}<(?:svg|!doctype|\?xml)/i.test(start);
  if (page || program >= 0) visitor.document('multipart', start.slice(page ? 0 : program));
}

/** A parameter of Content-Disposition, quoted or not. */
function parameter(head: string, name: string): string | undefined {
  const lower = head.toLowerCase();
  let at = lower.indexOf(name);
  while (at >= 0) {
    const before = at === 0 ? ';' : lower[at - 1]!;
    let value = at + name.length;
    if (' ;\t\n'.includes(before)) {
      while (head[value] === ' ') value++;
      if (head[value] === '=') {
        value++;
        while (head[value] === ' ') value++;
        if (head[value] === '"') return quoted(head, value + 1);
        const end = head.slice(value).search(/[;\r\n]/);
        const raw = head.slice(value, end < 0 ? head.length : value + end).trim();
        return name.endsWith('*') ? raw.slice(raw.lastIndexOf("'") + 1) : raw;
      }
    }
    at = lower.indexOf(name, at + name.length);
  }
  return undefined;
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
