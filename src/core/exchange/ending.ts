/**
 * The end of a tunnel or event stream that would go on by itself: its server drains, the instance
 * stops, or the tunnels are to spread again. It comes at a moment of its own, so that a thousand
 * clients do not all come back in one, and as the protocol ends things where it can.
 */
import type { Random } from '../../base/random.ts';
import { Timer, type TimerOwner } from '../../base/wheel.ts';
import type { Engine } from './engine.ts';
import type { Exchange } from './exchange.ts';

/** How long an end that is under way may take until the connections are just closed. */
export const ENDING_MS_MAX = 3_000;

export class Ending implements TimerOwner {
  readonly #exchange: Exchange;
  readonly #timer: Timer;
  #hasBegun = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#timer = new Timer(exchange.engine.wheel, this);
  }

  /** Whether the end has come, and waits for a place between two frames or events. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The end comes at `atMs`, unless it is to come earlier. */
  setFor(atMs: number): void {
    if (!this.#hasBegun && atMs < this.#timer.deadlineMs) this.#timer.set(atMs);
  }

  onTimer(nowMs: number): void {
    if (this.#hasBegun) return this.#exchange.endAbruptly(nowMs);
    this.#hasBegun = true;
    this.#timer.set(nowMs + ENDING_MS_MAX);
    this.#exchange.endGently(nowMs);
  }

  crashed(nowMs: number): void {
    this.#exchange.crashed(nowMs);
  }

  dispose(): void {
    this.#timer.dispose();
  }
}

/** Which tunnels and streams are to end, and when. */
export interface Ends {
  /** Of the server in this row of the table; -1: of all. */
  readonly row: number;
  /** Most of them. */
  readonly most: number;
  /** Other tunnels and streams would be cut: their clients need not come back by themselves. */
  readonly webSocketsOnly: boolean;
  /** They begin after this time, and are spread evenly over `overMs`. */
  readonly afterMs: number;
  readonly overMs: number;
}

/** The tunnels and event streams of one worker. */
export class LongLived {
  readonly #engine: Engine;
  readonly #exchanges = new Set<Exchange>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  add(exchange: Exchange): void {
    this.#exchanges.add(exchange);
    if (!exchange.isTunnel) return;
    const { table, lane } = this.#engine;
    table.countTunnel(exchange.server!.row, lane, 1);
  }

  remove(exchange: Exchange): void {
    if (!this.#exchanges.delete(exchange)) return;
    if (!exchange.isTunnel) return;
    const { table, lane } = this.#engine;
    table.countTunnel(exchange.server!.row, lane, -1);
  }

  find(requestId: string): Exchange | undefined {
    for (const exchange of this.#exchanges) if (exchange.requestId === requestId) return exchange;
    return undefined;
  }

  /** Sets the ends of some that have none yet, each at a moment of its own. */
  end(ends: Ends, nowMs: number): void {
    const { random } = this.#engine;
    const chosen = drawn(this.#of(ends), ends.most, random);
    for (const [index, exchange] of chosen.entries()) {
      const part = (index + random()) / chosen.length;
      exchange.ending ??= new Ending(exchange);
      exchange.ending.setFor(nowMs + ends.afterMs + part * ends.overMs);
    }
  }

  /** Takes back the ends, at a server, that have not begun. */
  spare(row: number): void {
    for (const exchange of this.#exchanges) {
      if (exchange.server!.row !== row || exchange.ending?.hasBegun !== false) continue;
      exchange.ending.dispose();
      exchange.ending = null;
    }
  }

  #of({ row, webSocketsOnly }: Ends): Exchange[] {
    return [...this.#exchanges].filter(
      (exchange) =>
        (row === -1 || exchange.server!.row === row) &&
        (!webSocketsOnly || (exchange.ending === null && isMovable(exchange))),
    );
  }
}

/** Whether its client comes back by itself, and need not come back to the same server. */
function isMovable({ tunnel, binding, server }: Exchange): boolean {
  const belongs = binding !== null && binding.row === server!.row;
  return tunnel?.isWebSocket === true && !belongs;
}

/** Some of them, in no order. */
function drawn(all: Exchange[], most: number, random: Random): Exchange[] {
  for (let at = 0; at < Math.min(most, all.length); at++) {
    const other = at + Math.floor(random() * (all.length - at));
    [all[at], all[other]] = [all[other]!, all[at]!];
  }
  return all.slice(0, most);
}
