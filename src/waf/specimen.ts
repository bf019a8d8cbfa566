import type { Verdict } from './findings.ts';
import { CLEAN } from './findings.ts';
import { headerList } from './request.ts';
import type { Waf } from './waf.ts';

/**
 * A request in one line, as rules' examples, the corpus and `openclaw waf test` write it:
 * `place[:name] value`. Places: `query`, `form`, `json`, `cookie`, `header`, `multipart`,
 * `filename`, `xml` (the text of an element) take the value as the application sees it; `target`,
 * `rawform`, `rawjson`, `rawmultipart` (its boundary is `b`), `rawxml`, `rawcookie`, `body` and
 * `method` take it as it stands on the wire. ␀ ␉ ␊ ␍ stand for NUL, tab, line feed and carriage
 * return.
 */
export interface Specimen {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly contentType: string;
  readonly body: string;
}

const SYMBOLS: Readonly<Record<string, string>> = { '␀': '\0', '␉': '\t', '␊': '\n', '␍': '\r' };

/** @throws SyntaxError for a place that there is not */
export function readSpecimen(line: string): Specimen {
  const blank = line.indexOf(' ');
  const head = blank < 0 ? line : line.slice(0, blank);
  const value = blank < 0 ? '' : line.slice(blank + 1).replace(/[␀␉␊␍]/g, (it) => SYMBOLS[it]!);
  const colon = head.indexOf(':');
  const place = colon < 0 ? head : head.slice(0, colon);
  const name = colon < 0 ? '' : head.slice(colon + 1);
  const bare: Specimen = { method: 'GET', target: '/', headers: [], contentType: '', body: '' };
  const post = (contentType: string, body: string): Specimen => ({
    ...bare,
    method: 'POST',
    contentType,
    body,
  });
  switch (place) {
    case 'method':
      return { ...bare, method: value };
    case 'target':
    case 'path':
      return { ...bare, target: value.replace(/[^\x21-\x7e]/g, (it) => encodeURIComponent(it)) };
    case 'query':
      return {
        ...bare,
        target: `/?${encodeURIComponent(name || 'q')}=${encodeURIComponent(value)}`,
      };
    case 'header':
      return { ...bare, headers: [[name || 'x-value', value]] };
    case 'cookie':
      return { ...bare, headers: [['cookie', `${name || 'c'}=${value}`]] };
    case 'rawcookie':
      return { ...bare, headers: [['cookie', value]] };
    case 'form':
      return post(
        'application/x-www-form-urlencoded',
        `${encodeURIComponent(name || 'f')}=${encodeURIComponent(value)}`,
      );
    case 'rawform':
      return post('application/x-www-form-urlencoded', value);
    case 'json':
      return post('application/json', JSON.stringify({ [name || 'value']: value }));
    case 'rawjson':
      return post('application/json', value);
    case 'multipart':
      return post(
        'multipart/form-data; boundary=b',
        `--b\r\nContent-Disposition: form-data; name="${name || 'm'}"\r\n\r\n${value}\r\n--b--\r\n`,
      );
    case 'rawmultipart':
      return post('multipart/form-data; boundary=b', value);
    case 'filename':
      return post(
        'multipart/form-data; boundary=b',
        `--b\r\nContent-Disposition: form-data; name="${name || 'file'}"; filename="${value}"\r\n\r\nx\r\n--b--\r\n`,
      );
    case 'xml':
      return post(
        'application/xml',
        `<?xml version="1.0"?><r><${name || 'v'}>${value.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</${name || 'v'}></r>`,
      );
    case 'rawxml':
      return post('application/xml', value);
    case 'body':
      return post(name || 'text/plain', value);
    default:
      throw new SyntaxError(
        `a specimen begins with a place (query, form, json, header, ...), not "${place}": ${line}`,
      );
  }
}

/** Asks a WAF about a specimen, head and body together. */
export function inspectSpecimen(waf: Waf, line: string): Verdict {
  const { method, target, headers, contentType, body } = readSpecimen(line);
  const head = waf.inspectHead({ method, target, headers: headerList(headers) });
  if (body === '') return head;
  const bytes = Buffer.from(body, 'utf8');
  return waf.join(
    head,
    body === '' ? CLEAN : waf.inspectBody({ target, contentType, bytes, isTruncated: false }),
  );
}
