import { latin1 } from '../base/latin1.ts';
import { addressKey } from '../core/balance/address-key.ts';
import { hash32 } from '../core/balance/hash.ts';
import { strategyDefinition } from '../core/balance/registry.ts';
import type { StrategyKey } from '../core/balance/strategy.ts';
import { SLASH } from '../core/http1/chars.ts';
import type { Head } from '../core/http1/head.ts';
import { NAME } from '../core/http1/names.ts';
import { parseAbsoluteTarget } from '../core/http1/target.ts';
import type { KeyOf } from '../core/servers/pool.ts';
import { CookiePairs } from '../core/sticky/cookie-pairs.ts';
import { requestPath } from '../waf/catalogue.ts';

/**
 * How a strategy hashes requests; null: it does not. A request without the header or cookie to hash
 * is hashed by its client's address.
 */
export function keyOfStrategy(strategy: string, by: StrategyKey): KeyOf | null {
  const kind = strategyDefinition(strategy).key;
  if (kind === 'none') return null;
  const byAddress: KeyOf = (clientInfo) => addressKey(clientInfo.clientAddress);
  if (kind === 'address' || by === 'address') return byAddress;
  if (by === 'path') return (_via, head) => hash32(requestPath(head.target()).path);
  const read = 'header' in by ? headerReader(by.header) : cookieReader(by.cookie);
  return (clientInfo, head) => {
    const value = read(head);
    return value === undefined ? byAddress(clientInfo, head) : hash32(value);
  };
}

/** All lines of the name as one list, which any hop may make of them (RFC 9110 §5.3). */
function headerReader(name: string): (head: Head) => string | undefined {
  return (head) => {
    if (name === 'host' && head.bytes[head.targetStart] !== SLASH) {
      // Its host is what the server gets as Host (RFC 9112 §3.2.2).
      const absolute = parseAbsoluteTarget(head.target());
      if (absolute !== undefined) return absolute.authority;
    }
    let text: string | undefined;
    for (let index = 0; index < head.fieldCount; index++) {
      const length = head.nameEnds[index]! - head.nameStarts[index]!;
      if (length !== name.length || head.name(index).toLowerCase() !== name) continue;
      text = text === undefined ? head.value(index) : `${text}, ${head.value(index)}`;
    }
    return text;
  };
}

function cookieReader(name: string): (head: Head) => string | undefined {
  const pairs = new CookiePairs(name);
  return (head) => {
    if (!head.has(NAME.cookie)) return undefined;
    const { bytes, ids, valueStarts, valueEnds } = head;
    for (let index = 0; index < head.fieldCount; index++) {
      if (ids[index] !== NAME.cookie) continue;
      if (!pairs.find(bytes, valueStarts[index]!, valueEnds[index]!)) continue;
      return latin1(bytes, pairs.valueStart, pairs.valueEnd);
    }
    return undefined;
  };
}
