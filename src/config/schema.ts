/**
 * Everything openclaw.yml can say, in one place. From it come validation, defaults, messages, the
 * JSON Schema and docs/configuration.md. A setting is one line of a section: its kind, its
 * default as the file would spell it, and the operator's sentence (see kinds.ts).
 *
 * Effective settings keep the file's names; durations are milliseconds, sizes bytes, addresses
 * and networks canonical texts, and absent sections are filled with their defaults.
 */

import { z } from 'zod';
import { IO_SETTINGS } from '../base/io-kind.ts';
import { type StrategyName, strategies } from '../core/balance/registry.ts';
import type { StrategyKey } from '../core/balance/strategy.ts';
import { TRUSTED_HEADERS } from '../core/forward/client-address.ts';
import { FIELDS_MAX, HEAD_BYTES_MAX } from '../core/http1/head.ts';
import {
  address,
  choice,
  duration,
  flag,
  integer,
  list,
  needsRestart,
  oneOrList,
  optional,
  path,
  peers,
  reading,
  refuse,
  required,
  section,
  setting,
  size,
  switchedOnWhenWritten,
  text,
} from './kinds.ts';
import { failover } from './schema/failover.ts';
import { healthCheck } from './schema/health.ts';
import { admin, log } from './schema/instance.ts';
import { monitoring } from './schema/monitoring.ts';
import { performance } from './schema/performance.ts';
import { sessionPersistence } from './schema/persistence.ts';
import { security } from './schema/security.ts';
import { hostName } from './wire.ts';

const STRATEGY_NAMES = strategies.map(({ name }) => name) as [StrategyName, ...StrategyName[]];

const KEY_EXPECTED = 'path, address, {header: NAME} or {cookie: NAME}';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function strategyKey() {
  return reading<StrategyKey>({
    kind: 'other',
    expected: KEY_EXPECTED,
    json: {
      anyOf: [
        { enum: ['path', 'address'] },
        ...['header', 'cookie'].map((name) => ({
          type: 'object',
          properties: { [name]: { type: 'string', pattern: TOKEN.source } },
          required: [name],
          additionalProperties: false,
        })),
      ],
    },
    read: (value) => {
      if (value === 'path' || value === 'address') return { ok: true, value };
      if (typeof value !== 'object' || value === null) return refuse('this is not a strategy_key');
      const [entry, ...rest] = Object.entries(value);
      if (entry === undefined || rest.length > 0) return refuse('strategy_key names one thing');
      const [by, name] = entry;
      if (typeof name !== 'string' || !TOKEN.test(name)) return refuse(`"${by}" needs a name`);
      if (by === 'header') return { ok: true, value: { header: name.toLowerCase() } };
      if (by === 'cookie') return { ok: true, value: { cookie: name } };
      return refuse(`cannot hash by "${by}"`);
    },
  });
}

/** A number of data threads; the shared table has lanes for those that are being replaced too. */
const WORKERS_MAX = 32;

function workers() {
  return reading<'auto' | number>({
    kind: 'other',
    expected: `auto, or a whole number from 1 to ${WORKERS_MAX}`,
    json: { anyOf: [{ const: 'auto' }, { type: 'integer', minimum: 1, maximum: WORKERS_MAX }] },
    read: (value) => {
      if (value === 'auto') return { ok: true, value };
      const whole = typeof value === 'number' && Number.isInteger(value);
      return whole && value >= 1 && value <= WORKERS_MAX
        ? { ok: true, value }
        : refuse('this is not a number of workers');
    },
  });
}

/** Weights are whole numbers from 1 to 256 (core/balance/strategy.ts). */
const weight = () => integer(1, 256);
const SERVERS_MAX = 2048;

const serverShape = z
  .strictObject({
    address: required(address(), 'Where the server listens.'),
    name: optional(
      text(/^[\w.:-]{1,64}$/, 'a name of at most 64 letters, digits and "-_.:"'),
      'Its name in status, logs and metrics. Left out: its address.',
    ),
    weight: setting(weight(), 1, 'Share of the traffic, for strategies that use weights.'),
    backup: setting(flag(), false, 'Serves only when no primary server is left.'),
    max_connections: optional(
      integer(1, 1_000_000),
      'Maximum connections to it, across all workers. Left out: only the limit of the pool.',
    ),
    proxy_protocol: setting(
      choice(['off', 'v1', 'v2']),
      'off',
      "Start each connection with a PROXY header of this version, which carries the client's address. Each request then uses its own connection.",
    ),
    tls: section(
      {
        enabled: switchedOnWhenWritten('Speak TLS to the server.'),
        verify: setting(
          flag(),
          true,
          'Verify its certificate. False: anyone on the path can read and change the traffic.',
        ),
        server_name: optional(
          hostName(),
          'Name to request (SNI) and to expect in its certificate. Left out: the host of its address.',
        ),
        ca_path: optional(
          path(),
          'Authorities trusted to sign it, PEM. Left out: those of the system.',
        ),
        cert_path: optional(path(), 'Client certificate to present to the server, PEM.'),
        key_path: optional(path(), 'Private key of cert_path, PEM.'),
      },
      'TLS to the server.',
      'off',
    ),
  })
  .meta({ kind: 'section' });

const server = z
  .preprocess(
    (value) =>
      typeof value === 'string' || typeof value === 'number' ? { address: value } : value,
    serverShape,
  )
  .meta({
    kind: 'section',
    expected: 'host:port, or a section with address',
    shorthand: { type: 'string' },
  });

