/**
 * Cross-site scripting, told by a reader of HTML that is as lax as browsers are: tags and their
 * attributes wherever a `<` and a letter stand, event handlers, addresses that are scripts; and the
 * two ways out of what the application wrote around the value, an attribute's or a script's quotes.
 * One pass; what a tag or an attribute may cost is bounded.
 */

import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { judgeBareScript } from './bare-script.ts';
import { judgeAttribute } from './html-attribute.ts';
import { judgeTag, RawText } from './html-tag.ts';
import { isSpace, tagNameEnd, VALUE_MAX } from './html-text.ts';
import { isNamePart, reachesBrowser, runsScript } from './script.ts';

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
