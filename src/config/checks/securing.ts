/** Access control. */
import { checkExclusion } from '../../waf/catalogue.ts';
import { parseNetworkFile } from '../network-file.ts';
import { wafOptionsOf } from '../waf-options.ts';
import { at, type CheckContext, type Report, reportFile } from './check.ts';

export function accessControl(context: CheckContext, report: Report): void {
  const { settings, surroundings } = context;
  const { enabled, allowlist, denylist, allowlist_file, denylist_file } =
    settings.load_balancing.security.access_control;
  const path = (...keys: (string | number)[]) => at('security', 'access_control', ...keys);
  const files = { allowlist_file, denylist_file };
  const isBare = allowlist.length === 0 && denylist.length === 0;
  if (enabled && isBare && allowlist_file === undefined && denylist_file === undefined) {
    report('warning', [path()], 'both lists are empty, so all clients are allowed');
  }
  for (const [key, file] of Object.entries(files)) {
    const read = file === undefined ? undefined : surroundings?.readFile(file);
    if (read === undefined) continue;
    const problem = read.ok ? parseNetworkFile(read.bytes.toString('utf8')).problem : undefined;
    if (read.ok && problem === undefined) continue;
    const fault = read.ok ? `${file}, ${problem}` : `${file}: ${read.reason}`;
    const help = read.ok ? undefined : read.help;
    reportFile(report, 'error', [path(key)], { fault, help });
  }
  const denied = new Set(denylist);
  for (const [index, network] of allowlist.entries()) {
    if (!denied.has(network)) continue;
    report(
      'warning',
      [path('allowlist', index), path('denylist')],
      `${network} is also on the denylist, which wins`,
      'remove it from one of them',
    );
  }
}

/** Each exclusion by itself, so that the one that is wrong is shown. */
export function waf({ settings }: CheckContext, report: Report): void {
  for (const [index, exclusion] of wafOptionsOf(settings).exclusions.entries()) {
    try {
      checkExclusion(exclusion);
    } catch (error) {
      report('error', [at('security', 'waf', 'exclusions', index)], (error as Error).message);
    }
  }
}
