import type { ServerSettings, Settings } from './schema.ts';

const PLAIN: Omit<ServerSettings, 'address'> = {
  weight: 1,
  backup: false,
  proxy_protocol: 'off',
  tls: { enabled: false, verify: true },
};

/**
 * The servers of the pool, in order, each address once: those that `servers` lists, then those
 * that only `weights` names. Under `weighted_round_robin` a weight of `weights` counts before one
 * of `servers`; for every other strategy `weights` only names servers (spec §1).
 */
export function poolServers(settings: Settings): ServerSettings[] {
  const { servers, weights, strategy } = settings.load_balancing;
  const pool = new Map<string, ServerSettings>();
  for (const server of servers) {
    if (!pool.has(server.address)) pool.set(server.address, { ...server });
  }
  const weighted = new Set<string>();
  for (const { server: address, weight } of weights) {
    if (weighted.has(address)) continue;
    weighted.add(address);
    const known = pool.get(address) ?? { address, ...structuredClone(PLAIN) };
    if (strategy === 'weighted_round_robin') known.weight = weight;
    pool.set(address, known);
  }
  return [...pool.values()];
}
