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
          'Most connections to all servers together, over all workers. Requests beyond it wait their turn.',
        ),
        max_idle_connections: setting(
          integer(0, 1_000_000),
          1000,
          'Most connections kept open without a request, over all workers.',
        ),
        min_idle: setting(
          integer(0, 1000),
          0,
          'Connections opened ahead of need and kept idle for each server and worker.',
        ),
        idle_timeout: setting(
          duration({ minMs: 100 }),
          '60s',
          'A connection unused for this long is closed. A shorter Keep-Alive of the server wins.',
        ),
        max_age: setting(
          duration(),
          '1h',
          'A connection this old is closed after the request it carries, and another one opened; some are up to a fifth younger, so that they do not all go together. 0s: no limit.',
        ),
        queue_size: setting(
          integer(0, 1_000_000),
          1024,
          'Most requests that wait for a connection, over all workers. The next get 503 at once.',
        ),
        queue_timeout: setting(
          duration({ minMs: 1 }),
          '5s',
          'A request that waited this long for a connection gets 503.',
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
            'Hold data for a slow reader. False: the other side is paused as soon as one piece waits.',
          ),
          size: setting(
            size(1024, 64 * 1024 * 1024),
            '16k',
            'Bytes held for a slow reader before the other side is paused. Memory of one connection stays below a few times this.',
          ),
        },
        'Data on its way between a client and a server.',
      ),
    ),
    overload: section(
      {
        enabled: setting(
          flag(),
          true,
          'An overloaded worker refuses a part of its new requests with 503, so that the others are answered in time.',
        ),
        event_loop_delay: setting(
          duration({ minMs: 10 }),
          '1s',
          'A worker is overloaded when its event loop is late by this for a second or longer.',
        ),
        memory: optional(
          size(64 * 1024 * 1024, 2 ** 50),
          'Resident memory from which on nearly all is refused. Left out: 85% of what the process may use.',
        ),
      },
      'What is done when there is more work than can be done.',
    ),
    rate_limiting: section(
      {
        enabled: switchedOnWhenWritten('Refuse what goes beyond the limits below with 429.'),
        mode: setting(
          choice(['enforce', 'observe']),
          'enforce',
          'observe: count and log what would be refused, and let it through.',
        ),
        max_connections_per_ip: optional(
          integer(1, 1_000_000),
          'Most open connections of one address (IPv6: of one /64). Left out: no limit.',
        ),
        max_requests_per_second: optional(
          integer(1, 10_000_000),
          'Most requests a second over all clients. Left out: no limit.',
        ),
        max_requests_per_second_per_ip: optional(
          integer(1, 10_000_000),
          'Most requests a second of one address (IPv6: of one /64). Left out: no limit.',
        ),
        burst: optional(
          integer(1, 10_000_000),
          'Requests of one address that may come at once before its rate counts; where addresses are not limited, of all clients together. Left out: as many as one second allows.',
        ),
        exempt: setting(list(network()), [], 'Networks that no limit here counts for.'),
      },
      'Limits over all workers.',
      'off',
    ),
  },
  'Connections, buffers and limits.',
);
