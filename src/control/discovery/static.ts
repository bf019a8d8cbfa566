import type { ServerSettings } from '../../config/schema.ts';
import { poolServers } from '../../config/servers.ts';
import type { ServerSource, SourceEvents, SourceKind } from './source.ts';

/** The servers that the configuration lists itself. */
export const staticServers: SourceKind<readonly ServerSettings[]> = {
  name: 'static',
  partOf: poolServers,
  open: (servers) => new StaticServers(servers),
};

class StaticServers implements ServerSource {
  readonly #servers: readonly ServerSettings[];

  constructor(servers: readonly ServerSettings[]) {
    this.#servers = servers;
  }

  start(events: SourceEvents): void {
    events.onServers(this.#servers);
  }

  stop(): void {}
}
