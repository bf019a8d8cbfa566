import type { Pool } from '../servers/pool.ts';
import type { ClientPolicy } from './client-policy.ts';

/**
 * Where a listener's requests go, and how its clients are treated. It stays over reloads; what it
 * says follows the configuration, from the next request on.
 */
export interface Route {
  readonly pool: Pool;
  readonly policy: ClientPolicy;
}
