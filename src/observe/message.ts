import { printableLines, printableValues } from '../base/printable.ts';
import { formatDuration } from '../base/units.ts';
import type { AlertMessage, AlertName } from './alerts.ts';

/** Where an alert comes from. */
export interface Origin {
  readonly host: string;
  readonly pool: string;
  readonly listeners: readonly string[];
}

/** A message for people. */
export interface Notice {
  /** What. */
  readonly subject: string;
  /** Where, since when, how much, which servers, what to type next. */
  readonly text: string;
  readonly alert: AlertMessage | null;
  readonly origin: Origin;
}

const TEST_SERVER = 'openclaw lb backend test --server SUBJECT';

const WHAT: Readonly<Record<AlertName, readonly [begin: string, end: string, next: string]>> = {
  high_traffic: ['traffic is high', 'traffic is normal again', 'openclaw lb stats'],
  high_error_rate: [
    'the error rate is high',
    'the error rate is normal again',
    'openclaw logs --level warn --since 10m',
  ],
  high_latency: ['latency is high', 'latency is normal again', 'openclaw lb backend status'],
  server_down: ['server SUBJECT is down', 'server SUBJECT is up again', TEST_SERVER],
  breaker_open: [
    'the breaker of server SUBJECT is open',
    'the breaker of server SUBJECT is closed again',
    TEST_SERVER,
  ],
  no_servers: [
    'pool SUBJECT has no server that can take requests',
    'pool SUBJECT has servers again',
    'openclaw lb backend status',
  ],
  certificate_expiry: [
    'certificate SUBJECT is about to expire',
    'certificate SUBJECT was renewed',
    'openssl x509 -enddate -noout -in SUBJECT',
  ],
  reload_failed: [
    'the configuration could not be reloaded',
    'the configuration was reloaded',
    'openclaw config validate',
  ],
};

/** Alerts by a threshold; the others are events, which have a cause. */
const MEASURED: ReadonlySet<AlertName> = new Set([
  'high_traffic',
  'high_error_rate',
  'high_latency',
]);

/** Certificates and servers have their say in it: nothing of that may steer whatever shows it. */
export function noticeOf(raw: AlertMessage, origin: Origin): Notice {
  const alert = printableValues(raw, printableLines);
  const [begin, end, next] = WHAT[alert.name].map((text) =>
    text.replaceAll('SUBJECT', alert.subject),
  ) as [string, string, string];
  const isBegin = alert.phase === 'begin';
  const lastedMs = Math.max(0, alert.atMs - alert.sinceMs);
  const since = new Date(alert.sinceMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const lines = [
    `where: ${origin.host}, pool ${origin.pool}, ${origin.listeners.join(' ')}`,
    isBegin ? `since: ${since}` : `lasted: ${lasted(lastedMs)}, from ${since}`,
    `${MEASURED.has(alert.name) ? 'measured' : 'why'}: ${alert.measured}`,
  ];
  if (isBegin && alert.outliers.length > 0) lines.push(`stands out: ${alert.outliers.join('; ')}`);
  if (isBegin) lines.push(`next: ${next}`);
  const sign = isBegin ? 'ALERT' : 'over';
  return {
    subject: `[openclaw ${sign}] ${isBegin ? begin : end} (${origin.host})`,
    text: `${lines.join('\n')}\n`,
    alert,
    origin,
  };
}

/** What `openclaw alerts test` sends. */
export function testNotice(origin: Origin): Notice {
  return {
    subject: `[openclaw test] alerts from ${origin.host} reach you`,
    text: `This is a test sent by "openclaw alerts test".\nwhere: ${origin.host}, pool ${origin.pool}, ${origin.listeners.join(' ')}\n`,
    alert: null,
    origin,
  };
}

/** To the second: nobody reads milliseconds here. */
function lasted(ms: number): string {
  return formatDuration(Math.max(1000, Math.round(ms / 1000) * 1000));
}
