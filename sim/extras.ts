import type { RoutePlan } from '../src/plan/worker-plan.ts';
import { Chance } from './chance.ts';
import { poolPlanOf, type Setup, serverPlanOf } from './setup.ts';

/**
 * What only some runs have. It is drawn from a source of its own, so that the story of a run that
 * has none of it is the one that its seed has always told.
 */
export interface Extras {
  readonly chance: Chance;
  /** Changes of the plan, in the time of trouble. */
  readonly reloads: number;
  /** Workers that die, in the time of trouble. */
  readonly deaths: number;
  readonly hasSecondPool: boolean;
  /** Requests on HTTP/2 streams, in the time of trouble. */
  readonly streams: number;
}

export function extrasOf(seed: number, isTroubled: boolean): Extras {
  const chance = new Chance(seed ^ 0x5bd1e995);
  const hasSome = chance.happens(0.4);
  return {
    chance,
    reloads: hasSome ? chance.pick([0, 3, 10]) : 0,
    deaths: hasSome && isTroubled ? chance.pick([0, 2, 6]) : 0,
    hasSecondPool: hasSome && chance.happens(0.5),
    streams: hasSome ? chance.pick([0, 8, 30]) : 0,
  };
}

const SECOND = 'second';

/** Adds a pool and a route to it; some servers are in both pools, with a row for each. */
export function withSecondPool(setup: Setup, chance: Chance): Setup {
  const [first] = setup.plan.pools;
  const shared = first.servers.filter(() => chance.happens(0.4)).map(({ name }) => name);
  const rows = first.servers.length;
  const servers = ['server-second', ...shared].map((name, at) =>
    serverPlanOf(name, rows + at, chance.whole(1, 4)),
  );
  const settings = { ...first.settings, name: SECOND, row: first.settings.row + 1 };
  const second = poolPlanOf(settings, servers, first.panicThresholdPercent);
  const [route] = setup.plan.routes;
  const toSecond: RoutePlan = { ...route, name: SECOND, pool: SECOND };
  const plan = { ...setup.plan, pools: [first, second], routes: [route, toSecond] } as const;
  return { ...setup, plan };
}
