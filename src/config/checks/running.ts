/** Pools, limits, metrics and alerts. */
import { at, type CheckContext, type Report } from './check.ts';

export function performance({ settings, written }: CheckContext, report: Report): void {
  const { connection_pool: pool, rate_limiting: limits } = settings.load_balancing.performance;
  const saysIdle = written(at('performance', 'connection_pool', 'max_idle_connections'));
  if (saysIdle && pool.max_idle_connections > pool.max_connections) {
    report(
      'warning',
      [
        at('performance', 'connection_pool', 'max_idle_connections'),
        at('performance', 'connection_pool', 'max_connections'),
      ],
      `no more than max_connections (${pool.max_connections}) are ever open`,
      'make it at most max_connections',
    );
  }
  const limited =
    limits.max_connections_per_ip ??
    limits.max_requests_per_second ??
    limits.max_requests_per_second_per_ip;
  if (limits.enabled && limited === undefined) {
    report(
      'warning',
      [at('performance', 'rate_limiting')],
      'it is on, but no limit is set',
      'set max_connections_per_ip, max_requests_per_second or max_requests_per_second_per_ip',
    );
  }
}

export function monitoring({ settings, written }: CheckContext, report: Report): void {
  const { metrics, alerts } = settings.load_balancing.monitoring;
  const path = (...keys: string[]) => at('monitoring', ...keys);
  if (written(path('metrics', 'statsd')) && !metrics.endpoints.includes('statsd')) {
    report(
      'warning',
      [path('metrics', 'statsd'), path('metrics', 'endpoints')],
      'nothing is sent, because endpoints does not include statsd',
      'add "- statsd" to load_balancing.monitoring.metrics.endpoints',
    );
  }
  if (metrics.statsd.address.startsWith('unix:')) {
    report(
      'error',
      [path('metrics', 'statsd', 'address')],
      'metrics go to StatsD over UDP, not over a unix socket',
      'write host:port, like 127.0.0.1:8125',
    );
  }
  if (alerts.enabled && alerts.channels.length === 0) {
    report(
      'warning',
      [path('alerts'), path('alerts', 'channels')],
      'alerts are on, but no channel is set; they appear only in status and log',
      'add a channel of type slack, email or webhook',
    );
  }
}
