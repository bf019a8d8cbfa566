import type { Settings } from '../config/schema.ts';
import type { Paranoia } from '../core/waf/rule.ts';
import type { WafOptions } from '../core/waf/waf.ts';

/** `load_balancing.security.waf` as the firewall takes it, whether it is switched on or not. */
export function wafOptionsOf({ load_balancing: balancing }: Settings): WafOptions {
  const { waf } = balancing.security;
  return {
    mode: waf.mode,
    paranoiaLevel: waf.paranoia_level as Paranoia,
    anomalyThreshold: waf.anomaly_threshold,
    exclusions: waf.exclusions,
    bodyBytesLimit: waf.body_limit,
  };
}
