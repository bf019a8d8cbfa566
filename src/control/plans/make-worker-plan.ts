import { totalmem } from 'node:os';
import type { Settings } from '../../config/schema.ts';
import { poolServers } from '../../config/servers.ts';
import { wafOptionsOf } from '../../config/waf-options.ts';
import type { SheddingSettings } from '../../core/limits/shedding.ts';
import type { ClientPolicy } from '../../core/routes/client-policy.ts';
import type { PoolSettings, ServerPlan } from '../../core/servers/settings.ts';
import { realClock } from '../../io/real-clock.ts';
import type { ListenAddress } from '../../plan/listen.ts';
import type { TlsPlan } from '../../plan/tls.ts';
import type { GuardPlan, PersistencePlan, WorkerPlan } from '../../plan/worker-plan.ts';
import { canonicalAddress } from './canonical-address.ts';
import { GuardState } from './guard-state.ts';
import { DEFAULT_POOL, type PoolOfServers, serverPlansOf } from './server-plans.ts';
import type { ServerRows } from './server-rows.ts';

const DEFAULT_ROUTE = 'default';
/** In the shared table. */
const DEFAULT_POOL_ROW = 0;

/** A read takes a few times the buffer of a slow reader: fewer, larger system calls. */
const READS_PER_BUFFER = 4;
/** An answer of 64 KB and its head are one read; more would have to be held when its reader stops. */
const READ_BYTES_MIN = 80 * 1024;
const READ_BYTES_MAX = 1024 * 1024;
/** To pause the other side for less costs more than the memory is worth. */
const HIGH_WATER_BYTES_MIN = 16 * 1024;
/** A request body of up to this size is held for another attempt. */
const REPLAY_BYTES_MIN = 64 * 1024;

/** Clients waiting at the gate of one data thread: a descriptor each, and little else. */
const CLIENTS_WAITING_MAX = 1_024;

/**
 * What the data threads need of the settings.
 *
 * @throws TlsError when a file of a server's tls cannot be used, where `servers` are left out
 */
export function planOf(
  settings: Settings,
  rows: ServerRows,
  persistence: PersistencePlan | null,
  tls: TlsPlan | null,
  guard: GuardPlan = new GuardState(realClock.nowMs).planOf(settings),
  servers: readonly ServerPlan[] = serverPlansOf(poolOf(settings), poolServers(settings), rows),
): WorkerPlan {
  const { load_balancing: balancing, log } = settings;
  const { timeout, performance, failover, limits, monitoring } = balancing;
  const pooling = performance.connection_pool;
  const bufferBytes = performance.buffers.enabled ? performance.buffers.size : 0;
  return {
    listen: balancing.enabled ? listenersOf(settings) : [],
    tls,
    httpsPort: httpsPortOf(settings),
    readsProxyHeaders: balancing.proxy_protocol,
    guard,
    access: log.access,
    logLevel: log.level,
    measures: monitoring.enabled,
    clientsMax: balancing.max_connections,
    clientsWaitingMax: CLIENTS_WAITING_MAX,
    shedding: sheddingOf(performance.overload),
    readBytes: Math.min(Math.max(bufferBytes * READS_PER_BUFFER, READ_BYTES_MIN), READ_BYTES_MAX),
    pools: [
      {
        strategy: balancing.strategy,
        strategyKey: balancing.strategy_key,
        panicThresholdPercent: balancing.health_check.panic_threshold,
        servers,
        persistence,
        settings: {
          name: DEFAULT_POOL,
          row: DEFAULT_POOL_ROW,
          strategy: balancing.strategy,
          timeouts: {
            connectMs: timeout.connect,
            readMs: timeout.read,
            writeMs: timeout.write,
            streamMs: timeout.stream,
          },
          responseLimits: {
            headBytes: limits.response_head_size,
            targetBytes: 0,
            fields: limits.response_header_count,
          },
          connectionsMax: pooling.max_connections,
          idleMax: pooling.enabled ? pooling.max_idle_connections : 0,
          idleMin: pooling.enabled ? pooling.min_idle : 0,
          idleMs: pooling.idle_timeout,
          ageMsMax: pooling.max_age,
          waitingMax: pooling.queue_size,
          waitMs: pooling.queue_timeout,
          retries: failover.enabled ? failover.retries : 0,
          retryBudgetPercent: failover.retry_budget,
          retryWithinMs: failover.timeout,
          ...failureSettings(failover),
          longAwaitMs: failover.outlier_detection.min_latency,
        },
      },
    ],
    routes: [
      {
        name: DEFAULT_ROUTE,
        pool: DEFAULT_POOL,
        waf: balancing.security.waf.enabled ? wafOptionsOf(settings) : null,
        policy: policyOf(balancing, bufferBytes),
      },
    ],
  };
}

