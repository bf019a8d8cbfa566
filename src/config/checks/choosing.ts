/** Strategies, weights and persistence. */
import { strategyDefinition } from '../../core/balance/registry.ts';
import type { Path } from '../walk.ts';
import { at, type CheckContext, type Report } from './check.ts';

export function weights({ settings, written }: CheckContext, report: Report): void {
  const { strategy, weights: list, servers: serverList } = settings.load_balancing;
  if (list.length > 0 && strategy !== 'weighted_round_robin') {
    report(
      'warning',
      [at('weights'), at('strategy')],
      `the strategy ${strategy} ignores these weights; all servers get the same share`,
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
        `${server} is listed twice; only the first is used`,
        'remove one of them',
      );
    } else seen.set(server, index);
  }
  const definition = strategyDefinition(strategy);
  const ignored: Path[] = [];
  for (const [index, server] of serverList.entries()) {
    const path = at('servers', index, 'weight');
    if (!written(path)) continue;
    const rival = seen.get(server.address);
    if (strategy === 'weighted_round_robin' && rival !== undefined) {
      if (list[rival]!.weight === server.weight) continue;
      report(
        'warning',
        [path, at('weights', rival)],
        `load_balancing.weights sets another weight for ${server.address}, which is used instead`,
        'keep one of them',
      );
    } else if (!definition.weighted && server.weight !== 1) {
      ignored.push(path);
    }
  }
  if (ignored.length > 0) {
    const more = ignored.length === 1 ? '' : `, here and at ${ignored.length - 1} more`;
    report(
      'warning',
      [ignored[0]!, at('strategy')],
      `the strategy ${strategy} ignores weights${more}`,
      'to use them: strategy: weighted_round_robin',
    );
  }
}

export function strategy({ settings, written }: CheckContext, report: Report): void {
  const chosen = settings.load_balancing.strategy;
  if (written(at('strategy_key')) && chosen !== 'consistent_hash') {
    report(
      'warning',
      [at('strategy_key'), at('strategy')],
      `the strategy ${chosen} ignores it`,
      'to use it: strategy: consistent_hash',
    );
  }
}

export function sessionPersistence({ settings, written }: CheckContext, report: Report): void {
  const { session_persistence: persistence, security, trusted_proxies } = settings.load_balancing;
  const path = (...keys: string[]) => at('session_persistence', ...keys);
  const { cookie, type, enabled } = persistence;
  for (const key of ['cookie', 'ip_hash', 'source_ip'] as const) {
    if (key === type || !written(path(key))) continue;
    report('warning', [path(key), path('type')], `it is not used, because type is ${type}`);
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
      'it is not used, because without secret the keys are in the state directory',
      'set secret as well, or add lines to session.key in the state directory',
    );
  }
  const encrypted = security.tls.enabled || trusted_proxies.length > 0;
  if (cookie.secure && !encrypted) {
    report(
      'warning',
      [path('cookie', 'secure'), at('security', 'tls')],
      'without TLS, browsers never send a secure cookie back, so sessions do not stick',
      'set up load_balancing.security.tls, or write secure: false',
    );
  }
  if (cookie.same_site === 'none' && !cookie.secure) {
    report(
      'error',
      [path('cookie', 'same_site'), path('cookie', 'secure')],
      'browsers reject a cookie with SameSite=None that is not secure',
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
      'fix the attributes, or choose another name',
    );
  }
}
