import type { StrategyKey } from '../config/schema.ts';
import { addressKey } from '../core/balance/address-key.ts';
import { hash32 } from '../core/balance/hash.ts';
import { strategyDefinition } from '../core/balance/registry.ts';
import type { KeyOf } from '../core/exchange/pool.ts';
import type { Head } from '../core/http1/head.ts';

/**
 * How requests are hashed for a strategy; null where it hashes by nothing. A request without the
 * header or cookie that is hashed by is hashed by its client's address.
 */
export function keyOfStrategy(strategy: string, by: StrategyKey): KeyOf | null {
  const kind = strategyDefinition(strategy).key;
  if (kind === 'none') return null;
  const byAddress: KeyOf = (via) => addressKey(via.clientAddress);
  if (kind === 'address' || by === 'address') return byAddress;
  if (by === 'path') return (_via, head) => hash32(pathOf(head.target()));
  const read = 'header' in by ? headerReader(by.header) : cookieReader(by.cookie);
  return (via, head) => {
    const value = read(head);
    return value === undefined ? byAddress(via, head) : hash32(value);
  };
}

function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

function headerReader(name: string): (head: Head) => string | undefined {
  return (head) => {
    for (let index = 0; index < head.fieldCount; index++) {
      const length = head.nameEnds[index]! - head.nameStarts[index]!;
      if (length === name.length && head.name(index).toLowerCase() === name) {
        return head.value(index);
      }
    }
    return undefined;
  };
}

function cookieReader(name: string): (head: Head) => string | undefined {
  const readCookies = headerReader('cookie');
  return (head) => {
    for (const pair of readCookies(head)?.split(';') ?? []) {
      const equals = pair.indexOf('=');
      if (equals !== -1 && pair.slice(0, equals).trim() === name) {
        return pair.slice(equals + 1).trim();
      }
    }
    return undefined;
  };
}
