import type { Waf } from '../../waf/index.ts';
import type { Pool } from '../servers/pool.ts';
import type { ClientPolicy } from './client-policy.ts';
import type { Guard } from './guard.ts';

/**
 * Where a listener's requests go, and what is decided for them on the way. It stays over reloads;
 * what it says follows the configuration, from the next request on.
 */
export interface Route {
  readonly pool: Pool;
  /** Who may come in, how often, and whose word is taken for who the client is. */
  readonly guard: Guard;
  /** null: the firewall does not look at requests. */
  readonly waf: Waf | null;
  readonly policy: ClientPolicy;
}
