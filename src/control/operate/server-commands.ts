import { formatDuration } from '../../base/units.ts';
import { strategyDefinition } from '../../core/balance/registry.ts';
import type { EndOrder } from '../../core/exchange/ending.ts';
import type { Logger } from '../../observe/log.ts';
import type { PoolPlan } from '../../plan/worker-plan.ts';
import type { SharedTable } from '../../table/table.ts';
import { lossBy } from './last-server.ts';
import { DRAIN_OVER_MS, Operator, type OperatorCommand } from './operator.ts';

/** What became of an operator's command. */
export type CommandOutcome =
  /** `note`: what the operator should know besides, or ''. */
  | { readonly kind: 'done'; readonly note: string }
  | { readonly kind: 'unknown_server' }
  /** Nobody would be left to answer; `why` says who and what. */
  | { readonly kind: 'last_server'; readonly why: string };

/** What commands set going elsewhere. */
export interface ServerCommandsEvents {
  /** Tunnels and event streams are to end. */
  end(order: EndOrder): void;
  /** Those at a server that have not begun to end go on. */
  cancelEndings(row: number): void;
  /** A server takes new requests again. */
  cameBack(row: number): void;
  /** What happened to a server, and why. */
  changed(label: string, what: string, why: string): void;
}

/** What operators do with servers, and what follows where one comes or goes. */
export class ServerCommands {
  /** What was said of each server. */
  readonly operator: Operator;
  readonly #table: SharedTable;
  readonly #events: ServerCommandsEvents;
  #pools: readonly PoolPlan[];

  /**
   * @param folder of this configuration file alone, where what was said is kept
   * @throws OperatorFileError when what was said cannot be read
   */
  constructor(
    table: SharedTable,
    folder: string,
    log: Logger,
    pools: readonly PoolPlan[],
    events: ServerCommandsEvents,
  ) {
    this.#table = table;
    this.#events = events;
    this.#pools = pools;
    this.operator = new Operator(table, folder, {
      onDrained: (server, overMs) => {
        events.end(endAllAt(server.row, 0, overMs));
        events.changed(server.label, 'drained', 'its drain has timed out');
      },
      onForgotten: (address) => log.info({ event: 'operator_state_dropped', server: address }),
      onUnwritten: (error) =>
        log.warn({
          event: 'operator_state_unwritten',
          cause: error.message,
          text: 'a restart restores the earlier state',
        }),
    });
    this.operator.apply(serversOf(pools));
  }

  /**
   * An operator says something of a server.
   *
   * @param name the server's name or address
   * @param how isKept: whether it outlives restarts; isForced: even if no server is left to answer
   * @throws Error if it is to be kept and cannot be written; then nothing has changed
   */
  say(
    name: string,
    command: OperatorCommand,
    how: { readonly isKept: boolean; readonly isForced: boolean },
  ): CommandOutcome {
    const isMeant = (one: { label: string; name: string }) =>
      one.label === name || one.name === name;
    const pool = this.#pools.find(({ servers }) => servers.some(isMeant));
    const server = pool?.servers.find(isMeant);
    if (pool === undefined || server === undefined) return { kind: 'unknown_server' };
    const why = how.isForced ? null : lossBy(this.#table, pool.servers, server, command);
    if (why !== null) return { kind: 'last_server', why };
    const wasActive = this.#table.takesNew(server.row);
    this.operator.say(server, command, how.isKept);
    const { action } = command;
    if (action === 'enable' || action === 'drain') this.#events.cancelEndings(server.row);
    if (!wasActive && this.#table.takesNew(server.row)) this.#events.cameBack(server.row);
    this.#events.changed(server.label, commandText(command), 'requested by an operator');
    const isIdle =
      action === 'weight' && command.weight && !strategyDefinition(pool.strategy).weighted;
    const note = isIdle ? `the strategy ${pool.strategy} ignores all weights except 0` : '';
    return { kind: 'done', note };
  }

  /**
   * Follows other servers. What tunnels and event streams there are at those that are configured no
   * more ends after `drainMs`.
   */
  follow(pools: readonly PoolPlan[], drainMs: number): void {
    this.operator.apply(serversOf(pools));
    const gone = new Set(serversOf(this.#pools).map(({ row }) => row));
    this.#pools = pools;
    for (const { row } of serversOf(pools)) {
      if (!gone.delete(row)) this.#events.cancelEndings(row);
    }
    const overMs = Math.min(drainMs, DRAIN_OVER_MS);
    for (const row of gone) this.#events.end(endAllAt(row, drainMs, overMs));
  }
}

const serversOf = (pools: readonly PoolPlan[]) => pools.flatMap(({ servers }) => servers);

/** Ends all that would go on by itself at a server. */
function endAllAt(row: number, afterMs: number, overMs: number): EndOrder {
  return { row, most: Infinity, webSocketsOnly: false, afterMs, overMs };
}

function commandText(command: OperatorCommand): string {
  switch (command.action) {
    case 'drain':
      return command.withinMs === null ? 'drain' : `drain for ${formatDuration(command.withinMs)}`;
    case 'weight':
      return command.weight === null ? 'configured weight' : `weight ${command.weight}`;
    default:
      return command.action;
  }
}
