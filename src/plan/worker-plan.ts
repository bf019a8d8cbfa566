/** Everything a data thread needs from the configuration, sent by the control thread. */

import type { HashAlgorithm } from '../core/balance/hash.ts';
import type { StrategyName } from '../core/balance/registry.ts';
import type { StrategyKey } from '../core/balance/strategy.ts';
import type { TrustedHeader } from '../core/forward/client-address.ts';
import type { SheddingSettings } from '../core/limits/shedding.ts';
import type { ClientPolicy } from '../core/routes/client-policy.ts';
import type { PoolSettings, ServerPlan } from '../core/servers/settings.ts';
import type { CookieAttributes } from '../core/sticky/cookie.ts';
import type { WafOptions } from '../waf/index.ts';
import type { ListenAddress } from './listen.ts';
import type { TlsPlan } from './tls.ts';

export interface PoolPlan {
  /** Their name and row stay the pool's over all plans. */
  readonly settings: PoolSettings;
  readonly servers: readonly ServerPlan[];
  readonly strategy: StrategyName;
  readonly strategyKey: StrategyKey;
  readonly panicThresholdPercent: number;
  /** Session persistence; null: none. */
  readonly persistence: PersistencePlan | null;
}

export type PersistencePlan =
  | {
      readonly type: 'cookie';
      readonly attributes: CookieAttributes;
      /** The first signs, all are accepted. */
      readonly secrets: readonly string[];
    }
  | { readonly type: 'ip_hash'; readonly algorithm: HashAlgorithm }
  | {
      readonly type: 'source_ip';
      /** Of a SourceTable. */
      readonly memory: SharedArrayBuffer;
      readonly expiresMs: number;
    };

/** Who is let in, and how often; sets of networks are the memory of a NetworkSet. */
export interface GuardPlan {
  readonly trusted: SharedArrayBuffer;
  /** Whether clients on a unix socket are trusted proxies. */
  readonly trustsUnixPeers: boolean;
  readonly trustedHeader: TrustedHeader;
  /** null: everybody. */
  readonly access: {
    /** null: all that are not denied. */
    readonly allowed: SharedArrayBuffer | null;
    readonly denied: SharedArrayBuffer;
  } | null;
  /** null: without limits. */
  readonly limits: LimitsPlan | null;
}

export interface LimitsPlan {
  /** Refuses nothing, but counts and logs what would be refused. */
  readonly observes: boolean;
  /** Maximum open connections per address; 0: no limit. */
  readonly connectionsMax: number;
  readonly perSource: RatePlan | null;
  readonly overall: RatePlan | null;
  /** Of a SourceRates. */
  readonly memory: SharedArrayBuffer;
  /** Networks exempt from the limits. */
  readonly exempt: SharedArrayBuffer;
}

export interface RatePlan {
  readonly perSecond: number;
  readonly burst: number;
}

/** Where requests go, and the policy for their clients. */
export interface RoutePlan {
  readonly name: string;
  /** Name of its pool. */
  readonly pool: string;
  /** null: the firewall does not look at requests. */
  readonly waf: WafOptions | null;
  readonly policy: ClientPolicy;
}

export interface WorkerPlan {
  /** Null: no listener speaks TLS. */
  readonly tls: TlsPlan | null;
  /** The port that `redirect` listeners redirect to. */
  readonly httpsPort: number;
  readonly listen: readonly ListenAddress[];
  /** Whether connections of trusted proxies begin with a PROXY header. */
  readonly readsProxyHeaders: boolean;
  readonly guard: GuardPlan;
  /** Each with a name and a row of its own. */
  readonly pools: readonly [PoolPlan, ...PoolPlan[]];
  /** Each with a name of its own; the first serves every listener. */
  readonly routes: readonly [RoutePlan, ...RoutePlan[]];
  readonly access: 'off' | 'errors' | 'all';
  /** Minimum level to log. */
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Whether requests are counted and timed. */
  readonly measures: boolean;
  /** Maximum open client connections, across all workers and listeners. */
  readonly clientsMax: number;
  /** Maximum clients waiting at the gate of one worker. */
  readonly clientsWaitingMax: number;
  readonly shedding: SheddingSettings;
  /** Maximum bytes per read. */
  readonly readBytes: number;
}
