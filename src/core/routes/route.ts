import type { Pool } from '../servers/pool.ts';

/** Where a listener's requests go. It stays over reloads; what it says follows the configuration. */
export interface Route {
  readonly pool: Pool;
}
