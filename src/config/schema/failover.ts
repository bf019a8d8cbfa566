import {
  choice,
  duration,
  flag,
  integer,
  percent,
  section,
  setting,
  switchedOnWhenWritten,
} from '../kinds.ts';

export const failover = section(
  {
    enabled: setting(
      flag(),
      true,
      'Retry on another server when one fails, and take failing servers out of rotation. False: a single attempt, and only health checks take servers out.',
    ),
    strategy: setting(
      choice(['failover', 'failback', 'circuit_breaker']),
      'failover',
      'failover: backup servers take over when no primary is left. failback: the same, and always back to a primary once it has recovered. circuit_breaker: the same as failover, with the breaker on.',
    ),
    retries: setting(
      integer(0, 10),
      2,
      'Maximum retries per request, each on a different server, only when it is safe to repeat.',
    ),
    retry_budget: setting(
      percent(),
      20,
      'Maximum concurrent retries, as a percentage of the requests in flight (at least 3), so that retries cannot amplify an outage.',
    ),
    timeout: setting(
      duration(),
      '30s',
      'No retry starts later than this after the request arrived. 0s: only retries limits them.',
    ),
    slow_start: setting(
      duration(),
      '0s',
      'Time over which a server that was added or has recovered ramps up to its full share. 0s: its full share at once.',
    ),
    rebalance: section(
      {
        enabled: switchedOnWhenWritten(
          'Close some WebSockets after a server joins or recovers, so that they spread out again.',
        ),
        share: setting(percent(), 10, 'Maximum tunnels to close, as a percentage of those open.'),
        over: setting(duration({ minMs: 1000 }), '1m', 'Time over which they are closed.'),
      },
      'Rebalancing of long-lived connections.',
      'off',
    ),
    detection: section(
      {
        enabled: setting(
          flag(),
          true,
          'A server that fails live traffic becomes suspect and is probed without waiting for its next health check.',
        ),
        interval: setting(
          duration({ minMs: 100 }),
          '3s',
          'Time between probes of a suspect server, or of every server when health_check is off.',
        ),
        timeout: setting(duration({ minMs: 10 }), '2s', 'A probe that takes longer fails.'),
        failure_threshold: setting(
          integer(0, 1000),
          3,
          'Consecutive failures in live traffic (no connection, reset, timeout, truncated response, 500, 502, 503, 504) that take a server out for outlier_detection.ejection_time, unless the others fail as well. 0: only probes take servers out. With circuit_breaker on, the breaker counts all of these except 500.',
        ),
      },
      'Detection of failures in live traffic.',
    ),
    failback: section(
      {
        enabled: setting(
          flag(),
          true,
          'Return to primary servers automatically. False: only when an operator runs "openclaw lb failback".',
        ),
        delay: setting(duration(), '30s', 'How long a primary must have been healthy first.'),
      },
      'Return from backup servers to primary ones.',
    ),
    circuit_breaker: section(
      {
        enabled: switchedOnWhenWritten('Stop sending to a server that keeps failing.'),
        failure_threshold: setting(
          integer(1, 1000),
          5,
          'Consecutive failures (connect, timeout, reset, 502, 503, 504) that open the breaker.',
        ),
        recovery_timeout: setting(
          duration({ minMs: 100 }),
          '30s',
          'How long an open breaker blocks all requests.',
        ),
        half_open_timeout: setting(
          duration({ minMs: 10 }),
          '10s',
          'A trial request without a response for this long reopens the breaker.',
        ),
      },
      'One breaker per server, shared by all workers.',
      'off',
    ),
    outlier_detection: section(
      {
        enabled: setting(
          flag(),
          true,
          'Temporarily eject a server that performs much worse than the others.',
        ),
        interval: setting(duration({ minMs: 500 }), '10s', 'Time between comparisons.'),
        min_requests: setting(
          integer(1, 1_000_000),
          50,
          'Servers with fewer requests in an interval are not judged.',
        ),
        error_rate: setting(
          percent(),
          50,
          'Percentage of failed requests in an interval that marks a server as an outlier.',
        ),
        latency_factor: setting(
          integer(0, 1000),
          5,
          'A server whose latency is this many times the median of the others is an outlier. 0: latency is not judged. It is never judged where clients are bound to servers: with session_persistence, ip_hash or consistent_hash.',
        ),
        min_latency: setting(
          duration({ minMs: 10 }),
          '500ms',
          'A server that responds faster than this is never slow, however fast the others are. A server that becomes slow is ejected once several requests have waited this long for its response.',
        ),
        ejection_time: setting(
          duration({ minMs: 100 }),
          '30s',
          'How long a server is ejected the first time; each further ejection lasts that much longer.',
        ),
        max_ejection_time: setting(
          duration({ minMs: 100 }),
          '5m',
          'Maximum time a server stays ejected.',
        ),
        max_ejected: setting(
          percent(),
          30,
          'Maximum servers ejected at a time, as a percentage of the pool; one is always allowed.',
        ),
      },
      'Ejection of servers that stand out by errors or latency.',
    ),
  },
  'What happens when a server fails.',
);