function policyOf(
  { timeout, limits, monitoring }: Settings['load_balancing'],
  bufferBytes: number,
): ClientPolicy {
  return {
    requestMs: timeout.request,
    idleMs: timeout.idle,
    readMs: timeout.read,
    writeMs: timeout.write,
    uploadBytesPerSecond: limits.upload_rate,
    downloadBytesPerSecond: limits.download_rate,
    highWaterBytes: Math.max(bufferBytes, HIGH_WATER_BYTES_MIN),
    replayBytes: Math.max(bufferBytes, REPLAY_BYTES_MIN),
    tracing: tracingSettings(monitoring),
    headLimits: {
      headBytes: limits.head_size,
      targetBytes: limits.uri_size,
      fields: limits.header_count,
      keepsSpoofable: limits.spoofable_headers === 'pass',
    },
  };
}

/** What the pool's servers need to know of it. */
export function poolOf({ load_balancing }: Settings): PoolOfServers {
  return { name: DEFAULT_POOL, strategy: load_balancing.strategy };
}

/** Of what the process may use, without a setting. */
const MEMORY_SHARE = 0.85;

function sheddingOf(
  overload: Settings['load_balancing']['performance']['overload'],
): SheddingSettings {
  if (!overload.enabled) return { delayMs: 0, memoryBytes: 0 };
  // Where no group of processes is bounded, the bound is a number that no machine has.
  const availableBytes = Math.min(process.constrainedMemory() || Infinity, totalmem());
  return {
    delayMs: overload.event_loop_delay,
    memoryBytes: overload.memory ?? Math.floor(availableBytes * MEMORY_SHARE),
  };
}

type Failover = Settings['load_balancing']['failover'];

/** How live traffic affects a server's health. */
function failureSettings(
  failover: Failover,
): Pick<PoolSettings, 'detects' | 'breaker' | 'ejection' | 'slowStartMs'> {
  const { detection, circuit_breaker: breaker, outlier_detection: outliers } = failover;
  if (!failover.enabled) return { detects: false, breaker: null, ejection: null, slowStartMs: 0 };
  return {
    detects: detection.enabled,
    breaker:
      breaker.enabled || failover.strategy === 'circuit_breaker'
        ? {
            failureThreshold: breaker.failure_threshold,
            recoveryMs: breaker.recovery_timeout,
            halfOpenMs: breaker.half_open_timeout,
          }
        : null,
    ejection:
      detection.enabled || outliers.enabled
        ? {
            failuresInRow: detection.enabled ? detection.failure_threshold : 0,
            ejectionMs: outliers.ejection_time,
            ejectionMsMax: outliers.max_ejection_time,
            ejectedPercentMax: outliers.max_ejected,
          }
        : null,
    slowStartMs: failover.slow_start,
  };
}

function tracingSettings({
  enabled,
  tracing,
}: Settings['load_balancing']['monitoring']): ClientPolicy['tracing'] {
  return enabled && tracing.enabled ? { sampled: tracing.sampled / 100 } : null;
}

/** With TLS on, all listeners speak it; the one that sends on to them stands beside them. */
function listenersOf({ load_balancing: { listen, security } }: Settings): ListenAddress[] {
  const { enabled, redirect_http } = security.tls;
  const speaks = enabled ? 'https' : 'http';
  const listeners = listen.map((text): ListenAddress => ({ ...canonicalAddress(text), speaks }));
  if (enabled && redirect_http !== undefined) {
    listeners.push({ ...canonicalAddress(redirect_http), speaks: 'redirect' });
  }
  return listeners;
}

const HTTPS_PORT = 443;

/** The port that clients reach HTTPS at: one that everybody knows, or else the first. */
function httpsPortOf({ load_balancing: { listen } }: Settings): number {
  const ports = listen.map((text) => canonicalAddress(text).port).filter((port) => port !== 0);
  return ports.includes(HTTPS_PORT) ? HTTPS_PORT : (ports[0] ?? HTTPS_PORT);
}
