import type { Waf } from '../../waf/index.ts';
import type { Pool } from '../servers/pool.ts';
import type { ClientPolicy } from './client-policy.ts';
import type { Guard } from './guard.ts';

/**
 * Where a listener's requests go, and the policy on the way. It outlives reloads; its contents
 * follow the configuration from the next request on.
 */
export interface Route {
  readonly pool: Pool;
  /** Who is let in, how often, and which proxies are trusted to name the client. */
  readonly guard: Guard;
  /** null: the firewall does not look at requests. */
  readonly waf: Waf | null;
  readonly policy: ClientPolicy;
}
