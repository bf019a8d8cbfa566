/** HTTP itself as the target: headers and requests hidden in values, and values no head should hold. */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import { BODY_VALUES } from '../rule.ts';
import type { Subject } from '../subject.ts';

/** Headers whose appearance on a new line of a value has no other use than to be taken for one. */
const HEADER_NAMES =
  /^(?:set-cookie2?|location|content-(?:type|length|encoding|disposition|security-policy)|transfer-encoding|x-[a-z-]{2,40}|host|refresh|access-control-[a-z-]{4,30}|status|link|cookie|connection|cache-control|last-modified|expires|authorization|server|proxy-[a-z-]{4,30}|user-agent|upgrade|www-authenticate|bcc|cc|to|subject|reply-to|from)$/;

/** Headers that answers and requests hold and no person's text does, for fields of a body. */
const PROTOCOL_HEADERS =
  /^(?:set-cookie2?|location|content-(?:type|length|encoding|disposition|language|location|range|security-policy(?:-report-only)?)|transfer-encoding|x-[a-z0-9-]{2,40}|sec-[a-z-]{2,40}|refresh|access-control-[a-z-]{4,30}|clear-site-data|strict-transport-security|cross-origin-[a-z-]{4,30}|permissions-policy|referrer-policy|cache-control|surrogate-control|last-modified|etag|vary|alt-svc|authorization|proxy-[a-z-]{4,30}|www-authenticate|upgrade|service-worker-allowed|sourcemap|timing-allow-origin|report-to|nel|forwarded)$/;

/** A header's line: its name is a token, and the colon follows it at once (RFC 9112 §5.1). */
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):/;

/** Fields whose value is an address to go to, or else becomes a header as it is. */
const HEADER_FIELDS =
  /^(?:url|uri|u|to|go|goto|next|ref|referer|referrer|back|dest|destination|continue|location|redir\w{0,12}|redirect[-_]?(?:to|ur[il])|return\w{0,8}|return[-_]?(?:to|ur[il])|callback|forward|target|host|domain|origin|lang|language|locale|charset|cookie|header|file|filename|download)$/i;

/** Fields that become one line of a mail's head. */
const MAIL_FIELDS =
  /^(?:(?:your|full|first|last|user|sender|contact)?[-_ ]?(?:name|e?-?mail)|subject|from|to|cc|reply[-_]?to|recipient)$/i;

export function detectProtocol(subject: Subject, findings: Findings): void {
  const { text, place } = subject;
  if (text.includes('\u560a') || text.includes('\u560d')) {
    // Cut to their last byte, these two ideographs are LF and CR.
    const cut = text.search(/[\u560a\u560d]{2}/);
    if (cut >= 0) judgeLine(subject, findings, cut, cut + 2);
  }
  const isBroken = (subject.characters & (f.NEWLINE | f.CONTROL)) !== 0;
  let at = isBroken ? nextBreak(text, 0) : -1;
  for (let seen = 0; at >= 0 && seen < 256; seen++) {
    let start = at;
    while (start < text.length && (text.charCodeAt(start) === 13 || text.charCodeAt(start) === 10))
      start++;
    // An indented line of a program is no header and no command.
    if (text.charCodeAt(start) > 32 || !subject.document) judgeLine(subject, findings, at, start);
    at = nextBreak(text, start);
  }
  if (isBroken && (place === 'path' || place === 'header') && /[\r\n]/.test(text)) {
    findings.signal('protocol-line-break', subject, 0, 80, `a line break in a ${place}`);
  }
  if (isBroken && text.includes('\0')) {
    const nul = text.indexOf('\0');
    findings.signal('protocol-null', subject, nul - 20, nul + 20, 'a NUL byte');
  }
  if (place === 'query' || place === 'form' || place === 'cookie' || place === 'path')
    requestInside(subject, findings);
  else if (place === 'body' && LAST_CHUNK.test(text))
    findings.signal('protocol-smuggled-body', subject, 0, 80, 'the last chunk, then a request');
}

