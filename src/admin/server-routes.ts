/** What an operator says of a server, as the admin API takes it. */
import { parseDuration } from '../base/units.ts';
import {
  ACTIONS,
  type Action,
  DRAIN_MS_MAX,
  DRAIN_OVER_MS,
  type OperatorCommand,
  WEIGHT_MAX,
} from '../control/operate/operator.ts';
import type { CommandOutcome } from '../control/operate/server-commands.ts';
import { type AdminRoute, type Call, ok, type Reply, wrong } from './routes.ts';

export const SERVER_ROUTES: readonly AdminRoute[] = [
  {
    method: 'POST',
    path: '/servers/:name/:action',
    help: 'drain (?timeout=5m&over=10s), disable, enable or weight (?to=3, ?to=default) a server; ?persist=true to survive restarts, ?force=true even if it is the last working one',
    handle: changeServer,
  },
];

function changeServer({ instance, params, query }: Call): Reply {
  const { name = '', action = '' } = params;
  if (!ACTIONS.includes(action as Action)) {
    return wrong(404, 'unknown_action', `one of ${ACTIONS.join(', ')}`);
  }
  const command = commandOf(action as Action, query);
  if (typeof command === 'string') return wrong(400, 'bad_parameter', command);
  const isKept = query.get('persist') === 'true';
  const isForced = query.get('force') === 'true';
  let outcome: CommandOutcome;
  try {
    outcome = instance.say(name, command, { isKept, isForced });
  } catch (error) {
    const why = (error as Error).message;
    return wrong(
      500,
      'not_persisted',
      `nothing was changed, because it cannot be persisted: ${why}`,
    );
  }
  if (outcome.kind === 'last_server') {
    return wrong(409, 'last_server', `${outcome.why}; to do it anyway: --force (?force=true)`);
  }
  if (outcome.kind === 'unknown_server') {
    const servers = instance.plan.pools.flatMap((pool) => pool.servers);
    const names = servers.map(({ label }) => label).join(', ');
    return wrong(404, 'unknown_server', `there is no server "${name}"; there are ${names}`);
  }
  return ok({ server: name, action, persisted: isKept, note: outcome.note });
}

/** @returns what is said, or what is wrong with the way it is said */
function commandOf(action: Action, query: URLSearchParams): OperatorCommand | string {
  if (action === 'weight') return weightOf(query.get('to') ?? '');
  if (action !== 'drain') return { action };
  const within = query.get('timeout');
  const withinMs = within === null ? null : durationOf('timeout', within);
  if (typeof withinMs === 'string') return withinMs;
  const over = query.get('over');
  const overMs = over === null ? DRAIN_OVER_MS : durationOf('over', over);
  if (typeof overMs === 'string') return overMs;
  return { action, withinMs, overMs };
}

function weightOf(text: string): OperatorCommand | string {
  if (text === 'default') return { action: 'weight', weight: null };
  const weight = Number(text);
  if (/^\d+$/.test(text) && weight <= WEIGHT_MAX) return { action: 'weight', weight };
  return `a weight is a whole number from 0 to ${WEIGHT_MAX}, or default for the configured one`;
}

function durationOf(name: string, text: string): number | string {
  const parsed = parseDuration(text);
  if (!parsed.ok) return `${name} is a duration like 5m: ${parsed.reason}`;
  return parsed.value <= DRAIN_MS_MAX ? parsed.value : `${name} is at most 7d`;
}
