import { z } from 'zod';
import { parseDuration } from '../../base/units.ts';
import {
  address,
  choice,
  duration,
  flag,
  integer,
  list,
  optional,
  percent,
  reading,
  refuse,
  required,
  section,
  setting,
  switchedOnWhenWritten,
  text,
} from '../kinds.ts';
import { headers, hostName, line, mailAddress, secretLine, tags, webhookUrl } from '../wire.ts';

const EVENTS = [
  'server_down',
  'server_up',
  'breaker_open',
  'no_servers',
  'certificate_expiry',
  'reload_failed',
] as const;

/** Those that a POST of JSON has already, or that belong to the connection. */
const HEADERS_OF_WEBHOOKS = [
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
];

/** The seed writes a bare number of milliseconds; a duration is taken too. */
function latency() {
  return reading<number>({
    kind: 'duration',
    expected: 'a number of milliseconds like 1000, or a duration like 1s',
    json: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'string' }] },
    read: (value) => {
      if (typeof value === 'number' && value >= 1) return { ok: true, value };
      return typeof value === 'string' ? parseDuration(value) : refuse('this is not a latency');
    },
  });
}

const slack = z
  .strictObject({
    type: required(z.literal('slack').meta({ kind: 'choice' }), 'A message to a Slack webhook.'),
    webhook: required(
      webhookUrl('a URL like https://hooks.slack.com/...'),
      'URL of the incoming webhook.',
    ),
  })
  .meta({ kind: 'section' });

const email = z
  .strictObject({
    type: required(z.literal('email').meta({ kind: 'choice' }), 'A message by email.'),
    recipients: required(list(mailAddress(), 100), 'Addresses to send to.'),
    smtp: section(
      {
        host: setting(hostName(), 'localhost', 'Mail server.'),
        port: setting(integer(1, 65535), 25, 'Its port: 25, 587 with STARTTLS, 465 with secure.'),
        secure: setting(flag(), false, 'TLS from the first byte. False: STARTTLS where offered.'),
        user: optional(line(), 'User name. Left out: no login.'),
        password: optional(secretLine(), 'Password of the user.'),
        from: optional(mailAddress(), 'Sender. Left out: openclaw@ and the name of this host.'),
      },
      'How email is sent.',
    ),
  })
  .meta({ kind: 'section' });

const webhook = z
  .strictObject({
    type: required(z.literal('webhook').meta({ kind: 'choice' }), 'A JSON POST to a URL.'),
    url: required(webhookUrl('a URL that starts with http:// or https://'), 'URL to post to.'),
    headers: setting(headers(HEADERS_OF_WEBHOOKS), {}, 'Headers sent with it.'),
  })
  .meta({ kind: 'section' });

export const monitoring = section(
  {
    enabled: setting(
      flag(),
      true,
      'Metrics, tracing and alerts. False: requests are neither counted nor timed, and status shows no rates.',
    ),
    metrics: section(
      {
        enabled: setting(flag(), true, 'Export metrics.'),
        interval: setting(
          duration({ minMs: 1000 }),
          '10s',
          'Time between pushes to StatsD. Prometheus scrapes at its own interval.',
        ),
        endpoints: setting(
          list(choice(['prometheus', 'statsd'])),
          ['prometheus'],
          'Where metrics go: prometheus scrapes /metrics of the admin listener, statsd receives them over UDP.',
        ),
        statsd: section(
          {
            address: setting(address(), '127.0.0.1:8125', 'Address of StatsD (UDP).'),
            prefix: setting(
              text(/^[\w.-]+$/, 'letters, digits, dots and "_"'),
              'openclaw',
              'Prefix of each metric name.',
            ),
            tags: setting(tags(), {}, 'Tags sent with each metric.'),
          },
          'StatsD.',
        ),
      },
      'Metrics.',
    ),
    tracing: section(
      {
        enabled: switchedOnWhenWritten(
          'Give each request a trace: a valid traceparent header is passed on to the server unchanged; without one, or with an invalid one, a new trace starts.',
        ),
        sampled: setting(
          percent(),
          100,
          'Percentage of the traces started here that are marked as sampled, so that later hops record them.',
        ),
      },
      'Trace context (W3C traceparent). The access log has the trace of each request.',
      'off',
    ),
    alerts: section(
      {
        enabled: switchedOnWhenWritten('Send alerts to the channels.'),
        window: setting(
          duration({ minMs: 1000 }),
          '1m',
          'Time window over which thresholds are evaluated.',
        ),
        for: setting(
          duration(),
          '0s',
          'How long a threshold must be exceeded before the alert begins.',
        ),
        cooldown: setting(duration(), '5m', 'How long after its end the same alert stays quiet.'),
        thresholds: section(
          {
            high_traffic: optional(
              integer(1, 1_000_000_000),
              'Requests per second. Left out: no alert.',
            ),
            high_error_rate: optional(
              percent(),
              'Percentage of responses with 5xx. Left out: no alert.',
            ),
            high_latency: optional(
              latency(),
              'Latency at the 99th percentile (a bare number is milliseconds). Left out: no alert.',
            ),
          },
          'Thresholds.',
        ),
        events: setting(list(choice(EVENTS)), EVENTS, 'Events that raise an alert.'),
        channels: setting(
          list(z.discriminatedUnion('type', [slack, email, webhook]), 32),
          [],
          'Where alerts go. Failed deliveries are retried and never slow traffic.',
        ),
      },
      'Alerts: one message when an alert begins, one when it ends.',
      'off',
    ),
  },
  'Metrics and alerts.',
);
