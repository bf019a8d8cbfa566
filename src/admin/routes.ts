/** The admin API, one line a route. GET reads, POST changes. */
import { parseDuration } from '../base/units.ts';
import type { Instance } from '../control/operate/instance.ts';
import { effectiveConfiguration } from './effective.ts';
import { statsOf } from './stats.ts';

export interface Call {
  readonly instance: Instance;
  /** What stands in the places of `:name` in the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** An object goes out as JSON. */
export type Reply =
  | { readonly status: number; readonly body: object }
  | { readonly status: number; readonly type: string; readonly text: string };

export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  /** A segment `:name` stands for anything. */
  readonly path: string;
  readonly help: string;
  /** Needs no token: it gives nothing away. */
  readonly isPublic?: boolean;
  readonly handle: (call: Call) => Reply | Promise<Reply>;
}

export const ROUTES: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/livez',
    help: 'whether the process is alive',
    isPublic: true,
    handle: () => ok({ live: true }),
  },
  {
    method: 'GET',
    path: '/status',
    help: 'servers, rates, alerts',
    handle: ({ instance }) => ok(instance.status()),
  },
  {
    method: 'GET',
    path: '/stats',
    help: 'totals since the start',
    handle: ({ instance }) => ok(statsOf(instance)),
  },
  {
    method: 'GET',
    path: '/metrics',
    help: 'Prometheus',
    handle: metrics,
  },
  {
    method: 'GET',
    path: '/history',
    help: 'one sample per second of the last hour; ?since=MS for later ones only',
    handle: ({ instance, query }) => {
      const sinceMs = Number(query.get('since') ?? 0) || 0;
      const samples = instance.observer.history.since(sinceMs);
      return { status: 200, type: 'application/json', text: JSON.stringify({ samples }) };
    },
  },
  {
    method: 'GET',
    path: '/errors',
    help: 'the last failed requests, and suspected attacks; ?limit=N of each',
    handle: recentRequests,
  },
  {
    method: 'GET',
    path: '/config',
    help: 'the effective configuration, secrets masked',
    handle: ({ instance }) => ok(effectiveConfiguration(instance.settings)),
  },
  {
    method: 'GET',
    path: '/alerts',
    help: 'active alerts and channels',
    handle: ({ instance }) => ok(instance.observer.alerts()),
  },
  {
    method: 'POST',
    path: '/alerts/test',
    help: 'send a test message through each channel',
    handle: async ({ instance }) => ok({ channels: await instance.observer.testAlerts() }),
  },
  {
    method: 'POST',
    path: '/alerts/silence',
    help: 'silence alerts for ?for=1h; ?for=0s ends it',
    handle: silence,
  },
  {
    method: 'POST',
    path: '/failback',
    help: 'return traffic from the backups to the primaries',
    handle: ({ instance }) =>
      instance.failback()
        ? ok({ failedBack: true })
        : wrong(409, 'nothing_to_fail_back', 'no pool has failed over to its backups'),
  },
];

async function metrics({ instance }: Call): Promise<Reply> {
  const { enabled, metrics: offered } = instance.settings.load_balancing.monitoring;
  if (enabled && offered.enabled && offered.endpoints.includes('prometheus')) {
    return { status: 200, ...(await instance.observer.metricsText()) };
  }
  return wrong(
    404,
    'metrics_off',
    'load_balancing.monitoring.metrics is off, or its endpoints do not name prometheus',
  );
}

function recentRequests({ instance, query }: Call): Reply {
  const text = query.get('limit');
  if (text !== null && !/^\d+$/.test(text)) {
    return wrong(400, 'bad_limit', '?limit=20: a whole number from 0 on is needed');
  }
  const limit = text === null ? Number.POSITIVE_INFINITY : Number(text);
  const { requests } = instance.observer;
  return ok({
    errors: requests.errors().slice(0, limit),
    hits: requests.hits().slice(0, limit),
  });
}

function silence({ instance, query }: Call): Reply {
  const parsed = parseDuration(query.get('for') ?? '');
  if (!parsed.ok) return wrong(400, 'bad_duration', `?for=1h is needed: ${parsed.reason}`);
  const untilMs = parsed.value === 0 ? 0 : Date.now() + parsed.value;
  instance.observer.silenceAlerts(untilMs);
  return ok({ silentUntilMs: untilMs });
}

export function ok(body: object): Reply {
  return { status: 200, body };
}

export function wrong(status: number, error: string, help: string): Reply {
  return { status, body: { error, help } };
}
