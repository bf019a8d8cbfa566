import type { ClientSide } from './client-side.ts';
import type { Engine } from './engine.ts';
import { Exchange, type Settled } from './exchange.ts';

/** Exchanges kept for the next requests; idle connections hold none. */
const SPARES_MAX = 1024;

/** The exchanges of one worker: those that are over serve the next requests. */
export class Exchanges {
  readonly engine: Engine;
  readonly #settled: Settled;
  readonly #spares: Exchange[] = [];

  /** @param settled called with every exchange when it is over */
  constructor(engine: Engine, settled: Settled) {
    this.engine = engine;
    this.#settled = settled;
  }

  /** An exchange for a client's request: one that was used before, where there is one. */
  take(client: ClientSide): Exchange {
    const exchange = this.#spares.pop();
    if (exchange === undefined) return new Exchange(this.engine, client, this.#settled);
    exchange.client = client;
    return exchange;
  }

  /** The exchange is over and its client has no further use for it. */
  giveBack(exchange: Exchange): void {
    // One that was broken off anywhere is in no state to begin from.
    const isSound = exchange.failure !== 'internal_error';
    if (!isSound || this.#spares.length === SPARES_MAX) return;
    exchange.letGo();
    this.#spares.push(exchange);
  }
}
