import { Chooser, type ChooserOptions } from '../src/core/balance/choose.ts';
import type { TriedSet } from '../src/core/balance/tried-set.ts';
import type { Exchange } from '../src/core/exchange/exchange.ts';
import { Pool } from '../src/core/servers/pool.ts';
import type { Server } from '../src/core/servers/server.ts';
import type { ServerSide } from '../src/core/servers/server-side.ts';
import type { World } from './world.ts';

/** Hears of every exchange that is sent somewhere. */
export type OnAcquire = (pool: Pool, server: Server, exchange: Exchange) => void;

/** The real pool; tells of every exchange that is sent somewhere. */
export class WatchedPool extends Pool {
  readonly #onAcquire: OnAcquire;

  constructor(onAcquire: OnAcquire, ...rest: ConstructorParameters<typeof Pool>) {
    super(...rest);
    this.#onAcquire = onAcquire;
  }

  override acquire(server: Server, exchange: Exchange, nowMs: number): ServerSide | null {
    const connection = super.acquire(server, exchange, nowMs);
    if (connection !== null) this.#onAcquire(this, server, exchange);
    return connection;
  }
}

/** The real chooser; what it chooses is compared with the table. */
export class WatchedChooser extends Chooser<Server> {
  readonly #world: World;
  readonly #options: ChooserOptions<Server>;

  constructor(world: World, options: ChooserOptions<Server>) {
    super(options);
    this.#world = world;
    this.#options = options;
  }

  override choose(key: number, tried: TriedSet): Server | null {
    const { network, invariants } = this.#world;
    const { servers, table, panicThresholdPercent } = this.#options;
    const isBlind = network.sabotage.choosesBlindly === true;
    const trials = servers.map(({ row }) => {
      return table.breakers.trial(row);
    });
    const server = isBlind ? servers[key % servers.length]! : super.choose(key, tried);
    if (server !== null) {
      const tier = servers.filter((one) => one.backup === server.backup);
      const rows = servers.map((one) => one.row);
      if (this.trial !== 0) invariants.tried(server.row, trials[servers.indexOf(server)]!);
      const rowsOfTier = tier.map((one) => one.row);
      invariants.chosen(table, server.row, {
        rows,
        rowsOfTier,
        isTrial: this.trial !== 0,
        isTried: (row) => tried.has(row),
        panicPercent: panicThresholdPercent,
      });
      if (network.sabotage.leaksCounter) table.enter(server.row, 0);
    }
    return server;
  }
}
