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
      'Try another server when one fails, and leave failing servers out. False: one attempt, and only health checks take servers out.',
    ),
    strategy: setting(
      choice(['failover', 'failback', 'circuit_breaker']),
      'failover',
      'failover: backup servers serve when no primary is left. failback: the same, and back to a primary without fail. circuit_breaker: the same as failover, with the breaker on.',
    ),
    retries: setting(
      integer(0, 10),
      2,
      'Most further attempts of a request, each on another server, and only where a repetition does no harm.',
    ),
    retry_budget: setting(
      percent(),
      20,
      'Most retries under way, as a percentage of the requests under way (at least 3), so that retries cannot multiply an outage.',
    ),
    timeout: setting(
      duration(),
      '30s',
      'No further attempt begins this long after the request came. 0s: only retries bounds them.',
    ),
    slow_start: setting(
      duration(),
      '0s',
      'How long the share of a server that was added or came back grows until it is full. 0s: full at once.',
    ),
    rebalance: section(
      {
        enabled: switchedOnWhenWritten(
          'Close some WebSockets after a server joined or came back, so that they spread again.',
        ),
        share: setting(
          percent(),
          10,
          'Most tunnels that are closed, as a percentage of those open.',
        ),
        over: setting(duration({ minMs: 1000 }), '1m', 'The closings are spread over this time.'),
      },
      'Spreading long-lived connections again.',
      'off',
    ),
    detection: section(
      {
        enabled: setting(
          flag(),
          true,
          'A server that fails live traffic is suspect and probed without waiting for its next health check.',
        ),
        interval: setting(
          duration({ minMs: 100 }),
          '3s',
          'Time between two probes of a suspect server; of every server where health_check is off.',
        ),
        timeout: setting(
          duration({ minMs: 10 }),
          '2s',
          'Such a probe that takes longer has failed.',
        ),
        failure_threshold: setting(
          integer(0, 1000),
          3,
          'Failures in a row in live traffic (no connection, reset, timeout, an answer broken off, 500, 502, 503, 504) that leave a server out for outlier_detection.ejection_time, unless the others fail as well. 0: only probes take servers out. With circuit_breaker on, that counts all of these but 500.',
        ),
      },
      'Noticing failures in live traffic.',
    ),
    failback: section(
      {
        enabled: setting(
          flag(),
          true,
          'Go back to primary servers by itself. False: when an operator says "openclaw lb failback".',
        ),
        delay: setting(duration(), '30s', 'How long a primary must have been healthy before that.'),
      },
      'From backup servers back to primary ones.',
    ),
    circuit_breaker: section(
      {
        enabled: switchedOnWhenWritten('Stop sending to a server that keeps failing.'),
        failure_threshold: setting(
          integer(1, 1000),
          5,
          'Failures in a row (connect, timeout, reset, 502, 503, 504) that open the breaker.',
        ),
        recovery_timeout: setting(
          duration({ minMs: 100 }),
          '30s',
          'How long an open breaker lets nothing through.',
        ),
        half_open_timeout: setting(
          duration({ minMs: 10 }),
          '10s',
          'A trial request that got no answer for this long opens the breaker again.',
        ),
      },
      'A breaker for each server; all workers see the same one.',
      'off',
    ),
    outlier_detection: section(
      {
        enabled: setting(
          flag(),
          true,
          'Leave out for a while a server that does much worse than the others.',
        ),
        interval: setting(duration({ minMs: 500 }), '10s', 'Time between two comparisons.'),
        min_requests: setting(
          integer(1, 1_000_000),
          50,
          'A server with fewer requests in an interval is not judged.',
        ),
        error_rate: setting(
          percent(),
          50,
          'Percentage of failed requests in an interval that makes a server an outlier.',
        ),
        latency_factor: setting(
          integer(0, 1000),
          5,
          'A server whose latency is this many times the median of the others is an outlier. 0: latency is not judged, nor is it where clients are bound to servers: with session_persistence, ip_hash or consistent_hash.',
        ),
        min_latency: setting(
          duration({ minMs: 10 }),
          '500ms',
          'A server that answers faster than this is not slow, however fast the others are. One that turns slow is left out once several requests have waited this long for its answer.',
        ),
        ejection_time: setting(
          duration({ minMs: 100 }),
          '30s',
          'How long a server is left out the first time; each repetition adds as much again.',
        ),
        max_ejection_time: setting(
          duration({ minMs: 100 }),
          '5m',
          'Longest time a server is left out.',
        ),
        max_ejected: setting(
          percent(),
          30,
          'Most servers left out at a time, as a percentage of the pool; one is always allowed.',
        ),
      },
      'Leaving out servers that stand out by errors or latency.',
    ),
  },
  'What happens when a server fails.',
);
