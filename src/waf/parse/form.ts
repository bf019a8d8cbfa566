import { PARAMETERS_MAX } from '../bounds.ts';
import { decodePercent } from '../decode.ts';
import type { Place } from '../rule.ts';
import type { Visitor } from './visitor.ts';

/** Walks `a=1&b=2`, as a query or a form body writes it, each name and value decoded once. */
export function walkForm(place: Place, text: string, visitor: Visitor): void {
  let start = 0;
  for (let seen = 0; start < text.length; seen++) {
    if (seen === PARAMETERS_MAX) {
      visitor.bound('parameters', `more than ${PARAMETERS_MAX} parameters`);
      return;
    }
    let end = text.indexOf('&', start);
    if (end < 0) end = text.length;
    let equals = start;
    while (equals < end && text.charCodeAt(equals) !== 61) equals++;
    const name = decodePercent(text.slice(start, equals), true);
    if (equals < end) {
      visitor.name(place, name);
      visitor.value(place, name, decodePercent(text.slice(equals + 1, end), true));
    } else visitor.value(place, '', name); // ?payload alone
    start = end + 1;
  }
}
