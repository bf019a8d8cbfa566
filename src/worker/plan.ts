/** What the control thread tells a data thread: everything it needs of the configuration. */

import type { StrategyKey } from '../config/schema.ts';
import type { StrategyName } from '../core/balance/registry.ts';
import type { PoolSettings } from '../core/exchange/pool.ts';
import type { ServerPlan } from '../core/exchange/server.ts';
import type { HeadLimits } from '../core/http1/head.ts';
import type { ListenAddress } from '../io/listener.ts';

export interface PoolPlan {
  readonly settings: PoolSettings;
  readonly servers: readonly ServerPlan[];
  readonly strategy: StrategyName;
  readonly strategyKey: StrategyKey;
  readonly panicThresholdPercent: number;
}

export interface WorkerPlan {
  readonly listen: readonly ListenAddress[];
  readonly trustedProxies: readonly string[];
  readonly headLimits: HeadLimits;
  readonly pool: PoolPlan;
  readonly access: 'off' | 'errors' | 'all';
  /** What one read takes at the most. */
  readonly readBytes: number;
}
