/** Access control. */
import { at, type CheckContext, type Report } from './check.ts';

export function accessControl({ settings }: CheckContext, report: Report): void {
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
