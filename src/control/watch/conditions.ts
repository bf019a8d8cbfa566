/** What may be wrong, as the table and the settings say: the conditions that alerts follow. */
import { formatDuration } from '../../base/units.ts';
import type { Settings } from '../../config/schema.ts';
import { FAILURES, type Failure } from '../../core/answers/failures.ts';
import type { Condition } from '../../observe/alerts.ts';
import type { Window } from './traffic-history.ts';

type AlertSettings = Settings['load_balancing']['monitoring']['alerts'];

/** One server, as conditions look at it. */
export interface ServerFacts {
  readonly pool: string;
  readonly label: string;
  readonly isDown: boolean;
  /** The operator lets it take new requests. */
  readonly isActive: boolean;
  readonly isBreakerOpen: boolean;
  /** Why it is as its probes say, and why its breaker is as it is; empty where nobody said. */
  readonly whyHealth: string;
  readonly whyBreaker: string;
  /** Of the last minute. */
  readonly requests: number;
  readonly errors: number;
  /** Of a middling second of the time that alerts look at: one slow second is no slow server. */
  readonly p99Ms: number;
}

export interface Facts {
  readonly window: Window;
  readonly servers: readonly ServerFacts[];
  readonly pools: readonly string[];
  /** 5xx of the last minute to requests that reached no server. */
  readonly unservedErrors: number;
  /** Of the last minute, by code, the most frequent first. */
  readonly failures: readonly { code: string; count: number }[];
  readonly certificates: readonly { path: string; expiresSeconds: number }[];
  /** Why the last reload failed; empty if it did not. */
  readonly reloadError: string;
  readonly nowMs: number;
}

/** A certificate with fewer days left raises an alert; time to renew it by hand twice. */
export const CERTIFICATE_DAYS_MIN = 14;
/** Fewer requests than this say nothing about a rate or a quantile. */
const REQUESTS_MIN = 10;
const OUTLIERS_MAX = 3;
/** Part of all errors that a server has at least, to stand out. */
const ERROR_PERCENT_MIN = 5;
const DAY_SECONDS = 86_400;

export function conditionsOf(settings: AlertSettings, facts: Facts): Condition[] {
  return [...thresholds(settings, facts), ...events(settings, facts)];
}

function thresholds({ thresholds, window: windowMs }: AlertSettings, facts: Facts): Condition[] {
  const { window, servers } = facts;
  const over = formatDuration(windowMs);
  const conditions: Condition[] = [];
  const hasEnough = window.requests >= REQUESTS_MIN;
  const { high_traffic, high_error_rate, high_latency } = thresholds;
  if (high_traffic !== undefined) {
    // A young instance is judged over the seconds it has.
    const rate = window.seconds === 0 ? 0 : window.requests / window.seconds;
    conditions.push({
      name: 'high_traffic',
      subject: '',
      holds: rate > high_traffic,
      measured: `${Math.round(rate)} requests per second over ${over}, threshold ${high_traffic}`,
      outliers: top(
        servers,
        (one) => one.requests,
        (one) => `${one.label}: ${one.requests} in the last minute`,
      ),
    });
  }
  if (high_error_rate !== undefined) {
    const rate = percent(window.errors, window.requests);
    const worse = servers.filter((one) => percent(one.errors, one.requests) > high_error_rate);
    const errors = servers.reduce((sum, one) => sum + one.errors, facts.unservedErrors);
    conditions.push({
      name: 'high_error_rate',
      subject: '',
      holds: hasEnough && rate > high_error_rate,
      measured: `${oneDigit(rate)}% of ${window.requests} responses are 5xx over ${over}, threshold ${high_error_rate}%`,
      outliers: [
        ...ownErrors(facts),
        ...top(
          // A few errors of a server that has next to no requests are not what is wrong.
          worse.filter((one) => percent(one.errors, errors) >= ERROR_PERCENT_MIN),
          (one) => one.errors,
          (one) =>
            `${one.label}: ${oneDigit(percent(one.errors, one.requests))}% of ${one.requests} in the last minute`,
        ),
      ],
    });
  }
  if (high_latency !== undefined) {
    conditions.push({
      name: 'high_latency',
      subject: '',
      holds: hasEnough && window.p99Ms > high_latency,
      measured: `p99 ${readableMs(window.p99Ms)} over ${over}, threshold ${readableMs(high_latency)}`,
      outliers: top(
        servers.filter((one) => one.p99Ms > high_latency),
        (one) => one.p99Ms,
        (one) => `${one.label}: p99 ${readableMs(one.p99Ms)}`,
      ),
    });
  }
  return conditions;
}

