import { ioText } from '../base/io-kind.ts';
import { VERSION } from '../base/version.ts';
import type { Settings } from '../config/schema.ts';
import type { Instance } from '../control/operate/instance.ts';
import { urlOf } from '../plan/listen.ts';

/** What the banner tells besides what the instance knows of itself. */
export interface Shown {
  workers: number;
  /** Where the configuration comes from. */
  source: string;
  logFile: string;
  settings: Settings;
  isDemo: boolean;
}

const SERVERS_SHOWN_MAX = 10;

/** What `openclaw start` says once it is up. */
export function banner(instance: Instance, shown: Shown): string {
  const { plan } = instance;
  const urls = plan.listen.map(urlOf);
  const servers = plan.pools[0].servers.map((server) => server.label);
  const more = servers.length - SERVERS_SHOWN_MAX;
  const count = `${servers.length} server${servers.length === 1 ? '' : 's'}`;
  const rows: [string, string][] = [
    ['listening', `${urls.join('  ')}  (${shown.workers} worker${shown.workers === 1 ? '' : 's'})`],
    ['io', ioText(instance.io)],
    ['pool', `${plan.pools[0].settings.name}: ${plan.pools[0].strategy}, ${count}`],
    [
      'servers',
      servers.slice(0, SERVERS_SHOWN_MAX).join('  ') + (more > 0 ? `  and ${more} more` : ''),
    ],
    ['dashboard', `http://${shown.settings.admin.listen}/`],
    ['config', shown.source],
    ['log', shown.logFile],
  ];
  const url = urls.find((one) => one.startsWith('http')) ?? 'http://localhost';
  const first = url.startsWith('http') ? url : urls[0]!;
  const tries: [string, string][] = shown.isDemo
    ? demoTries(first, shown.settings.admin.listen)
    : [['check it', `curl -i ${first}/`]];
  const lines = [...rows, ...tries].map(([name, value]) => `  ${name.padEnd(10)} ${value}`);
  return `openclaw ${VERSION} is up\n${lines.join('\n')}\n`;
}

function demoTries(url: string, admin: string): [string, string][] {
  return [
    ['open', `${url}/`],
    ['try', `curl ${url}/             # three times: red, green, blue take turns`],
    ['', `curl -N ${url}/events    # server-sent events, as they come`],
    ['', `curl http://${admin}/status   # who got how many requests`],
  ];
}
