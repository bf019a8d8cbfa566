/** What a reload would affect: servers, requests in flight there, hashed clients. */
import { seededRandom } from '../../base/random.ts';
import type { SettingChange } from '../../config/diff.ts';
import { needsRestart } from '../../config/restart.ts';
import type { Settings } from '../../config/schema.ts';
import { poolServers } from '../../config/servers.ts';
import { createStrategy, strategyDefinition } from '../../core/balance/registry.ts';
import type { Candidate } from '../../core/balance/strategy.ts';
import type { Instance } from './instance.ts';
import { ABILITY } from './last-server.ts';

export interface Impact {
  readonly joining: readonly string[];
  /** Removed from the configuration: they get nothing new, and requests in flight continue. */
  readonly leaving: readonly string[];
  /** Requests and tunnels in flight at the leaving servers. */
  readonly underWayAtLeaving: number;
  readonly underWay: number;
  /** Percentage of clients or keys that move to another server. */
  readonly movedKeysPercent: number;
  /** No server is left to answer: there is none, or all are down or taken out by an operator. */
  readonly leavesNoServer: boolean;
  /** Settings that only take effect after a restart. */
  readonly needRestart: readonly string[];
}

export function impactOf(
  instance: Instance,
  next: Settings,
  changes: readonly SettingChange[],
): Impact {
  const before = poolServers(instance.settings);
  const after = poolServers(next);
  const addresses = (servers: typeof before) => new Set(servers.map((one) => one.address));
  const [old, now] = [addresses(before), addresses(after)];
  const counts = instance.inFlight();
  const leaving = [...old].filter((one) => !now.has(one));
  const sum = (names: Iterable<string>) =>
    [...names].reduce((total, name) => total + (counts.get(name) ?? 0), 0);
  return {
    joining: [...now].filter((one) => !old.has(one)),
    leaving,
    underWayAtLeaving: sum(leaving),
    underWay: sum(old),
    movedKeysPercent: movedKeysPercent(instance.settings, next),
    leavesNoServer: instance.abilityOf([...now]) !== ABILITY.works,
    needRestart: changes.map(({ path }) => path).filter(needsRestart),
  };
}

/** Enough draws for a precision of about 0.1%, and few enough for a thousand servers. */
const DRAWS = 2000;

function movedKeysPercent(before: Settings, after: Settings): number {
  const names = [before.load_balancing.strategy, after.load_balancing.strategy];
  if (names.some((name) => strategyDefinition(name).key === 'none')) return 0;
  const random = seededRandom(1);
  const keys = Array.from({ length: DRAWS }, () => Math.floor(random() * 2 ** 32));
  const [old, now] = [ownersOf(before, keys), ownersOf(after, keys)];
  if (old === null || now === null) return 0;
  const moved = keys.filter((_, index) => old[index] !== now[index]).length;
  return Math.round((moved / DRAWS) * 1000) / 10;
}

/** Names of the servers the keys map to when all are usable and idle; null without servers. */
function ownersOf(settings: Settings, keys: readonly number[]): string[] | null {
  const { strategy: name } = settings.load_balancing;
  const isWeighted = strategyDefinition(name).weighted;
  const servers: Candidate[] = poolServers(settings)
    .filter((server) => !server.backup)
    .map(({ address, weight }, row) => ({
      row,
      name: address,
      weight: isWeighted ? weight : 1,
      inFlight: () => 0,
      latencyUs: () => 0,
    }));
  if (servers.length === 0) return null;
  const strategy = createStrategy(name, seededRandom(1));
  return keys.map((key) => strategy.pick(servers, key, servers).name);
}