/** What openclaw itself answered with 5xx, for no server could be asked. */
function ownErrors({ unservedErrors, failures }: Facts): string[] {
  const own = failures.filter(({ code }) => {
    const known = FAILURES[code as Failure];
    return known !== undefined && known[0] === 'us' && known[1] >= 500;
  });
  if (unservedErrors === 0 || own.length === 0) return [];
  const codes = own.slice(0, OUTLIERS_MAX).map(({ code, count }) => `${code} ${count}`);
  return [`no server reached: ${codes.join(', ')} in the last minute`];
}

function events({ events }: AlertSettings, facts: Facts): Condition[] {
  const conditions: Condition[] = [];
  const wanted = new Set(events);
  const add = (name: Condition['name'], subject: string, holds: boolean, measured: string) => {
    conditions.push({ name, subject, holds, measured, outliers: [] });
  };
  for (const { label, isDown, isBreakerOpen, whyHealth, whyBreaker } of facts.servers) {
    if (wanted.has('server_down') || wanted.has('server_up')) {
      add(
        'server_down',
        label,
        isDown,
        whyHealth || (isDown ? 'its health checks fail' : 'they pass again'),
      );
    }
    if (wanted.has('breaker_open')) {
      const why =
        whyBreaker || (isBreakerOpen ? 'too many consecutive failures' : 'a trial succeeded');
      add('breaker_open', label, isBreakerOpen, why);
    }
  }
  if (wanted.has('no_servers')) {
    for (const pool of facts.pools) {
      const members = facts.servers.filter((one) => one.pool === pool);
      const down = members.filter((one) => one.isDown).length;
      const out = members.filter((one) => !one.isActive && !one.isDown).length;
      const broken = members.filter((one) => one.isActive && !one.isDown && one.isBreakerOpen);
      const reasons = [
        down === 0 ? '' : `${down} down`,
        broken.length === 0 ? '' : `${broken.length} behind an open breaker`,
        out === 0 ? '' : `${out} taken out by an operator`,
      ].filter((reason) => reason !== '');
      const measured = `of ${members.length} servers ${reasons.join(', ') || 'all may serve'}`;
      const holds = members.length > 0 && down + out + broken.length === members.length;
      add('no_servers', pool, holds, measured);
    }
  }
  if (wanted.has('certificate_expiry')) {
    for (const { path, expiresSeconds } of facts.certificates) {
      const days = Math.floor((expiresSeconds - facts.nowMs / 1000) / DAY_SECONDS);
      const measured =
        days < 0 ? 'it has expired' : `${days} days left, threshold ${CERTIFICATE_DAYS_MIN}`;
      add('certificate_expiry', path, days < CERTIFICATE_DAYS_MIN, measured);
    }
  }
  if (wanted.has('reload_failed')) {
    add('reload_failed', '', facts.reloadError !== '', facts.reloadError || 'it is applied');
  }
  return conditions;
}

function top(
  servers: readonly ServerFacts[],
  by: (server: ServerFacts) => number,
  say: (server: ServerFacts) => string,
): string[] {
  return servers
    .filter((one) => by(one) > 0)
    .toSorted((a, b) => by(b) - by(a))
    .slice(0, OUTLIERS_MAX)
    .map(say);
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : (part * 100) / whole;
}

function oneDigit(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function readableMs(ms: number): string {
  return ms < 1000 ? `${oneDigit(ms)}ms` : `${Math.round(ms / 10) / 100}s`;
}
