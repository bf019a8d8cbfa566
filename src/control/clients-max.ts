import { descriptorLimit } from '../base/descriptors.ts';

/** Files, modules, admin, log, and what waits in front of the gates: not for connections. */
const RESERVED = 1_200;
const CLIENTS_MIN = 16;

/**
 * How many clients can be let in: as many as the setting says, or fewer, where the process may not
 * open so many descriptors. Half of those are kept for connections to servers, where so many may be.
 *
 * @param descriptors what the process may open; undefined: nobody knows
 */
export function clientsMax(
  clients: number,
  serverConnections: number,
  descriptors = descriptorLimit(),
): number {
  if (descriptors === undefined) return clients;
  const free = descriptors - RESERVED;
  const forServers = Math.min(serverConnections, Math.floor(free / 2));
  return Math.min(clients, Math.max(CLIENTS_MIN, free - forServers));
}
