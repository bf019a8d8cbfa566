import { strategyNames } from '../src/core/balance/registry.ts';
import type { PoolPlan } from '../src/plan/worker-plan.ts';
import type { Chance } from './chance.ts';
import type { SimInstance } from './instance.ts';
import { poolPlanOf, type Setup } from './setup.ts';

/** Changes the plan of an instance while requests are under way. */
export class Reloads {
  readonly #instance: SimInstance;
  readonly #setup: Setup;
  readonly #chance: Chance;

  constructor(instance: SimInstance, setup: Setup, chance: Chance) {
    this.#instance = instance;
    this.#setup = setup;
    this.#chance = chance;
  }

  /** Some change, drawn from what may be changed. The first server of each pool always stays. */
  reload(): void {
    const hasMany = this.#setup.plan.pools.length > 1;
    const what = this.#chance.pick(['servers', 'servers', 'settings', ...(hasMany ? MANY : [])]);
    if (what === 'servers') this.#changeServers();
    else if (what === 'settings') this.#changeSettings();
    else if (what === 'routes') this.#changeRoutes();
    else this.#changePools();
  }

  /** The plan that the run began with. */
  restore(): void {
    this.#instance.follow(this.#setup.plan, 'the first plan');
  }

  #changeServers(): void {
    const chance = this.#chance;
    const { settings } = chance.pick(this.#instance.plan.pools);
    const all = this.#setup.plan.pools.find((pool) => pool.settings.name === settings.name)!;
    const servers = all.servers
      .filter((_, at) => at === 0 || chance.happens(0.5))
      .map((server) => ({ ...server, weight: chance.whole(1, 4) }));
    this.#instance.followServers(settings.name, servers);
  }

  #changeSettings(): void {
    const chance = this.#chance;
    const { plan } = this.#instance;
    const pools = plan.pools.map(({ settings, servers, panicThresholdPercent }): PoolPlan => {
      const changed = {
        ...settings,
        strategy: chance.pick(strategyNames),
        retries: chance.pick([0, 1, 3]),
        idleMax: chance.pick([0, 1, 8]),
        connectionsMax: this.#setup.isTight ? chance.pick([1, 2, 4, 100]) : 1_000,
      };
      return poolPlanOf(changed, servers, panicThresholdPercent);
    });
    this.#instance.follow({ ...plan, pools: atLeastOne(pools) }, 'other settings');
  }

  #changeRoutes(): void {
    const chance = this.#chance;
    const { plan } = this.#instance;
    const names = plan.pools.map(({ settings }) => settings.name);
    const routes = plan.routes.map((route) => ({ ...route, pool: chance.pick(names) }));
    this.#instance.follow({ ...plan, routes: atLeastOne(routes) }, 'other routes');
  }

  /** The second pool goes, or comes back. */
  #changePools(): void {
    const { plan } = this.#instance;
    const [first, ...others] = plan.pools;
    if (others.length === 0) return this.restore();
    const pool = first.settings.name;
    const routes = plan.routes.map((route) => ({ ...route, pool }));
    this.#instance.follow({ ...plan, pools: [first], routes: atLeastOne(routes) }, 'one pool');
  }
}

const MANY = ['routes', 'pools'] as const;

function atLeastOne<T>(list: readonly T[]): readonly [T, ...T[]] {
  return list as readonly [T, ...T[]];
}
