import type { Settings } from '../config/schema.ts';

/**
 * Settings that the configuration knows and this version does not act on yet. To start as if they
 * were in force would leave somebody unprotected who thinks he is not.
 *
 * @returns the paths that are switched on
 */
export function unservedSettings(settings: Settings): string[] {
  const { security, performance, proxy_protocol } = settings.load_balancing;
  const { access_control, waf } = security;
  const switches: [string, boolean][] = [
    ['load_balancing.security.access_control', access_control.enabled],
    ['load_balancing.security.waf', waf.enabled],
    ['load_balancing.performance.rate_limiting', performance.rate_limiting.enabled],
    ['load_balancing.proxy_protocol', proxy_protocol],
  ];
  return switches.filter(([, isOn]) => isOn).map(([path]) => path);
}