function judgeLine(subject: Subject, findings: Findings, at: number, start: number): void {
  const { text } = subject;
  const line = text.slice(start, start + 160);
  const colon = line.indexOf(':');
  if (colon > 0 && colon <= 40) {
    const name = line.slice(0, colon).trim().toLowerCase();
    if (HEADER_NAMES.test(name)) {
      // A mail that someone quotes has a sender and a subject; a blind copy is asked for by injection.
      // A field that is a mail as a whole begins with a header of its own.
      const whole = subject.document || /^[\w-]{1,40}:\s/.test(text);
      if (MAIL_FIELDS.test(subject.name) && !whole) {
        findings.signal(
          'protocol-blind-copy',
          subject,
          at,
          start + 80,
          `a line of a mail's head in ${subject.name}`,
        );
      } else if (name === 'bcc' && line.includes('@')) {
        findings.signal('protocol-blind-copy', subject, at, start + 80, 'a line break, then Bcc');
      }
      // In a field of one line; a text of many lines may show an answer.
      if (name === 'set-cookie' && at < 120 && !subject.prose && !subject.document) {
        findings.signal(
          'protocol-cookie',
          subject,
          at,
          start + 80,
          'a line break, then Set-Cookie',
        );
      }
      const mail = /^(?:bcc|cc|to|subject|reply-to|from|link|host|server|status|expires)$/.test(
        name,
      );
      findings.signal(
        mail ? 'protocol-mail' : 'protocol-splitting',
        subject,
        at,
        start + 80,
        `a line break, then the header ${name}`,
      );
    }
  }
  judgeHeaderLine(subject, findings, at, start, line);
  if (/^HTTP\/[0-9](?:\.[0-9])?\s{1,8}[1-5]\d\d/i.test(line)) {
    findings.signal(
      'protocol-splitting',
      subject,
      at,
      start + 80,
      'a line break, then a status line',
    );
  }
  if (
    /^(?:GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|TRACE|CONNECT)\s{1,8}\S{1,100}\s{1,8}HTTP\/\d/i.test(
      line,
    )
  ) {
    findings.signal(
      'protocol-smuggling',
      subject,
      at,
      start + 80,
      'a line break, then a request line',
    );
  }
  if (/^0\s{0,4}$/.test(line.split(/[\r\n]/)[0]!) && /^0\r?\n\r?\n\S/.test(line)) {
    findings.signal(
      'protocol-smuggling',
      subject,
      at,
      start + 80,
      'the last chunk of a body, then more',
    );
  }
  if (
    /^<(?:html|script|body|svg|img|iframe)\b/i.test(line) &&
    (text.slice(at, start).match(/\n/g)?.length ?? 0) >= 2
  ) {
    findings.signal('protocol-splitting', subject, at, start + 80, 'an empty line, then a page');
  }
  // SMTP, IMAP, Redis and memcached read lines too.
  if (
    /^(?:QUIT|RSET|NOOP|STARTTLS)\s{0,4}(?:$|[\r\n])/.test(line) ||
    /^[A-Z]{0,4}\d{1,5} (?:CAPABILITY|LOGIN|LOGOUT|FETCH|SELECT|EXAMINE|LIST|NOOP|STARTTLS)\b/.test(
      line,
    ) ||
    /^(?:flushall|config set dir|slaveof|set \S{1,60} \d|rcpt to:|mail from:|ehlo |helo |data$|\*\d\r?\n\$\d)/i.test(
      line,
    )
  ) {
    findings.signal(
      'protocol-smuggling',
      subject,
      at,
      start + 80,
      'a line break, then a command of another protocol',
    );
  }
}

/** Any header: what an application puts into one ends at a line break, and the client's begins. */
function judgeHeaderLine(
  subject: Subject,
  findings: Findings,
  at: number,
  start: number,
  line: string,
): void {
  const found = HEADER_LINE.exec(line);
  if (!found || line.startsWith('//', found[0].length)) return; // an address on a line of its own
  const { text, place } = subject;
  const lead = text.slice(0, at);
  const isAddress = /^(?:\/|https?:|\.{1,2}\/)\S{0,2000}$/i.test(lead);
  const why = `a line break, then the header ${found[1]!.toLowerCase()}`;
  if (!BODY_VALUES.includes(place) || place === 'filename') {
    // A text area of a form that asks by GET holds lines too, between words and in plain line feeds.
    const isSent = text.charCodeAt(at) === 13 && start - at < 3 && !/\s/.test(lead);
    if (isSent || isAddress || lead === '')
      findings.signal('protocol-splitting', subject, at, start + 80, why);
    return;
  }
  // Nobody types %0d%0a to end a line. A field of one line: a text, or the lines of a head that someone shows, begins otherwise.
  if (subject.document || subject.prose || /\s/.test(lead)) return;
  if (!isAddress && HEADER_LINE.test(lead)) return;
  const isKnown = PROTOCOL_HEADERS.test(found[1]!.toLowerCase());
  if (isKnown || subject.round > 0 || (isAddress && HEADER_FIELDS.test(subject.name)))
    findings.signal('protocol-header', subject, at, start + 80, why);
}

function nextBreak(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) return at;
  }
  return -1;
}

/** What a front end took for the end of a body, and a back end for the next request. */
const LAST_CHUNK = /^0\r?\n\r?\n\s{0,4}[A-Z]{3,8}\s\//;

/** A value that is a whole request or the framing of one. */
function requestInside(subject: Subject, findings: Findings): void {
  const { text } = subject;
  if (
    /^\s{0,8}(?:GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH)\s{1,4}\S{1,200}\s{1,4}HTTP\/1\.[01]\s{0,4}[\r\n]/i.test(
      text,
    )
  ) {
    findings.signal('protocol-smuggling', subject, 0, 80, 'a request as a value');
  }
  if (
    /^\s{0,8}transfer-encoding\s{0,4}:\s{0,4}\S{0,12}chunked/i.test(text) ||
    /^[0-9a-f]{1,8}\r\n[\s\S]{0,400}\r\n0\r\n/i.test(text) ||
    LAST_CHUNK.test(text) ||
    (subject.place !== 'form' && /\sHTTP\/1\.[01]\s{0,4}\r?\n/.test(text))
  ) {
    findings.signal('protocol-smuggling', subject, 0, 80, 'the framing of a request as a value');
  }
}
