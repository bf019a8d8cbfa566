/** `openclaw config reload|plan`: what a running instance does with a changed file, in words. */
import { formatChanges } from '../config/diff.ts';
import { formatPath } from '../config/walk.ts';
import type { ReloadReport } from '../control/operate/reloader.ts';
import type { AdminOptions } from './admin-options.ts';
import { findAdmin } from './find-admin.ts';
import { asCalled, type Io } from './io.ts';
import { knownPath } from './known-path.ts';

export interface ReloadOptions extends AdminOptions {
  section?: string;
  confirm?: number;
  json?: boolean;
}

export async function reload(io: Io, options: ReloadOptions): Promise<void> {
  const path = `/config/reload${queryOf(options)}`;
  const client = await findAdmin(io, options);
  tell(io, await client.post<ReloadReport>(path), options, 'applied');
}

export async function plan(io: Io, options: ReloadOptions): Promise<void> {
  const path = `/config/plan${queryOf(options)}`;
  const client = await findAdmin(io, options);
  tell(io, await client.get<ReloadReport>(path), options, 'planned');
}

function queryOf({ section, confirm }: ReloadOptions): string {
  const query = new URLSearchParams();
  if (section !== undefined) query.set('section', formatPath(knownPath(section)));
  if (confirm !== undefined) query.set('confirm', `${confirm}ms`);
  return query.size === 0 ? '' : `?${query}`;
}

function tell(
  io: Io,
  report: ReloadReport,
  options: ReloadOptions,
  verb: 'applied' | 'planned',
): void {
  if (options.json) io.out(`${JSON.stringify(report, null, 2)}\n`);
  else io.out(asCalled(io, reportText(report, verb)));
  if (report.warning) io.err(`warning: ${report.warning}\n`);
}

/** @param verb what is said of the changes: they were made, or would be */
export function reportText(report: ReloadReport, verb: 'applied' | 'planned'): string {
  const { changes, impact, confirmBefore } = report;
  if (changes.length === 0) return 'nothing differs from the running configuration\n';
  const lines = [formatChanges(changes).trimEnd(), ''];
  const { joining, leaving, underWay, underWayAtLeaving, movedKeysPercent } = impact;
  const { leavesNoServer, needRestart } = impact;
  if (joining.length > 0) lines.push(`servers that join:  ${joining.join('  ')}`);
  if (leaving.length > 0) {
    lines.push(
      `servers that leave: ${leaving.join('  ')}: they get nothing new, requests in flight continue`,
    );
  }
  lines.push(`requests and tunnels touched: ${underWayAtLeaving} of ${underWay}`);
  if (movedKeysPercent > 0) lines.push(`clients or keys that move: ${movedKeysPercent}%`);
  if (leavesNoServer) {
    const is = verb === 'planned' ? 'would be' : 'is';
    lines.push(
      `warning: no working server ${is} left: requests get 503 until one comes up or is enabled; see openclaw lb backend status`,
    );
  }
  if (needRestart.length > 0) {
    lines.push(`only take effect after a restart: ${needRestart.join(', ')}`);
  }
  if (verb === 'planned') lines.push('nothing was changed; apply it with: openclaw config reload');
  else if (confirmBefore === null) lines.push('applied');
  else lines.push(`applied until ${confirmBefore}, unless: openclaw config confirm`);
  return `${lines.join('\n')}\n`;
}
