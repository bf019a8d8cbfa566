/**
 * What no single setting can know: combinations that cannot work (errors), and those that work
 * otherwise than they read (warnings). A check names every setting it looked at; it is left out
 * when one of them has a problem of its own.
 */
import { createSecureContext } from 'node:tls';
import { parseAddress } from '../base/address.ts';
import { formatDuration } from '../base/units.ts';
import type { Finding } from './problem.ts';
import { type Settings, STRATEGIES } from './schema.ts';
import { formatPath, type Path } from './walk.ts';

export interface CheckContext {
  settings: Settings;
  /** Whether the file itself says something at a path. */
  written: (path: Path) => boolean;
  /** Why a file cannot be read, or undefined where it can. */
  fileProblem?: ((path: string) => string | undefined) | undefined;
}

export interface CheckFinding extends Finding {
  /** Every setting the check looked at; the first is where it is shown. */
  looksAt: readonly Path[];
  part?: 'key';
}

type Report = (
  severity: 'error' | 'warning',
  looksAt: readonly Path[],
  message: string,
  help?: string,
) => void;
type Check = (context: CheckContext, report: Report) => void;

const LB = 'load_balancing';
const at = (...path: (string | number)[]): Path => [LB, ...path];

/** All checks, in the order of the file. */
const CHECKS: readonly Check[] = [
  listeners,
  servers,
  weights,
  strategy,
  healthCheck,
  sessionPersistence,
  performance,
  failover,
  monitoring,
  tls,
  serverTls,
  accessControl,
  adminApi,
];

export function runChecks(context: CheckContext): CheckFinding[] {
  const findings: CheckFinding[] = [];
  const report: Report = (severity, looksAt, message, help) => {
    const path = looksAt[0]!;
    findings.push({ severity, path, looksAt, message: `${formatPath(path)}: ${message}`, help });
  };
  for (const check of CHECKS) check(context, report);
  return findings;
}

function listeners({ settings, written }: CheckContext, report: Report): void {
  const { listen, enabled, proxy_protocol, trusted_proxies, security } = settings.load_balancing;
  if (!enabled && written(at('enabled'))) {
    report('warning', [at('enabled')], 'the load balancer is off; no listener is opened');
  }
  const taken: { address: string; path: Path }[] = [];
  const places = listen.map((address, index) => ({ address, path: at('listen', index) as Path }));
  const redirect = security.tls.redirect_http;
  if (redirect !== undefined) {
    places.push({ address: redirect, path: at('security', 'tls', 'redirect_http') });
  }
  places.push({ address: settings.admin.listen, path: ['admin', 'listen'] });
  for (const { address, path } of places) {
    const other = taken.find((one) => overlap(one.address, address));
    if (other !== undefined) {
      const shown = written(path) ? path : other.path;
      const rest = shown === path ? other : { address, path };
      report(
        'error',
        [shown, rest.path],
        `${address} is also taken by ${formatPath(rest.path)} (${rest.address})`,
        'give one of them another port',
      );
    }
    taken.push({ address, path });
  }
  if (proxy_protocol && trusted_proxies.length === 0) {
    report(
      'error',
      [at('proxy_protocol'), at('trusted_proxies')],
      'nobody may send a PROXY header, so no connection could be served',
      'name the proxies in load_balancing.trusted_proxies',
    );
  }
}

/** Whether both cannot be listened on: the same port on the same or on every interface. */
function overlap(one: string, other: string): boolean {
  if (one === other) return true;
  const [a, b] = [parseAddress(one), parseAddress(other)];
  if (!a.ok || !b.ok || a.value.kind !== 'tcp' || b.value.kind !== 'tcp') return false;
  if (a.value.port !== b.value.port) return false;
  return isEvery(a.value.host) || isEvery(b.value.host);
}

const isEvery = (host: string) => ['', '0.0.0.0', '::'].includes(host);
const isLoopback = (host: string) => /^127\.|^::1$|^localhost$/.test(host);

