/**
 * Cross-site scripting, told by a reader of HTML that is as lax as browsers are: tags and their
 * attributes wherever a `<` and a letter stand, event handlers, addresses that are scripts; and the
 * two ways out of what the application wrote around the value, an attribute's or a script's quotes.
 * One pass; what a tag or an attribute may cost is bounded.
 */
import { BRACKET, PAREN, WORD_SCRIPT } from '../features.ts';
import type { Findings } from '../findings.ts';
import { HEAD_VALUES } from '../rule.ts';
import type { Subject } from '../subject.ts';
import { ADDRESSES, EVENTS } from './html-names.ts';
import { isNamePart, isSymbolScript, reachesBrowser, runsScript } from './script.ts';

/** Characters of an attribute's value that are looked at. */
const VALUE_MAX = 256;
const NAME_MAX = 40;
/** Addresses that begin as a script does, of one value: each costs a look at what follows it. */
const SCHEMES_MAX = 64;

export function detectHtml(subject: Subject, findings: Findings): void {
  const { text } = subject;
  let inTag = false;
  let single = false;
  let double = false;
  let tick = false;
  let schemes = 0;
  let tag = '';
  const rawText = new RawText(subject);
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 60: {
        // <
        const start = text.charCodeAt(at + 1) === 47 ? at + 2 : at + 1;
        const end = tagNameEnd(text, start);
        if (end === start) break;
        inTag = true;
        tag = text.slice(start, end).toLowerCase();
        const colon = tag.lastIndexOf(':');
        if (colon >= 0) tag = tag.slice(colon + 1);
        // Promise<Script> is a type of a program's.
        const type = subject.document && at > 0 && isNamePart(text.charCodeAt(at - 1));
        if (start === at + 1 && !type) judgeTag(subject, findings, tag, at, end, rawText);
        at = end - 1;
        break;
      }
      case 62: // >
        inTag = false;
        break;
      case 61: // =
        if (at > 0) judgeAttribute(subject, findings, inTag ? tag : '', at);
        break;
      case 39:
      case 34:
      case 96: {
        // Code quoted as a whole keeps its quotes in pairs; a break-out begins with the first one.
        const kind = text.charCodeAt(at);
        if (kind === 39 ? single : kind === 34 ? double : tick) break;
        if (kind === 39) single = true;
        else if (kind === 34) double = true;
        else tick = true;
        judgeScriptBreakout(subject, findings, at);
        break;
      }
      case 58: // :
        if (schemes < SCHEMES_MAX && judgeScheme(subject, findings, at, inTag)) schemes++;
        break;
    }
  }
  if (/^\s{0,8}data:(?:text\/html|application\/xhtml|text\/javascript)/i.test(text)) {
    findings.signal('xss-address', subject, 0, 60, 'an address that is a document');
  }
  judgeBareScript(subject, findings);
}

