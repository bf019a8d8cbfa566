import type { Pool } from '../servers/pool.ts';

/** Where a listener's requests go. */
export interface Route {
  readonly pool: Pool;
}
