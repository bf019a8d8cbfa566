import { parseAddress } from '../../base/address.ts';
import type { Settings } from '../../config/schema.ts';
import { strategyDefinition } from '../../core/balance/registry.ts';
import { PLAIN_IDENTITY, type ServerAddress } from '../../core/ports/server-address.ts';
import type { ServerPlan } from '../../core/servers/settings.ts';
import type { UpkeepPlan } from '../../core/servers/upkeep.ts';
import type { ProbeSpec } from '../../io/probe.ts';
import type { PoolPlan } from '../../plan/worker-plan.ts';
import type { ProbePlan } from './prober.ts';
import type { RebalancePlan } from './rebalancer.ts';

/** What the prober needs of the settings; null where nothing is probed. */
export function probePlanOf(settings: Settings, servers: readonly ServerPlan[]): ProbePlan | null {
  const { health_check: check, failover } = settings.load_balancing;
  const { detection } = failover;
  const detects = failover.enabled && detection.enabled;
  if (!check.enabled && !detects) return null;
  // Without health checks every server is looked at as a suspect one is, by a TCP connect.
  const { interval, timeout } = check.enabled ? check : detection;
  return {
    times: {
      intervalMs: interval,
      suspectIntervalMs: detects ? Math.min(detection.interval, interval) : interval,
    },
    thresholds: {
      failureThreshold: check.failure_threshold,
      successThreshold: check.success_threshold,
    },
    timeoutMs: timeout,
    suspectTimeoutMs: detects ? detection.timeout : timeout,
    servers: servers.map((server) => ({
      row: server.row,
      label: server.label,
      address: check.enabled ? probedAddress(server, check) : { ...server.address, tls: null },
      spec: check.enabled ? specOf(server, check) : TCP,
    })),
  };
}

/** What the upkeep needs of the settings. */
export function upkeepPlanOf(settings: Settings, pool: PoolPlan): UpkeepPlan {
  const { failover } = settings.load_balancing;
  const { outlier_detection: outliers, failback } = failover;
  return {
    settings: pool.settings,
    servers: pool.servers,
    outliers:
      failover.enabled && outliers.enabled
        ? {
            intervalMs: outliers.interval,
            requestsMin: outliers.min_requests,
            errorPercent: outliers.error_rate,
            latencyFactor: bindsClients(settings) ? 0 : outliers.latency_factor,
            latencyMinMs: outliers.min_latency,
          }
        : null,
    failback: failover.enabled
      ? {
          isAutomatic: failback.enabled || failover.strategy === 'failback',
          delayMs: failback.delay,
        }
      : null,
  };
}

/**
 * Whether it is not for us to choose which server has which requests: some may well be slower then,
 * and a client that is sent elsewhere for it loses its session, or what is cached for it.
 */
function bindsClients(settings: Settings): boolean {
  const { strategy, session_persistence } = settings.load_balancing;
  return session_persistence.enabled || strategyDefinition(strategy).key !== 'none';
}

/** What the rebalancer needs of the settings; null where tunnels stay where they are. */
export function rebalancePlanOf(settings: Settings, pool: PoolPlan): RebalancePlan | null {
  const { enabled, rebalance } = settings.load_balancing.failover;
  if (!enabled || !rebalance.enabled) return null;
  return { mostPercent: rebalance.share, overMs: rebalance.over, pool };
}

type HealthCheck = Settings['load_balancing']['health_check'];

const TCP: ProbeSpec = { http: null };

/**
 * A server that serves over TLS is probed over TLS, as it is set up. One that serves in the clear
 * and is to be probed by https has nothing to verify its certificate against: its traffic is not
 * protected either.
 */
function probedAddress(server: ServerPlan, check: HealthCheck): ServerAddress {
  const { address } = server;
  const port = check.port ?? address.port;
  if (check.type === 'https') {
    const unverified = {
      serverName: address.host,
      verify: false,
      identity: PLAIN_IDENTITY,
    };
    return { ...address, port, tls: address.tls ?? unverified };
  }
  const hasOwnPort = check.port !== undefined && check.port !== address.port;
  return { ...address, port, tls: check.type === 'tcp' || hasOwnPort ? null : address.tls };
}

function specOf(server: ServerPlan, check: HealthCheck): ProbeSpec {
  if (check.type === 'tcp') return TCP;
  const authority = authorityOf(server.name);
  if (check.type === 'grpc') {
    return { http: null, grpc: { service: check.grpc.service ?? '', authority } };
  }
  const { http } = check;
  return {
    http: {
      method: http.method,
      target: check.endpoint,
      authority,
      headers: http.headers,
      expectedStatus: http.expected_status,
      expectedBody: http.expected_body ?? '',
    },
  };
}

function authorityOf(address: string): string {
  const parsed = parseAddress(address);
  return parsed.ok && parsed.value.kind === 'tcp' ? address : 'localhost';
}