function judgeTag(
  subject: Subject,
  findings: Findings,
  tag: string,
  at: number,
  end: number,
  rawText: RawText,
): void {
  const { text } = subject;
  const follows = text.charCodeAt(end);
  switch (tag) {
    case 'script': {
      if (subject.prose && subject.quotesCode(at)) return;
      const attributes = attributesOf(text, end);
      const loads = /\b(?:src|href|data)\b\s{0,8}=/i.test(attributes);
      const body = end + attributes.length + 1;
      const bodyEnd = rawText.end('script', body);
      const closed = bodyEnd > body && bodyEnd < text.length;
      // A page of an example loads its own scripts; an attacker's lie elsewhere.
      const shown = subject.prose || subject.document;
      const own = shown && !/=\s{0,8}["']?\s{0,8}(?:\w{1,12}:|[\\/]{2})/.test(attributes);
      // Among words, and in a document that shows a program, the browser must be reached for.
      const runs = shown
        ? reachesBrowser(text, body, bodyEnd)
        : runsScript(text, body, bodyEnd) || closed;
      if (loads ? !own : runs || text.charCodeAt(end) === 60) {
        findings.signal(
          'xss-script',
          subject,
          at,
          end + 40,
          loads ? 'a script element that loads' : 'a script element with a script',
        );
      } else if (!shown)
        findings.signal('xss-script-tag', subject, at, end + 40, 'a script element');
      return;
    }
    case 'iframe':
    case 'frame':
      if (follows === 62 || (subject.prose && subject.quotesCode(at))) return; // one of nothing
      findings.signal('xss-frame', subject, at, end + 60, `a ${tag} element`);
      return;
    case 'object':
    case 'embed':
    case 'applet':
    case 'base':
    case 'portal':
    case 'bgsound':
    case 'isindex': {
      const rest = attributesOf(text, end);
      if (/[\s/"'](?:src|data|href|code|codebase|action|classid|type)\s{0,8}=/i.test(rest)) {
        findings.signal('xss-element', subject, at, end + 60, `a ${tag} element that loads`);
      }
      return;
    }
    case 'meta': {
      const rest = attributesOf(text, end).toLowerCase();
      if (/http-equiv/.test(rest) && /refresh|set-cookie|content-security|link/.test(rest)) {
        findings.signal(
          'xss-element',
          subject,
          at,
          end + 60,
          'a meta element that acts as a header',
        );
      }
      return;
    }
    case 'link': {
      if (subject.document) return; // a page that is shown, with its own style sheets
      const rest = attributesOf(text, end).toLowerCase();
      if (
        /rel\s{0,8}=\s{0,8}["']?(?:stylesheet|import|preload|manifest)/.test(rest) &&
        rest.includes('href')
      ) {
        findings.signal('xss-element', subject, at, end + 60, 'a link element that loads');
      }
      return;
    }
    case 'style': {
      const bodyEnd = rawText.end('style', end);
      const active =
        bodyEnd > rawText.styleJudged && ACTIVE_STYLE.test(subject.lower.slice(end, bodyEnd));
      rawText.styleJudged = bodyEnd;
      findings.signal(
        active ? 'xss-element' : 'xss-style',
        subject,
        at,
        end + 60,
        'a style element',
      );
      return;
    }
    case 'handler': {
      if (reachesBrowser(text, end))
        findings.signal('xss-element', subject, at, end + 60, 'a handler element with a script');
      return;
    }
    case 'set':
    case 'animate': {
      const rest = attributesOf(text, end).toLowerCase();
      if (/attributename\s{0,8}=\s{0,8}["']?(?:xlink:)?(?:href|on)/.test(rest)) {
        findings.signal('xss-element', subject, at, end + 60, 'an animation of an address');
      }
      return;
    }
    case 'form': {
      const rest = attributesOf(text, end).toLowerCase();
      if (/action\s{0,8}=\s{0,8}["']?(?:https?:)?\/\//.test(rest)) {
        findings.signal('xss-form', subject, at, end + 60, 'a form that posts elsewhere');
      }
      return;
    }
    default:
      if (follows === 0 || tag.length > NAME_MAX) return;
  }
}

const ACTIVE_STYLE = /@import|expression\(|javascript:|-moz-binding|behavior:/;

/**
 * Where the elements end whose content is raw text to a browser: at the end tag of their own name,
 * whatever looks like a tag before it (HTML §13.1.2.6). Each end is searched for once.
 */
class RawText {
  /** End of the last style element that was judged. */
  styleJudged = 0;
  readonly #subject: Subject;
  readonly #ends = { script: -1, style: -1 };

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  /** Where the content that begins at `from` ends; the text's length where nothing closes it. */
  end(tag: 'script' | 'style', from: number): number {
    if (this.#ends[tag] < from) {
      const at = this.#subject.lower.indexOf(`</${tag}`, from);
      this.#ends[tag] = at < 0 ? this.#subject.text.length : at;
    }
    return this.#ends[tag];
  }
}

/** What stands before the `=`: an event handler, an address, a style, a document. */
function judgeAttribute(subject: Subject, findings: Findings, tag: string, equals: number): void {
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

const SCRIPT_SCHEMES = ['javascript', 'vbscript', 'livescript', 'jscript'];

/** `javascript:` in any spelling a browser forgives, with a script after it; whether it is that scheme. */
function judgeScheme(subject: Subject, findings: Findings, colon: number, inTag: boolean): boolean {
  const { text } = subject;
  // Read backwards over letters and what browsers skip inside a scheme (tab, newline, NUL).
  let scheme = '';
  let at = colon - 1;
  let broken = false;
  while (at >= 0 && scheme.length < 11 && colon - at < 48) {
    const code = text.charCodeAt(at);
    if (code <= 32) broken = true;
    else if ((code | 0x20) >= 97 && (code | 0x20) <= 122) scheme = text[at]!.toLowerCase() + scheme;
    else break;
    at--;
    if (SCRIPT_SCHEMES.includes(scheme)) break;
  }
  if (!SCRIPT_SCHEMES.includes(scheme)) return false;
  const before = at >= 0 ? text.charCodeAt(at) : -1;
  if (before >= 0 && isNamePart(before)) return false;
  const next = text.charCodeAt(colon + 1);
  const atStart = text.slice(0, at + 1).trim() === '';
  const quoted = before === 34 || before === 39 || before === 40 || before === 61 || inTag;
  const scripted =
    reachesBrowser(text, colon + 1) || (runsScript(text, colon + 1) && (next !== 32 || quoted));
  if (/^\s{0,8}void\(0\);?["')]?/i.test(text.slice(colon + 1, colon + 24)) && !broken) return true;
  if (subject.prose && !quoted && !broken && (!atStart || next === 32)) return true;
  if (scripted && (atStart || quoted || broken || next !== 32)) {
    if (subject.prose && !inTag && subject.quotesCode(at + 1)) return true;
    findings.signal('xss-address', subject, at + 1, colon + 60, 'an address that is a script');
  } else if ((inTag || broken) && !subject.prose) {
    findings.signal('xss-address', subject, at + 1, colon + 60, 'an address that is a script');
  } else if (atStart && (next === 37 || next === 47)) {
    findings.signal('xss-address', subject, at + 1, colon + 60, 'an address that is a script');
  }
  return true;
}

/** A quote, then an operator or the end of a statement, then a call of the browser's functions. */
function judgeScriptBreakout(subject: Subject, findings: Findings, quote: number): void {
  const { text } = subject;
  let at = quote + 1;
  let operator = false;
  while (at < text.length && at - quote < 12) {
    const code = text.charCodeAt(at);
    if (isSpace(code) || code === 41 || code === 93) at++;
    else if (';}+-*/|&^%?:,<>=!~({['.includes(text[at]!)) {
      operator = true;
      at++;
    } else break;
  }
  if (!operator || at >= text.length || !isNamePart(text.charCodeAt(at))) return;
  let end = at;
  while (
    end < text.length &&
    end - at < 48 &&
    (isNamePart(text.charCodeAt(end)) || text[end] === '.')
  )
    end++;
  const follows = text[end];
  if (follows !== '(' && follows !== '`' && follows !== '[' && follows !== '=') return;
  if (!reachesBrowser(text, at, end + 2)) return;
  const closes = text.slice(end, end + VALUE_MAX);
  if (/(?:\/\/|['"`]|<!--|;|\))$/.test(closes.trimEnd()) && !subject.prose) {
    findings.signal('xss-breakout', subject, quote, end + 40, 'a closed string, then a call');
  }
}

/** A value that is nothing but a script. */
function judgeBareScript(subject: Subject, findings: Findings): void {
  const { text } = subject;
  if ((subject.characters & (BRACKET | PAREN)) === (BRACKET | PAREN) && isSymbolScript(text)) {
    findings.signal('xss-call', subject, 0, text.length, 'a script of symbols alone');
    return;
  }
  if ((subject.words & WORD_SCRIPT) === 0 || subject.prose) return;
  const lower = subject.lower;
  if (lower.includes('+adw-') && lower.includes('+ad4-')) {
    findings.signal('xss-script', subject, lower.indexOf('+adw-'), text.length, 'a tag in UTF-7');
  }
  if (
    /document\.cookie(?!\s{0,4}=[^=])/.test(lower) &&
    (lower.includes('http') ||
      lower.includes('//') ||
      lower.includes('alert') ||
      lower.includes('fetch') ||
      lower.includes('location'))
  ) {
    findings.signal(
      'xss-call',
      subject,
      lower.indexOf('document.cookie'),
      text.length,
      'sends the cookies away',
    );
    return;
  }
  if (
    /^\W{0,4}document\[\s{0,4}['"`]\w{1,40}['"`]\s{0,4}\]\W{0,4}$/.test(text) ||
    /^\W{0,4}(?:window|self|top|parent|this|globalThis|frames|document)\[[^\]]{2,80}\]\s?[(`]/i.test(
      text,
    )
  ) {
    findings.signal('xss-call', subject, 0, text.length, 'calls what a name is put together for');
    return;
  }
  const handed = HANDED_ON.exec(text.slice(0, VALUE_MAX));
  if (handed) {
    findings.signal('xss-call', subject, handed.index, text.length, `hands on ${handed[0]}`);
    return;
  }
  let at = 0;
  while (at < text.length && (isSpace(text.charCodeAt(at)) || ';})]>-+/*!~('.includes(text[at]!)))
    at++;
  const word =
    /^(?:(?:window|self|top|parent|this|globalThis|frames)(?:\.|\[['"`]))?(alert|confirm|prompt|eval)\b/i.exec(
      text.slice(at, at + 40),
    );
  if (!word) return;
  const rest = text.slice(at + word[0].length, at + word[0].length + 40);
  // alert(1) vs alert("1"): no operator of JavaScript between a call and a word.
  if (/^\([^()]{0,30}\)\s{1,4}(?!in\b|instanceof\b)[a-z]{2,20}\s/i.test(rest)) return;
  if (/^(?:['"`]\])?(?:\?\.|\.call|\.apply|\))?[(`](?!\))/.test(rest) && text.length < 400) {
    findings.signal('xss-call', subject, at, text.length, `calls ${word[1]}`);
  }
}

/** [1].find(alert), a=alert,a(1): a function of the browser's that is called by another name. */
const HANDED_ON =
  /\]\.(?:find|map|filter|every|some|forEach|reduce|sort)\((?:alert|confirm|prompt|eval)\)|(?:^|[;,])\w{1,12}=(?:alert|confirm|prompt|eval)[,;]\w{1,12}[(`]/;

function attributesOf(text: string, from: number): string {
  const length = Math.min(lengthBefore(text, from, '>'), VALUE_MAX);
  return text.slice(from, from + length);
}

/** How many characters before the next `mark`, at most VALUE_MAX. */
function lengthBefore(text: string, from: number, mark: string): number {
  const at = text.slice(from, from + VALUE_MAX).indexOf(mark);
  return at < 0 ? Math.min(VALUE_MAX, text.length - from) : at;
}

function valueStart(text: string, at: number): number {
  const limit = at + 16;
  while (at < limit && isSpace(text.charCodeAt(at))) at++;
  const code = text.charCodeAt(at);
  return code === 34 || code === 39 || code === 96 ? at + 1 : at;
}

/** Where a value without quotes ends for a browser. */
function valueEnd(text: string, from: number): number {
  let end = from;
  const limit = Math.min(text.length, from + VALUE_MAX);
  while (end < limit && text.charCodeAt(end) !== 62 && !isSpace(text.charCodeAt(end))) end++;
  return end;
}

/** A piece in lower case without blanks, controls and CSS comments or escapes. */
function unspaced(text: string, from: number, length: number): string {
  const piece = text.slice(from, from + length).toLowerCase();
  return piece.replace(/[\u0000-\u0020\\]+/g, '').replace(/\/\*[^*]{0,40}\*\//g, '');
}

function hasQuote(text: string, before: number): boolean {
  const piece = text.slice(Math.max(0, before - 64), before);
  return piece.includes('"') || piece.includes("'");
}

function tagNameEnd(text: string, start: number): number {
  const first = text.charCodeAt(start) | 0x20;
  if (!(first >= 97 && first <= 122)) return start;
  let end = start;
  while (end < text.length && end - start <= NAME_MAX) {
    const code = text.charCodeAt(end);
    if (!isNamePart(code) && code !== 58 && code !== 45) break;
    end++;
  }
  return end;
}

function isAttributePart(code: number): boolean {
  return isNamePart(code) || code === 45 || code === 58;
}

function isQuote(code: number): boolean {
  return code === 34 || code === 39;
}

function isSpace(code: number): boolean {
  return code <= 32;
}
