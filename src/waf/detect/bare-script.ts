/** A value that is a script by itself, for a place within one. */

import { BRACKET, PAREN, WORD_SCRIPT } from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { isSpace, VALUE_MAX } from './html-text.ts';
import { isSymbolScript } from './script.ts';

/** A value that is nothing but a script. */
export function judgeBareScript(subject: Subject, findings: Findings): void {
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
