import { formatDuration, parseDuration, WAIT_MS_MAX } from '../base/units.ts';
import type { Instance } from '../control/operate/instance.ts';
import type { Upgrade } from '../control/operate/upgrade.ts';
import { type AdminRoute, ok, wrong } from './routes.ts';

/** What the admin API offers for putting another version in this one's place. */
export function upgradeRoutes(instance: Instance, upgrade: Upgrade): AdminRoute[] {
  return [
    {
      method: 'POST',
      path: '/upgrade',
      help: 'start a new process in place of this one; ?drain=1h is left to requests in flight',
      handle: async ({ query }) => {
        const text = query.get('drain');
        const drain = text === null ? null : parseDuration(text);
        if (drain?.ok === false) return wrong(400, 'bad_duration', `?drain=1h: ${drain.reason}`);
        if (drain !== null && drain.value > WAIT_MS_MAX) {
          return wrong(400, 'bad_duration', `?drain=1h: at most ${formatDuration(WAIT_MS_MAX)}`);
        }
        const withinMs = drain?.value ?? instance.settings.load_balancing.timeout.drain;
        try {
          return ok({ pid: await upgrade.begin(withinMs), from: process.pid, withinMs });
        } catch (error) {
          return wrong(409, 'not_upgraded', (error as Error).message);
        }
      },
    },
  ];
}
