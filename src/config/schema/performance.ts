import {
  choice,
  duration,
  flag,
  integer,
  list,
  needsRestart,
  network,
  optional,
  section,
  setting,
  size,
  switchedOnWhenWritten,
} from '../kinds.ts';

export const performance = section(
  {
    connection_pool: section(
      {
        enabled: setting(flag(), true, 'Keep connections to servers open for later requests.'),
        max_connections: setting(
          integer(1, 1_000_000),
          10_000,
          'Maximum connections to all servers, across all workers. Further requests wait in the queue.',
        ),
        max_idle_connections: setting(
          integer(0, 1_000_000),
          1000,
          'Maximum idle connections, across all workers.',
        ),
        min_idle: setting(
          integer(0, 1000),
          0,
          'Idle connections opened in advance, per server and worker.',
        ),
        idle_timeout: setting(
          duration({ minMs: 100 }),
          '60s',
          'An idle connection is closed after this time. A shorter Keep-Alive timeout from the server wins.',
        ),
        max_age: setting(
          duration(),
          '1h',
          'A connection this old is closed after its current request and replaced. Some are closed up to a fifth earlier, so that they do not all go at once. 0s: no limit.',
        ),
        queue_size: setting(
          integer(0, 1_000_000),
          1024,
          'Maximum requests waiting for a connection, across all workers. Further requests get 503 at once.',
        ),
        queue_timeout: setting(
          duration({ minMs: 1 }),
          '5s',
          'A request that has waited this long for a connection gets 503.',
        ),
      },
      'Connections to servers.',
    ),
    buffers: needsRestart(
      section(
        {
          enabled: setting(
            flag(),
            true,
            'Buffer data for a slow reader. False: the other side is paused as soon as one chunk is waiting.',
          ),
          size: setting(
            size(1024, 64 * 1024 * 1024),
            '16k',
            'Bytes buffered for a slow reader before the other side is paused. One connection uses at most a few times this.',
          ),
        },
        'Buffering between client and server.',
      ),
    ),
    overload: section(
      {
        enabled: setting(
          flag(),
          true,
          'Shed load: an overloaded worker refuses some of its new requests with 503, so that the others are served in time.',
        ),
        event_loop_delay: setting(
          duration({ minMs: 10 }),
          '1s',
          'A worker is overloaded when its event loop lags by this much for a second or longer.',
        ),
        memory: optional(
          size(64 * 1024 * 1024, 2 ** 50),
          'Resident memory above which nearly all new requests are refused. Left out: 85% of what the process may use.',
        ),
      },
      'Overload protection.',
    ),
    rate_limiting: section(
      {
        enabled: switchedOnWhenWritten(
          'Refuse requests and connections beyond the limits below with 429.',
        ),
        mode: setting(
          choice(['enforce', 'observe']),
          'enforce',
          'observe: count and log what would be refused, but let it through.',
        ),
        max_connections_per_ip: optional(
          integer(1, 1_000_000),
          'Maximum open connections per client address (IPv6: per /64). Left out: no limit.',
        ),
        max_requests_per_second: optional(
          integer(1, 10_000_000),
          'Maximum requests per second from all clients. Left out: no limit.',
        ),
        max_requests_per_second_per_ip: optional(
          integer(1, 10_000_000),
          'Maximum requests per second per client address (IPv6: per /64). Left out: no limit.',
        ),
        burst: optional(
          integer(1, 10_000_000),
          "Requests that an address may send at once before its rate limit applies; without a limit per address, that all clients together may send. Left out: one second's worth.",
        ),
        exempt: setting(list(network()), [], 'Networks exempt from these limits.'),
      },
      'Rate limits, across all workers.',
      'off',
    ),
  },
  'Connections, buffers and limits.',
);
