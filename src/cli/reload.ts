/** `openclaw config reload|plan|confirm`: what a running instance does with a changed file. */
import type { Command } from 'commander';
import { formatChanges } from '../config/diff.ts';
import { formatPath } from '../config/walk.ts';
import type { ReloadReport } from '../control/operate/reloader.ts';
import { AdminClient, type AdminOptions, duration } from './admin-client.ts';
import { knownPath } from './config.ts';
import { asCalled, type Io } from './io.ts';

interface Options extends AdminOptions {
  section?: string;
  confirm?: number;
  json?: boolean;
}

/** Adds the commands to `openclaw config`. */
export function addReloadCommands(config: Command, io: Io): void {
  const add = (name: string, description: string, example: string) =>
    config
      .command(name)
      .description(description)
      .option('--admin <address>', 'host:port or unix socket of the instance')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExamples:\n  $ openclaw config ${name}\n  $ ${example}`);

  add(
    'reload',
    'The running instance takes the file over; an invalid file changes nothing',
    'openclaw config reload --confirm 60s',
  )
    .option('--section <path>', 'only this part of the file')
    .option(
      '--confirm <time>',
      'taken back after this time, like 60s, unless `config confirm` follows',
      duration,
    )
    .action(async (_, self: Command) => {
      const options = self.optsWithGlobals<Options>();
      const path = `/config/reload${queryOf(options)}`;
      tell(io, await AdminClient.find(io, options).post<ReloadReport>(path), options, 'applied');
    });

  add(
    'plan',
    'What a reload would do, from the running instance',
    'openclaw config plan --section load_balancing.servers',
  )
    .option('--section <path>', 'only this part of the file')
    .action(async (_, self: Command) => {
      const options = self.optsWithGlobals<Options>();
      const path = `/config/plan${queryOf(options)}`;
      tell(io, await AdminClient.find(io, options).get<ReloadReport>(path), options, 'planned');
    });

  add('confirm', 'The reload that waits for it stays', 'openclaw config confirm --json').action(
    async (_, self: Command) => {
      const options = self.optsWithGlobals<Options>();
      const answer = await AdminClient.find(io, options).post<object>('/config/confirm');
      io.out(options.json ? `${JSON.stringify(answer)}\n` : 'confirmed: the configuration stays\n');
    },
  );
}

function queryOf({ section, confirm }: Options): string {
  const query = new URLSearchParams();
  if (section !== undefined) query.set('section', formatPath(knownPath(section)));
  if (confirm !== undefined) query.set('confirm', `${confirm}ms`);
  return query.size === 0 ? '' : `?${query}`;
}

function tell(io: Io, report: ReloadReport, options: Options, verb: 'applied' | 'planned'): void {
  if (options.json) io.out(`${JSON.stringify(report, null, 2)}\n`);
  else io.out(asCalled(io, reportText(report, verb)));
  if (report.warning) io.err(`warning: ${report.warning}\n`);
}

/** @param verb what is said of the changes: they were made, or would be */
export function reportText(report: ReloadReport, verb: 'applied' | 'planned'): string {
  const { changes, impact, confirmBefore } = report;
  if (changes.length === 0) return 'nothing differs from what runs\n';
  const lines = [formatChanges(changes).trimEnd(), ''];
  const { joining, leaving, underWay, underWayAtLeaving, movedKeysPercent } = impact;
  const { leavesNoServer, needRestart } = impact;
  if (joining.length > 0) lines.push(`servers that join:  ${joining.join('  ')}`);
  if (leaving.length > 0) {
    lines.push(
      `servers that leave: ${leaving.join('  ')}: nothing new goes there, what is under way goes on`,
    );
  }
  lines.push(`requests and tunnels touched: ${underWayAtLeaving} of ${underWay}`);
  if (movedKeysPercent > 0) lines.push(`clients or keys that move: ${movedKeysPercent}%`);
  if (leavesNoServer) {
    const is = verb === 'planned' ? 'would be' : 'is';
    lines.push(
      `warning: no server that works ${is} left: requests are answered 503 until one comes up or is enabled; see openclaw lb backend status`,
    );
  }
  if (needRestart.length > 0) {
    lines.push(`only a restart brings into force: ${needRestart.join(', ')}`);
  }
  if (verb === 'planned') lines.push('nothing was changed; to apply it: openclaw config reload');
  else if (confirmBefore === null) lines.push('applied');
  else lines.push(`applied until ${confirmBefore}, unless: openclaw config confirm`);
  return `${lines.join('\n')}\n`;
}