function servers({ settings }: CheckContext, report: Report): void {
  const { servers: list, weights: weighted, listen } = settings.load_balancing;
  const seen = new Map<string, number>();
  const names = new Map<string, number>();
  for (const [index, server] of list.entries()) {
    const path = at('servers', index, 'address');
    const first = seen.get(server.address);
    if (first === undefined) seen.set(server.address, index);
    else {
      report(
        'warning',
        [path, at('servers', first)],
        `${server.address} is listed twice; only the first counts`,
        'take one of them out',
      );
    }
    if (server.name !== undefined) {
      const other = names.get(server.name);
      if (other !== undefined) {
        report(
          'error',
          [at('servers', index, 'name'), at('servers', other, 'name')],
          `two servers have the name "${server.name}"`,
          'give each server a name of its own',
        );
      }
      names.set(server.name, index);
    }
    if (listen.some((address) => isSelf(address, server.address))) {
      report(
        'error',
        [path, at('listen')],
        `${server.address} is the address that openclaw itself listens on`,
        'name the address of the server behind it',
      );
    }
  }
  if (list.length === 0 && weighted.length === 0) {
    report(
      'warning',
      [at('servers'), at('weights')],
      'there is no server; every request gets 503',
      'add one: openclaw config set load_balancing.servers[0] 127.0.0.1:3000',
    );
  } else if (weighted.length === 0 && list.every((server) => server.backup)) {
    report('warning', [at('servers')], 'every server is a backup; there is no primary');
  }
}

function isSelf(listen: string, server: string): boolean {
  const [a, b] = [parseAddress(listen), parseAddress(server)];
  if (!a.ok || !b.ok) return false;
  if (a.value.kind === 'unix' || b.value.kind === 'unix') return listen === server;
  if (a.value.port !== b.value.port) return false;
  return a.value.host === b.value.host || (isEvery(a.value.host) && isLoopback(b.value.host));
}

function weights({ settings, written }: CheckContext, report: Report): void {
  const { strategy, weights: list, servers: serverList } = settings.load_balancing;
  if (list.length > 0 && strategy !== 'weighted_round_robin') {
    report(
      'warning',
      [at('weights'), at('strategy')],
      `the strategy ${strategy} does not look at these weights; the servers count alike`,
      'to use them: strategy: weighted_round_robin',
    );
  }
  const seen = new Map<string, number>();
  for (const [index, { server }] of list.entries()) {
    const first = seen.get(server);
    if (first !== undefined) {
      report(
        'warning',
        [at('weights', index, 'server'), at('weights', first)],
        `${server} is listed twice; only the first counts`,
        'take one of them out',
      );
    } else seen.set(server, index);
  }
  const definition = STRATEGIES.find(({ name }) => name === strategy);
  for (const [index, server] of serverList.entries()) {
    const path = at('servers', index, 'weight');
    if (!written(path)) continue;
    const rival = seen.get(server.address);
    if (strategy === 'weighted_round_robin' && rival !== undefined) {
      if (list[rival]!.weight === server.weight) continue;
      report(
        'warning',
        [path, at('weights', rival)],
        `load_balancing.weights gives ${server.address} another weight, which counts`,
        'keep one of the two',
      );
    } else if (definition?.weighted === false && server.weight !== 1) {
      report(
        'warning',
        [path, at('strategy')],
        `the strategy ${strategy} does not look at weights`,
        'to use them: strategy: weighted_round_robin',
      );
    }
  }
}

function strategy({ settings, written }: CheckContext, report: Report): void {
  const chosen = settings.load_balancing.strategy;
  if (written(at('strategy_key')) && chosen !== 'consistent_hash') {
    report(
      'warning',
      [at('strategy_key'), at('strategy')],
      `the strategy ${chosen} does not look at it`,
      'to use it: strategy: consistent_hash',
    );
  }
}

