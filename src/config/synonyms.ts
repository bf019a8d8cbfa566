/** What other proxies call a setting, so that whoever comes from them is told its name here. */
import { plainName } from './nearest.ts';
import type { Path } from './walk.ts';

/** Names without case and marks, and the settings they stand for; `*` is any item of a list. */
export const SYNONYMS: readonly (readonly [names: string, setting: string])[] = [
  ['backend backends upstream upstreams target targets nodes origins', 'load_balancing.servers'],
  ['host ip url uri server target', 'load_balancing.servers.*.address'],
  ['ssl https secure', 'load_balancing.servers.*.tls'],
  ['maxconn maxconns', 'load_balancing.servers.*.max_connections'],
  ['bind port ports address', 'load_balancing.listen'],
  ['algorithm balance balancing lbmethod lbpolicy method policy', 'load_balancing.strategy'],
  ['threads processes workerprocesses nbthread', 'load_balancing.workers'],
  ['maxconn', 'load_balancing.max_connections'],
  [
    'sticky stickysession stickysessions affinity sessionaffinity session sessions',
    'load_balancing.session_persistence',
  ],
  ['ttl maxage lifetime', 'load_balancing.session_persistence.cookie.expires'],
  ['check checks probe probes option httpchk', 'load_balancing.health_check'],
  ['path url uri', 'load_balancing.health_check.endpoint'],
  ['fall unhealthythreshold maxfails retries', 'load_balancing.health_check.failure_threshold'],
  ['rise healthythreshold passes', 'load_balancing.health_check.success_threshold'],
  ['keepalive pool', 'load_balancing.performance.connection_pool'],
  ['ratelimit ratelimits throttle throttling', 'load_balancing.performance.rate_limiting'],
  ['retry maxretries nextupstream', 'load_balancing.failover.retries'],
  ['ssl https certificate certificates cert', 'load_balancing.security.tls'],
  ['cert certificate sslcertificate crt', 'load_balancing.security.tls.cert_path'],
  ['key privatekey sslcertificatekey', 'load_balancing.security.tls.key_path'],
  ['whitelist allow allowed', 'load_balancing.security.access_control.allowlist'],
  ['blacklist blocklist deny denied', 'load_balancing.security.access_control.denylist'],
  ['firewall modsecurity', 'load_balancing.security.waf'],
  ['statistics stats dashboard api', 'admin'],
  ['logging logs accesslog', 'log'],
];

/** The setting that a name elsewhere stands for, where one does; of several the one in the section. */
export function synonymOf(section: Path, name: string): Path | undefined {
  const plain = plainName(name);
  const meant = SYNONYMS.filter(([names]) => names.split(' ').includes(plain)).map(([, setting]) =>
    setting.split('.'),
  );
  const isHere = (path: string[]) =>
    path.length === section.length + 1 &&
    section.every((key, depth) => path[depth] === (typeof key === 'number' ? '*' : key));
  const here = meant.find(isHere);
  if (here !== undefined) return [...section, here.at(-1)!];
  return meant.find((path) => !path.includes('*'));
}