const serverWeight = z
  .strictObject({
    server: required(
      address(),
      'Address of a server. If servers does not list it, it joins the pool.',
    ),
    weight: required(weight(), 'Its share of the requests.'),
  })
  .meta({ kind: 'section' });

const loadBalancing = section(
  {
    enabled: setting(flag(), true, 'False: no listener is opened.'),
    listen: setting(
      oneOrList(address('host optional')),
      ['0.0.0.0:8080'],
      'Addresses to listen on: one or a list.',
    ),
    max_connections: setting(
      integer(1, 1_000_000),
      50_000,
      'Maximum open client connections, across all workers and listeners. Beyond it, accepting pauses.',
    ),
    proxy_protocol: setting(
      flag(),
      false,
      'Every connection from trusted_proxies starts with a PROXY header (version 1 or 2), health checks included. Connections from elsewhere have none.',
    ),
    trusted_proxies: setting(
      list(peers()),
      [],
      'Networks whose X-Forwarded-*, X-Real-IP, Forwarded and PROXY headers are trusted or passed on; unix: stands for clients on a unix socket. From all others these headers are dropped. List only proxies you run: any other could claim any address.',
    ),
    trusted_header: setting(
      choice(TRUSTED_HEADERS),
      'auto',
      'Header in which trusted_proxies name the client: forwarded, x-forwarded-for, or proxy for the PROXY header. auto: X-Forwarded-For or Forwarded, whichever is present; if both are and name different clients, neither is trusted. Set it if your proxy passes on headers that it does not write.',
    ),
    servers: setting(list(server, SERVERS_MAX), [], 'Servers of the pool.'),
    weights: setting(list(serverWeight, SERVERS_MAX), [], 'Weights for weighted_round_robin only.'),
    strategy: setting(
      choice(STRATEGY_NAMES),
      'round_robin',
      'How a server is chosen for a request.',
    ),
    strategy_key: setting(
      strategyKey(),
      'address',
      'What consistent_hash hashes: path, address, {header: NAME} or {cookie: NAME}.',
    ),
    workers: setting(workers(), 'auto', 'Data threads. auto: one per core.'),
    io: needsRestart(
      setting(
        choice(IO_SETTINGS),
        'auto',
        "What data threads do their I/O by: io_uring, epoll, or node for Node's own sockets. auto: the first of them that this machine, container and Node.js allow; the start and lb status say which, and why not a better one.",
      ),
    ),
    timeout: section(
      {
        connect: setting(
          duration({ minMs: 1 }),
          '5s',
          'Maximum time to connect to a server, TLS included.',
        ),
        read: setting(
          duration({ minMs: 1 }),
          '60s',
          "Maximum time to wait for a server's response head, or between two chunks of its body.",
        ),
        write: setting(
          duration({ minMs: 1 }),
          '60s',
          'Maximum time a peer may take none of the data queued for it.',
        ),
        request: setting(
          duration({ minMs: 1 }),
          '10s',
          'Maximum time for a complete request head, from its first byte (slow-header attacks).',
        ),
        idle: setting(
          duration({ minMs: 1 }),
          '75s',
          'Maximum idle time of a client connection between requests.',
        ),
        stream: setting(
          duration({ minMs: 1 }),
          '1h',
          'Maximum silence on an upgraded connection or an event stream, to which read does not apply.',
        ),
        drain: setting(
          duration(),
          '30s',
          'How long a reload, a removed server or a shutdown waits for requests in flight.',
        ),
      },
      'Timeouts.',
    ),
    limits: section(
      {
        head_size: setting(
          size(1024, HEAD_BYTES_MAX),
          '32k',
          'Maximum size of a request head. Beyond it: 431.',
        ),
        uri_size: setting(
          size(256, 256 * 1024),
          '8k',
          'Maximum length of a request target. Beyond it: 414.',
        ),
        upload_rate: setting(
          size(0, 1024 * 1024),
          '240',
          'Minimum bytes per second of a request body, in addition to timeout.read. 0: no limit.',
        ),
        download_rate: setting(
          size(0, 1024 * 1024),
          '240',
          'Minimum bytes per second that a client takes of the data queued for it, over timeout.write. 0: no limit.',
        ),
        header_count: setting(
          integer(8, FIELDS_MAX),
          128,
          'Maximum headers in a request. Beyond it: 431.',
        ),
        response_head_size: setting(
          size(1024, HEAD_BYTES_MAX),
          '64k',
          'Maximum size of a response head from a server. Beyond it: 502.',
        ),
        response_header_count: setting(
          integer(8, FIELDS_MAX),
          512,
          'Maximum headers in a response from a server. Beyond it: 502.',
        ),
        spoofable_headers: setting(
          choice(['drop', 'pass']),
          'drop',
          'Request headers that servers mistake for trusted ones: X_Forwarded_For, Content_Length and the like, which CGI, WSGI and PHP read as if they had hyphens, and X-Middleware-Subrequest of Next.js. Proxy (httpoxy) is always dropped.',
        ),
      },
      'Limits on the form of requests and responses.',
    ),
    health_check: healthCheck,
    session_persistence: sessionPersistence,
    performance,
    failover,
    monitoring,
    security,
  },
  'The load balancer.',
);

export const configSchema = z
  .strictObject({ load_balancing: loadBalancing, admin, log })
  .meta({ kind: 'section', description: 'openclaw.yml' });

/** The effective settings: every default filled in. */
export type Settings = z.output<typeof configSchema>;
export type ServerSettings = z.output<typeof serverShape>;
