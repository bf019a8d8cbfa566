/** Lookups of Log4j, nested as its own reader unfolds them. */
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';

/** Nested lookups evaluated; a lookup nested deeper is an attack by that alone. */
const LOOKUP_DEPTH_MAX = 8;

/** Log4j's ${...}: evaluated inside out, as it would be, until a jndi: shows. */
export function judgeLookups(subject: Subject, findings: Findings): void {
  const { text } = subject;
  // A lookup has a colon or another lookup inside; `${name}` has neither.
  const at = text.search(/\$\{[^}:$]{0,200}[:$]/);
  if (at < 0) return;
  const lookup = evaluateLookups(text, at);
  const { resolved } = lookup;
  // Without an address it looks nothing up; among words it is only named.
  const among = subject.trusting && /^\p{L}[\p{L}\d]{1,30} /u.test(text);
  const named = subject.prose || among ? JNDI_ADDRESS.test(resolved) : resolved.includes('jndi:');
  if (named && !/jndi:[a-z]{2,6}:\/\/\.\.\.\}/.test(resolved)) {
    findings.signal('template-jndi', subject, at, at + 80, 'a lookup that resolves to jndi:');
  } else if (subject.document) {
    return; // ${A:-b} is at home in scripts
  } else if (lookup.depth > LOOKUP_DEPTH_MAX) {
    findings.signal('template-jndi', subject, at, at + 80, `lookups nested ${lookup.depth} deep`);
  } else if (lookup.disguised) {
    findings.signal('template-jndi', subject, at, at + 80, 'a lookup that spells out letters');
  } else if (
    LOGGERS.test(text) &&
    // ${env:HOME} is at home in documents of settings.
    !(subject.place === 'json' && subject.trusting && !/\$\{(?!env:)\w{1,12}:/.test(text))
  ) {
    findings.signal('template-lookup', subject, at, at + 80, 'a lookup of the logger');
  }
}

/** `${jndi:ldap}` in a sentence is a name; an address makes it a lookup. */
const JNDI_ADDRESS = /jndi:\s{0,4}(?:[a-z]{2,6}:\/{0,2}[\w$[{%]|\$\{|\/\/)/;

/** Lookups of Log4j and of Commons Text. */
const LOGGERS =
  /\$\{(?:env|sys|java|ctx|main|docker|k8s|spring|bundle|log4j|web|lower|upper|date|sd|map|event|marker|base64|script|dns|url|base64decoder|urldecoder|const|resourcebundle|localhost|xml|properties):/i;

interface Lookups {
  /** The text with every lookup replaced by what it yields, in lower case. */
  readonly resolved: string;
  readonly depth: number;
  /** Letters are built by lower:, upper: or an empty name's default. */
  readonly disguised: boolean;
}

export function evaluateLookups(text: string, from: number): Lookups {
  const open: string[] = [''];
  let depth = 0;
  let disguised = 0;
  let plain = from; // where the text begins that is not in `open` yet
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const opens = code === 36 && text.charCodeAt(at + 1) === 123;
    if (!opens && (code !== 125 || open.length === 1)) continue;
    open[open.length - 1] += text.slice(plain, at);
    if (opens) {
      open.push('');
      depth = Math.max(depth, open.length - 1);
      at++;
    } else {
      const inner = open.pop()!;
      const value = yieldOf(inner);
      if (value.length === 1 && inner.length > 1) disguised++;
      open[open.length - 1] += value;
    }
    plain = at + 1;
    if (depth > LOOKUP_DEPTH_MAX) break;
  }
  open[open.length - 1] += text.slice(plain);
  return { resolved: open.join('${').toLowerCase(), depth, disguised: disguised >= 2 };
}

/** What one lookup yields: lower:X and upper:X their letters, name:-default its default. */
function yieldOf(inner: string): string {
  const fallback = inner.indexOf(':-');
  if (fallback >= 0) return inner.slice(fallback + 2);
  const lower = inner.slice(0, 6).toLowerCase();
  if (lower === 'lower:' || lower === 'upper:') return inner.slice(6);
  if (lower.startsWith('date:')) return inner.slice(5).replaceAll("'", '');
  return `\${${inner}}`;
}
