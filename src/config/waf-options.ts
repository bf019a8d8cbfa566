import type { Paranoia, WafOptions } from '../waf/index.ts';
import type { Settings } from './schema.ts';

/** What the firewall is told of the settings, whether it is switched on or not. */
export function wafOptionsOf(settings: Settings): WafOptions {
  const { waf } = settings.load_balancing.security;
  return {
    mode: waf.mode,
    paranoiaLevel: waf.paranoia_level as Paranoia,
    anomalyThreshold: waf.anomaly_threshold,
    exclusions: waf.exclusions.map(({ rule, path, parameter }) => ({
      ...(rule === undefined ? {} : { rule }),
      ...(path === undefined ? {} : { path }),
      ...(parameter === undefined ? {} : { parameter }),
    })),
    bodyBytesLimit: waf.body_limit,
    oversize: waf.oversize,
  };
}
