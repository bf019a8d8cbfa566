/**
 * The scheduled end of a tunnel or event stream: its server drains, the instance stops, or tunnels
 * are rebalanced. Each ends at its own time, so that a thousand clients do not all reconnect at
 * once, and with a clean end of its protocol where possible.
 */
import type { Contained } from '../../base/contain.ts';
import type { Random } from '../../base/random.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../../base/wheel.ts';
import { COUNTER } from '../../table/layout.ts';
import { GAUGE } from '../../table/measures.ts';
import type { Decision } from '../decisions/decision.ts';
import type { WorkerContext } from '../ports/worker-context.ts';

/** How long a clean end may take before the connections are simply closed. */
export const ENDING_MS_MAX = 3_000;

/** A long-lived exchange, as its ending sees it. */
export interface LongLivedExchange extends Contained {
  readonly requestId: string;
  /** Its head as it was sent to the server. */
  readonly requestText: string;
  /** Row in the table of the server that it is at. */
  readonly serverRow: number;
  readonly isTunnel: boolean;
  /** Its client reconnects by itself, and to any server. */
  readonly isMovable: boolean;
  /** When it has to end; null: no end is set. */
  ending: Ending | null;
  /** Notes what is known of it by now, for `lb explain`. */
  noteDecision(nowMs: number): Decision;
  /** The end is due: waits a while for a good place. */
  endGently(nowMs: number): void;
  /** No good place came in time. */
  endAbruptly(nowMs: number): void;
}

export class Ending implements TimerOwner {
  readonly #exchange: LongLivedExchange;
  readonly #timer: Timer;
  #hasBegun = false;

  constructor(exchange: LongLivedExchange, wheel: TimerWheel) {
    this.#exchange = exchange;
    this.#timer = new Timer(wheel, this);
  }

  /** Whether the end is due, and waits for a place between two frames or events. */
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
export interface EndOrder {
  /** Of the server in this row of the table; -1: of all. */
  readonly row: number;
  /** Most of them. */
  readonly most: number;
  /** Ends only WebSockets: clients of other tunnels and streams may not reconnect by themselves. */
  readonly webSocketsOnly: boolean;
  /** They start after this time, spread evenly over `overMs`. */
  readonly afterMs: number;
  readonly overMs: number;
}

/** The tunnels and event streams of one worker. */
export class LongLived {
  readonly #context: WorkerContext;
  readonly #exchanges = new Set<LongLivedExchange>();

  constructor(context: WorkerContext) {
    this.#context = context;
  }

  add(exchange: LongLivedExchange): void {
    this.#exchanges.add(exchange);
    const { table, lane } = this.#context;
    if (exchange.isTunnel) table.counters.add(exchange.serverRow, lane, COUNTER.tunnels);
    this.#countOpen(exchange, 1);
  }

  remove(exchange: LongLivedExchange): void {
    if (this.#exchanges.delete(exchange)) this.#countOpen(exchange, -1);
  }

  /** What is open goes up and down here only. */
  #countOpen({ isTunnel, serverRow }: LongLivedExchange, by: 1 | -1): void {
    const { table, lane } = this.#context;
    table.measures.add(lane, isTunnel ? GAUGE.tunnels : GAUGE.streams, by);
    if (isTunnel) table.countTunnel(serverRow, lane, by);
  }

  find(requestId: string): LongLivedExchange | undefined {
    for (const exchange of this.#exchanges) if (exchange.requestId === requestId) return exchange;
    return undefined;
  }

  /** Sets the ends of some that have none yet, each at a moment of its own. */
  end(order: EndOrder, nowMs: number): void {
    const { random, wheel } = this.#context;
    const chosen = drawn(this.#of(order), order.most, random);
    for (const [index, exchange] of chosen.entries()) {
      const part = (index + random()) / chosen.length;
      exchange.ending ??= new Ending(exchange, wheel);
      exchange.ending.setFor(nowMs + order.afterMs + part * order.overMs);
    }
  }

  /** Cancels a server's ends that have not begun. */
  cancelEndings(row: number): void {
    for (const exchange of this.#exchanges) {
      if (exchange.serverRow !== row || exchange.ending?.hasBegun !== false) continue;
      exchange.ending.dispose();
      exchange.ending = null;
    }
  }

  #of({ row, webSocketsOnly }: EndOrder): LongLivedExchange[] {
    return [...this.#exchanges].filter(
      (exchange) =>
        (row === -1 || exchange.serverRow === row) &&
        (!webSocketsOnly || (exchange.ending === null && exchange.isMovable)),
    );
  }
}

/** Some of them, in no order. */
function drawn<T>(all: T[], most: number, random: Random): T[] {
  for (let at = 0; at < Math.min(most, all.length); at++) {
    const other = at + Math.floor(random() * (all.length - at));
    [all[at], all[other]] = [all[other]!, all[at]!];
  }
  return all.slice(0, most);
}