function healthCheck({ settings, written }: CheckContext, report: Report): void {
  const check = settings.load_balancing.health_check;
  slowerThanItsInterval('health_check', check, report);
  if (check.type !== 'tcp') return;
  for (const key of ['endpoint', 'http']) {
    if (!written(at('health_check', key))) continue;
    report(
      'warning',
      [at('health_check', key), at('health_check', 'type')],
      'a probe of type tcp only connects and does not look at it',
      'to use it: type: http',
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
    `${formatDuration(timeout)} is longer than the interval of ${formatDuration(interval)}; a slow server is noticed late`,
    'make the timeout shorter than the interval',
  );
}

function sessionPersistence({ settings, written }: CheckContext, report: Report): void {
  const { session_persistence: persistence, security, trusted_proxies } = settings.load_balancing;
  const path = (...keys: string[]) => at('session_persistence', ...keys);
  const { cookie, type, enabled } = persistence;
  for (const key of ['cookie', 'ip_hash', 'source_ip'] as const) {
    if (key === type || !written(path(key))) continue;
    report('warning', [path(key), path('type')], `it is not used, for type is ${type}`);
  }
  if (!enabled) return;
  if (type === 'ip_hash' && !persistence.ip_hash.enabled) {
    report(
      'error',
      [path('ip_hash', 'enabled'), path('type')],
      'type is ip_hash, and ip_hash is not enabled',
      'write enabled: true here, or choose another type',
    );
  }
  if (type !== 'cookie') return;
  if (cookie.previous_secrets.length > 0 && cookie.secret === undefined) {
    report(
      'warning',
      [path('cookie', 'previous_secrets'), path('cookie', 'secret')],
      'it is not used, for without secret the keys are in the state directory',
      'write secret beside it, or add lines to session.key in the state directory',
    );
  }
  const encrypted = security.tls.enabled || trusted_proxies.length > 0;
  if (cookie.secure && !encrypted) {
    report(
      'warning',
      [path('cookie', 'secure'), at('security', 'tls')],
      'without TLS no browser sends a secure cookie back, so no session holds',
      'set up load_balancing.security.tls, or write secure: false',
    );
  }
  if (cookie.same_site === 'none' && !cookie.secure) {
    report(
      'error',
      [path('cookie', 'same_site'), path('cookie', 'secure')],
      'browsers refuse a cookie with SameSite=None that is not secure',
      'write secure: true, or same_site: lax',
    );
  }
  const prefix = /^__(Host|Secure)-/.exec(cookie.name)?.[1];
  const broken =
    prefix !== undefined &&
    (!cookie.secure || (prefix === 'Host' && (cookie.path !== '/' || cookie.domain !== undefined)));
  if (broken) {
    report(
      'error',
      [path('cookie', 'name'), path('cookie', 'secure'), path('cookie', 'path')],
      prefix === 'Host'
        ? 'a name that begins with __Host- needs secure: true, path "/" and no domain'
        : 'a name that begins with __Secure- needs secure: true',
      'mend the attributes, or choose another name',
    );
  }
}

function performance({ settings }: CheckContext, report: Report): void {
  const { connection_pool: pool, rate_limiting: limits } = settings.load_balancing.performance;
  if (pool.max_idle_connections > pool.max_connections) {
    report(
      'warning',
      [
        at('performance', 'connection_pool', 'max_idle_connections'),
        at('performance', 'connection_pool', 'max_connections'),
      ],
      `more than the ${pool.max_connections} of max_connections are never open`,
      'make it at most max_connections',
    );
  }
  const limited =
    limits.max_connections_per_ip ??
    limits.max_requests_per_second ??
    limits.max_requests_per_second_per_ip;
  if (limits.enabled && limited === undefined) {
    report(
      'warning',
      [at('performance', 'rate_limiting')],
      'it is on, and no limit is set',
      'set max_connections_per_ip, max_requests_per_second or max_requests_per_second_per_ip',
    );
  }
}

function failover({ settings, written }: CheckContext, report: Report): void {
  const { failover: chosen } = settings.load_balancing;
  const path = (...keys: string[]) => at('failover', ...keys);
  if (chosen.detection.enabled)
    slowerThanItsInterval('failover.detection', chosen.detection, report);
  if (chosen.strategy === 'failback' && !chosen.failback.enabled) {
    report(
      'error',
      [path('failback', 'enabled'), path('strategy')],
      'the strategy failback goes back by itself, and this forbids it',
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

function monitoring({ settings, written }: CheckContext, report: Report): void {
  const { metrics, alerts } = settings.load_balancing.monitoring;
  const path = (...keys: string[]) => at('monitoring', ...keys);
  if (written(path('metrics', 'statsd')) && !metrics.endpoints.includes('statsd')) {
    report(
      'warning',
      [path('metrics', 'statsd'), path('metrics', 'endpoints')],
      'nothing is sent, for endpoints does not name statsd',
      'add "- statsd" to load_balancing.monitoring.metrics.endpoints',
    );
  }
  if (alerts.enabled && alerts.channels.length === 0) {
    report(
      'warning',
      [path('alerts'), path('alerts', 'channels')],
      'alerts are on, and no channel takes them; they show in status and log only',
      'add a channel of type slack, email or webhook',
    );
  }
}

function tls({ settings, written, fileProblem }: CheckContext, report: Report): void {
  const chosen = settings.load_balancing.security.tls;
  const path = (...keys: (string | number)[]) => at('security', 'tls', ...keys);
  if (!chosen.enabled) {
    if (chosen.redirect_http !== undefined && written(path('redirect_http'))) {
      report(
        'warning',
        [path('redirect_http'), path('enabled')],
        'it is not used, for TLS is off',
        'write enabled: true in load_balancing.security.tls',
      );
    }
    return;
  }
  pairOfPaths(chosen, path(), report);
  if (chosen.cert_path === undefined && chosen.key_path === undefined) {
    if (chosen.certificates.length === 0) {
      report(
        'error',
        [path(), path('cert_path'), path('certificates')],
        'TLS is on, and no certificate is given',
        'add cert_path and key_path',
      );
    }
  }
  if (chosen.ciphers !== undefined) {
    try {
      createSecureContext({ ciphers: chosen.ciphers });
    } catch {
      report(
        'error',
        [path('ciphers')],
        'OpenSSL knows no cipher in this list',
        'list names between colons, as "openssl ciphers" shows them',
      );
    }
  }
  const files: [Path, string | undefined][] = [
    [path('cert_path'), chosen.cert_path],
    [path('key_path'), chosen.key_path],
    [path('client_ca_path'), chosen.client_ca_path],
  ];
  for (const [index, { cert_path, key_path }] of chosen.certificates.entries()) {
    files.push([path('certificates', index, 'cert_path'), cert_path]);
    files.push([path('certificates', index, 'key_path'), key_path]);
  }
  readableFiles(files, fileProblem, report);
}

function serverTls({ settings, fileProblem }: CheckContext, report: Report): void {
  for (const [index, { tls: chosen }] of settings.load_balancing.servers.entries()) {
    if (!chosen.enabled) continue;
    const path = at('servers', index, 'tls');
    pairOfPaths(chosen, path, report);
    readableFiles(
      [
        [[...path, 'ca_path'], chosen.ca_path],
        [[...path, 'cert_path'], chosen.cert_path],
        [[...path, 'key_path'], chosen.key_path],
      ],
      fileProblem,
      report,
    );
  }
}

function pairOfPaths(
  paths: { cert_path?: string | undefined; key_path?: string | undefined },
  section: Path,
  report: Report,
): void {
  const lone =
    paths.cert_path !== undefined && paths.key_path === undefined
      ? 'cert_path'
      : paths.key_path !== undefined && paths.cert_path === undefined
        ? 'key_path'
        : undefined;
  if (lone === undefined) return;
  const other = lone === 'cert_path' ? 'key_path' : 'cert_path';
  report(
    'error',
    [
      [...section, lone],
      [...section, other],
    ],
    `it needs ${other} beside it`,
  );
}

function readableFiles(
  files: readonly [Path, string | undefined][],
  fileProblem: CheckContext['fileProblem'],
  report: Report,
): void {
  for (const [path, file] of files) {
    const reason = file === undefined ? undefined : fileProblem?.(file);
    if (reason !== undefined) report('error', [path], `${file}: ${reason}`);
  }
}

function accessControl({ settings }: CheckContext, report: Report): void {
  const { enabled, allowlist, denylist } = settings.load_balancing.security.access_control;
  const path = (...keys: (string | number)[]) => at('security', 'access_control', ...keys);
  if (enabled && allowlist.length === 0 && denylist.length === 0) {
    report('warning', [path()], 'both lists are empty, so everybody is let in');
  }
  const denied = new Set(denylist);
  for (const [index, network] of allowlist.entries()) {
    if (!denied.has(network)) continue;
    report(
      'warning',
      [path('allowlist', index), path('denylist')],
      `${network} is on the denylist too, which wins`,
      'take it off one of the two',
    );
  }
}

function adminApi({ settings }: CheckContext, report: Report): void {
  const { listen, token } = settings.admin;
  const parsed = parseAddress(listen);
  if (!parsed.ok || parsed.value.kind === 'unix' || token !== undefined) return;
  if (isLoopback(parsed.value.host)) return;
  report(
    'warning',
    [
      ['admin', 'listen'],
      ['admin', 'token'],
    ],
    'without admin.token it answers clients of this machine only',
    'set admin.token, for instance from the environment',
  );
}
