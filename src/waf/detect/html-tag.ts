/** Which tags harm, by their names and attributes. */

import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { attributesOf, NAME_MAX } from './html-text.ts';
import { reachesBrowser, runsScript } from './script.ts';

export function judgeTag(
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
export class RawText {
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
