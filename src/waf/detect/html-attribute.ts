/** Which attributes harm: event handlers, styles, documents and addresses. */

import type { Findings } from '../findings.ts';
import { HEAD_VALUES } from '../rule.ts';
import type { Subject } from '../subject.ts';
import { ADDRESSES, EVENTS } from './html-names.ts';
import {
  hasQuote,
  isAttributePart,
  isQuote,
  isSpace,
  NAME_MAX,
  unspaced,
  VALUE_MAX,
  valueEnd,
  valueStart,
} from './html-text.ts';
import { reachesBrowser, runsScript } from './script.ts';

/** What stands before the `=`: an event handler, an address, a style, a document. */
export function judgeAttribute(
  subject: Subject,
  findings: Findings,
  tag: string,
  equals: number,
): void {
  const { text } = subject;
  let end = equals;
  while (end > 0 && isSpace(text.charCodeAt(end - 1)) && equals - end < 16) end--;
  let start = end;
  while (start > 0 && end - start < NAME_MAX && isAttributePart(text.charCodeAt(start - 1)))
    start--;
  if (end - start < 2) return;
  const name = text.slice(start, end).toLowerCase();
  const before = start === 0 ? -1 : text.charCodeAt(start - 1);
  const valueAt = valueStart(text, equals + 1);

  if (name.startsWith('on') && name.length > 4) {
    // In the head of a request nobody has a use for a tag with such an attribute.
    const event =
      EVENTS.some((it) => name.startsWith(it, 2)) ||
      (tag !== '' && HEAD_VALUES.includes(subject.place) && !ON_WORDS.test(name));
    const scripted = runsScript(text, valueAt) || reachesBrowser(text, valueAt);
    const separated =
      before === -1 ||
      isSpace(before) ||
      before === 47 ||
      before === 34 ||
      before === 39 ||
      before < 32 ||
      before === 59 ||
      before === 96;
    // onClick={f} is JSX or Svelte, which a program reads, not a browser; an empty handler does nothing.
    const jsx =
      text.charCodeAt(valueAt) === 123 &&
      subject.trusting &&
      !HEAD_VALUES.includes(subject.place) &&
      !reachesBrowser(text, valueAt, valueEnd(text, valueAt));
    const empty =
      valueAt > equals + 1 &&
      isQuote(text.charCodeAt(valueAt)) &&
      isQuote(text.charCodeAt(valueAt - 1));
    const shown =
      jsx ||
      empty ||
      (tag === '' && isMentioned(subject, start, valueAt)) ||
      (subject.prose && (subject.quotesCode(start) || !reachesBrowser(text, valueAt)));
    if (tag !== '' && separated && (event || scripted)) {
      // An empty or a plainly wordless value is no handler; a name alone is one (onerror=f).
      if (valueAt < text.length && !shown) {
        findings.signal(
          'xss-handler',
          subject,
          start,
          equals + 60,
          `the event handler ${name} of <${tag}>`,
        );
      }
    } else if (tag === '' && separated && event && scripted && !shown && !subject.document) {
      const quoted = before === 34 || before === 39 || hasQuote(text, start);
      if (quoted || reachesBrowser(text, valueAt)) {
        findings.signal(
          'xss-handler',
          subject,
          start,
          equals + 60,
          `the event handler ${name} after a closed attribute`,
        );
      }
    }
    return;
  }
  if (tag === '') return;
  if (name === 'style') {
    const style = unspaced(text, valueAt, VALUE_MAX);
    if (/expression\(|javascript:|-moz-binding|behavior:url|@import/.test(style)) {
      findings.signal('xss-style-script', subject, start, equals + 80, 'a style that runs script');
    }
    return;
  }
  if (name === 'srcdoc') {
    findings.signal('xss-element', subject, start, equals + 80, 'a document within an attribute');
    return;
  }
  if (ADDRESSES.has(name)) {
    const address = unspaced(text, valueAt, 48);
    if (
      /^(?:[^a-z]{0,4})data:(?:text\/html|text\/xml|image\/svg|application\/x?html|text\/javascript|application\/javascript|,|;|text\/vbscript)/.test(
        address,
      )
    ) {
      if (!(address.includes('image/svg') && (tag === 'img' || tag === 'image'))) {
        findings.signal('xss-address', subject, start, equals + 60, `a document in ${name}`);
      }
    }
    if (tag === 'iframe' || tag === 'frame') {
      const hostile =
        address.startsWith('//') || address.startsWith('javascript') || address.startsWith('data:');
      if (hostile)
        findings.signal(
          'xss-address',
          subject,
          start,
          equals + 60,
          `a frame of ${address.slice(0, 20)}`,
        );
    }
  }
}

/**
 * `onclick="save()" does nothing`, in JSON: a sentence about an attribute. What injects one closes a
 * quote first, and nothing but attributes follows.
 */
function isMentioned(subject: Subject, start: number, valueAt: number): boolean {
  if (!subject.trusting || subject.place !== 'json') return false;
  const { text } = subject;
  const quote = text[valueAt - 1]!;
  const quoted = quote === '"' || quote === "'";
  const value = text.slice(valueAt, valueAt + VALUE_MAX);
  const length = quoted ? value.indexOf(quote) : value.search(/\s/);
  if (length < 0) return false;
  if (quoted && text.slice(Math.max(0, start - VALUE_MAX), start).split(quote).length % 2 === 0)
    return false;
  const after = value.slice(length, length + 80);
  return (quoted ? WORDS_AFTER_QUOTE : WORDS_AFTER).test(after) && !ATTRIBUTE_AFTER.test(after);
}

const WORDS_AFTER_QUOTE = /^["']{1,2}[\s.,:;!?)]{1,4}\p{L}/u;
const WORDS_AFTER = /^[\s.,:;!?)]{1,4}\p{L}{2,20}[\s.,:;!?)]{1,4}\p{L}/u;

const ATTRIBUTE_AFTER =
  /[=<>]|\b(?:autofocus|contenteditable|tabindex|autoplay|open|hidden|controls)\b/i;

/** Attributes of XML that are words and no events. */
const ON_WORDS = /^on(?:line|ly|ce|e|to|set|ward|going|ion|us|tolog|site|hand|board)/;
