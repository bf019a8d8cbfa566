import type { ServerSettings } from '../../config/schema.ts';
import { type StrategyName, strategyDefinition } from '../../core/balance/registry.ts';
import type { ServerAddress } from '../../core/ports/server-address.ts';
import type { ServerPlan } from '../../core/servers/settings.ts';
import type { PoolPlan, WorkerPlan } from '../../plan/worker-plan.ts';
import { canonicalAddress } from './canonical-address.ts';
import type { ServerRows } from './server-rows.ts';
import { ServerIdentities } from './tls-state.ts';

/** The pool that the settings describe; other ones are still to come. */
export const DEFAULT_POOL = 'default';

/** Settings shared by all servers of a pool. */
export interface PoolOfServers {
  readonly name: string;
  readonly strategy: StrategyName;
}

/**
 * A pool's servers for the data threads; gives each a row of the shared table.
 *
 * @param identities what was read already of the files of their tls is not read again
 * @throws TlsError when a file of a server's tls cannot be used, RangeError when the table is full
 */
export function serverPlansOf(
  pool: PoolOfServers,
  servers: readonly ServerSettings[],
  rows: ServerRows,
  identities = new ServerIdentities(),
): ServerPlan[] {
  const isWeighted = strategyDefinition(pool.strategy).weighted;
  return servers.map((server) => ({
    row: rows.rowOf(pool.name, server.address),
    label: server.name ?? server.address,
    name: server.address,
    address: serverAddress(server, identities),
    weight: isWeighted ? server.weight : 1,
    backup: server.backup,
    maxInFlight: server.max_connections ?? 0,
  }));
}

/** A plan in which one pool has other servers. */
export function withServers(
  plan: WorkerPlan,
  name: string,
  servers: readonly ServerPlan[],
): WorkerPlan {
  const change = (pool: PoolPlan): PoolPlan =>
    pool.settings.name === name ? { ...pool, servers } : pool;
  const [first, ...others] = plan.pools;
  return { ...plan, pools: [change(first), ...others.map(change)] };
}

function serverAddress(server: ServerSettings, identities: ServerIdentities): ServerAddress {
  const { host, port, path } = canonicalAddress(server.address);
  const { tls } = server;
  const named = tls.server_name ?? host;
  return {
    host,
    port,
    path,
    tls: tls.enabled
      ? {
          serverName: named,
          verify: tls.verify,
          identity: identities.of(tls),
        }
      : null,
    ...(server.proxy_protocol === 'off' ? {} : { proxy: server.proxy_protocol }),
  };
}
