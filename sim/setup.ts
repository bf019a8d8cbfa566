import { NetworkSet } from '../src/base/network-set.ts';
import { type StrategyName, strategyNames } from '../src/core/balance/registry.ts';
import { DEFAULT_HEAD_LIMITS, DEFAULT_RESPONSE_LIMITS } from '../src/core/http1/head.ts';
import type { ClientPolicy } from '../src/core/routes/client-policy.ts';
import type { PoolSettings, ServerPlan } from '../src/core/servers/settings.ts';
import type { PathPlan } from '../src/plan/assembly.ts';
import type { PoolPlan } from '../src/plan/worker-plan.ts';
import { WAF_DEFAULTS } from '../src/waf/index.ts';
import type { Chance } from './chance.ts';

/** How one instance of openclaw begins: the same for all its workers. */
export interface Setup {
  /** Bounds are so low that requests wait, and some in vain. */
  readonly isTight: boolean;
  /** How much of a body the firewall looks at; 0: there is none. */
  readonly wafBytes: number;
  readonly plan: PathPlan;
}

export const DEFAULT_ROUTE = 'default';

/** Everybody may come in, and one route leads to the first pool. */
export function pathPlanOf(
  pools: PathPlan['pools'],
  policy: ClientPolicy,
  wafBytes: number,
): PathPlan {
  const waf = wafBytes === 0 ? null : { ...WAF_DEFAULTS, bodyBytesLimit: wafBytes };
  return {
    guard: {
      trusted: NetworkSet.of([]).memory,
      trustsUnixPeers: false,
      trustedHeader: 'auto',
      access: null,
      limits: null,
    },
    shedding: { delayMs: 0, memoryBytes: 0 },
    pools,
    routes: [{ name: DEFAULT_ROUTE, pool: pools[0].settings.name, waf, policy }],
  };
}

export function poolPlanOf(
  settings: PoolSettings,
  servers: readonly ServerPlan[],
  panicThresholdPercent: number,
): PoolPlan {
  const { strategy } = settings;
  return {
    settings,
    servers,
    strategy,
    strategyKey: 'address',
    panicThresholdPercent,
    persistence: null,
  };
}

/** One pool with one server of each name, by chance. */
export function setupOf(
  chance: Chance,
  names: readonly string[],
  isTroubled: boolean,
  wafBytes: number,
): Setup {
  const isBounded = isTroubled && chance.happens(0.2);
  const isTight = chance.happens(0.3);
  const hasBackup = names.length > 1 && chance.happens(0.2);
  const servers = names.map((name, row) => ({
    ...serverPlanOf(name, row, chance.whole(1, 4)),
    backup: hasBackup && row === names.length - 1,
    maxInFlight: isTight ? chance.pick([0, 1, 2]) : isBounded ? chance.whole(10, 14) : 0,
  }));
  const strategy = chance.pick(strategyNames);
  const panicThresholdPercent = chance.pick([0, 0, 50]);
  const { settings, policy } = settingsOf(chance, strategy, isTight);
  const pool = poolPlanOf(settings, servers, panicThresholdPercent);
  const plan = pathPlanOf([pool], policy, wafBytes);
  return { isTight, wafBytes, plan };
}

export function serverPlanOf(name: string, row: number, weight: number): ServerPlan {
  const address = { host: name, port: 80, path: '', tls: null };
  return { row, label: name, name, address, weight, backup: false, maxInFlight: 0 };
}

function settingsOf(
  chance: Chance,
  strategy: StrategyName,
  isTight: boolean,
): { settings: PoolSettings; policy: ClientPolicy } {
  // In the order in which seeds have always drawn them.
  const { tracing, highWaterBytes, replayBytes, ...settings } = {
    name: 'simulated',
    row: 0,
    strategy,
    detects: true,
    breaker: chance.happens(0.5)
      ? { failureThreshold: chance.whole(1, 4), recoveryMs: 1_000, halfOpenMs: 1_000 }
      : null,
    ejection: chance.happens(0.3)
      ? { failuresInRow: 3, ejectionMs: 500, ejectionMsMax: 2_000, ejectedPercentMax: 50 }
      : null,
    slowStartMs: chance.pick([0, 0, 2_000]),
    tracing: chance.pick([null, { sampled: 1 }]),
    retryWithinMs: chance.pick([0, 4_000]),
    timeouts: {
      connectMs: 1_000,
      readMs: 2_000,
      writeMs: 2_000,
      streamMs: 3_000,
    },
    responseLimits: DEFAULT_RESPONSE_LIMITS,
    connectionsMax: isTight ? chance.pick([1, 2, 4, 100]) : 1_000,
    idleMax: chance.pick([0, 1, 8]),
    idleMin: chance.pick([0, 0, 2]),
    idleMs: 3_000,
    ageMsMax: 0,
    longAwaitMs: 500,
    waitingMax: isTight ? chance.pick([1, 5, 100]) : 100,
    waitMs: isTight ? chance.pick([300, 2_000]) : 10_000,
    retries: chance.pick([0, 1, 3]),
    retryBudgetPercent: 20,
    highWaterBytes: chance.pick([0, 1_024, 16_384]),
    replayBytes: chance.pick([2_048, 65_536]),
  };
  const policy = {
    requestMs: 3_000,
    idleMs: 8_000,
    readMs: 2_000,
    writeMs: 2_000,
    uploadBytesPerSecond: 0,
    downloadBytesPerSecond: 0,
    highWaterBytes,
    replayBytes,
    tracing,
    headLimits: DEFAULT_HEAD_LIMITS,
  };
  return { settings, policy };
}
