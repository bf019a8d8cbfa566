/** Health checks and failover. */
import { formatDuration } from '../../base/units.ts';
import { at, type CheckContext, type Report } from './check.ts';

export function healthCheck({ settings, written }: CheckContext, report: Report): void {
  const check = settings.load_balancing.health_check;
  slowerThanItsInterval('health_check', check, report);
  if (check.enabled && check.type === 'grpc') {
    report(
      'warning',
      [at('health_check', 'type'), at('health_check')],
      'requests are sent to servers over HTTP/1.1, which a server that speaks only gRPC does not understand: it is up, but every request gets 502',
      'probe the service that handles the requests, with type: http or tcp; gRPC traffic is not supported yet',
    );
  }
  const isHttp = check.type === 'http' || check.type === 'https';
  for (const key of isHttp ? ['grpc'] : ['endpoint', 'http']) {
    if (!written(at('health_check', key))) continue;
    report(
      'warning',
      [at('health_check', key), at('health_check', 'type')],
      check.type === 'tcp'
        ? 'a probe of type tcp only connects and ignores it'
        : `a probe of type ${check.type} ignores it`,
      `to use it: type: ${key === 'grpc' ? 'grpc' : 'http'}`,
    );
  }
}

export function failover({ settings, written }: CheckContext, report: Report): void {
  const { failover: chosen } = settings.load_balancing;
  const path = (...keys: string[]) => at('failover', ...keys);
  if (chosen.detection.enabled)
    slowerThanItsInterval('failover.detection', chosen.detection, report);
  if (chosen.strategy === 'failback' && !chosen.failback.enabled) {
    report(
      'error',
      [path('failback', 'enabled'), path('strategy')],
      'the strategy failback returns to primaries automatically, and this forbids it',
      'write enabled: true here, or strategy: failover',
    );
  }
  const breakerOff = !chosen.circuit_breaker.enabled && written(path('circuit_breaker', 'enabled'));
  if (chosen.strategy === 'circuit_breaker' && breakerOff) {
    report(
      'error',
      [path('circuit_breaker', 'enabled'), path('strategy')],
      'the strategy circuit_breaker needs the breaker, and this turns it off',
      'write enabled: true here, or strategy: failover',
    );
  }
  if (chosen.rebalance.enabled && settings.load_balancing.session_persistence.enabled) {
    report(
      'warning',
      [path('rebalance'), at('session_persistence')],
      'clients bound to a server come back to it, so their WebSockets are not moved',
      'only WebSockets of clients without a session are moved',
    );
  }
  const { ejection_time, max_ejection_time } = chosen.outlier_detection;
  if (ejection_time > max_ejection_time) {
    report(
      'error',
      [path('outlier_detection', 'ejection_time'), path('outlier_detection', 'max_ejection_time')],
      `it is longer than max_ejection_time (${formatDuration(max_ejection_time)})`,
      'make it at most max_ejection_time',
    );
  }
}

function slowerThanItsInterval(
  name: string,
  { timeout, interval }: { timeout: number; interval: number },
  report: Report,
): void {
  if (timeout <= interval) return;
  const path = at(...name.split('.'));
  report(
    'warning',
    [
      [...path, 'timeout'],
      [...path, 'interval'],
    ],
    `${formatDuration(timeout)} is longer than the interval of ${formatDuration(interval)}; a slow server is detected late`,
    'make the timeout shorter than the interval',
  );
}
