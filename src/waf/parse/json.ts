import { JSON_DEPTH_MAX, JSON_STRINGS_MAX } from '../bounds.ts';
import type { Visitor } from './visitor.ts';

/**
 * Walks a JSON text without building it: every key and every string, with the key it belongs to.
 * Forgives what a lax reader forgives and what a cut-off text lacks; every duplicate key is seen.
 */
export function walkJson(text: string, visitor: Visitor): void {
  const keys: string[] = [];
  let key = '';
  let strings = 0;
  let backslash = text.indexOf('\\');
  let wantsKey = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 123: // {
      case 91: // [
        if (keys.length === JSON_DEPTH_MAX) {
          visitor.bound('depth', `JSON deeper than ${JSON_DEPTH_MAX}`);
          return;
        }
        keys.push(key);
        wantsKey = text.charCodeAt(at) === 123;
        objects[keys.length] = wantsKey ? 1 : 0;
        break;
      case 125:
      case 93:
        key = keys.pop() ?? '';
        wantsKey = false;
        break;
      case 44: // ,
        wantsKey = objects[keys.length] === 1;
        if (!wantsKey && keys.length > 0) key = keys[keys.length - 1]!;
        break;
      case 58:
        wantsKey = false;
        break;
      case 34: {
        if (strings++ === JSON_STRINGS_MAX) {
          visitor.bound('strings', `more than ${JSON_STRINGS_MAX} strings`);
          return;
        }
        const start = at + 1;
        let end = text.indexOf('"', start);
        if (end < 0) end = text.length;
        let escaped = false;
        while (backslash >= 0 && backslash < end) {
          if (backslash >= start) {
            escaped = true;
            // The character after a backslash is no end.
            if (backslash + 1 === end) end = text.indexOf('"', end + 1);
            if (end < 0) end = text.length;
            backslash = text.indexOf('\\', backslash + 2);
          } else backslash = text.indexOf('\\', start);
        }
        const raw = text.slice(start, end);
        const value = escaped ? unescapeJson(raw) : raw;
        if (wantsKey) {
          key = value;
          // A reader that merges objects walks from one key to the next, as a path in a name would.
          const nested = value === 'prototype' && keys[keys.length - 1] === 'constructor';
          visitor.name('json', nested ? 'constructor.prototype' : value);
        } else visitor.value('json', key, value);
        at = end;
        break;
      }
    }
  }
}

/** Whether the container at each depth is an object. Reused: the walk never nests. */
const objects = new Uint8Array(JSON_DEPTH_MAX + 1);

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

export function unescapeJson(raw: string): string {
  let out = '';
  let from = 0;
  let at = raw.indexOf('\\');
  while (at >= 0 && at + 1 < raw.length) {
    const kind = raw[at + 1]!;
    out += raw.slice(from, at);
    from = at + 2;
    if (kind === 'u' && /^[0-9a-f]{4}$/i.test(raw.slice(at + 2, at + 6))) {
      out += String.fromCharCode(Number.parseInt(raw.slice(at + 2, at + 6), 16));
      from = at + 6;
    } else out += ESCAPES[kind] ?? kind;
    at = raw.indexOf('\\', from);
  }
  return out + raw.slice(from);
}
