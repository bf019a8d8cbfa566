import { isDeepStrictEqual } from 'node:util';
import type { ServerSettings, Settings } from '../../config/schema.ts';
import { SOURCE_KINDS } from './registry.ts';
import type { ServerSource, SourceKind, SourceTime } from './source.ts';

export interface PoolSourcesEvents {
  /** A source reports a change; `servers` has all servers. */
  onChange(): void;
  /** A source fails for now. @param kind its name */
  onFailure(kind: string, cause: string): void;
}

/** Sources of new settings, started but not followed yet. */
export interface PreparedSources {
  readonly servers: readonly ServerSettings[];
  /** Follows them, and stops those no longer needed. */
  commit(): void;
  /** Stops them; the previous ones continue. */
  abandon(): void;
}

/** All sources of one pool, over reloads. */
export class PoolSources {
  readonly #time: SourceTime;
  readonly #events: PoolSourcesEvents;
  readonly #kinds: readonly SourceKind[];
  #feeds: readonly Feed[] = [];

  constructor(
    time: SourceTime,
    events: PoolSourcesEvents,
    kinds: readonly SourceKind[] = SOURCE_KINDS,
  ) {
    this.#time = time;
    this.#events = events;
    this.#kinds = kinds;
  }

  /** The servers last reported that were not refused, each address once. */
  get servers(): ServerSettings[] {
    return serversOf(this.#feeds);
  }

  prepare(settings: Settings): PreparedSources {
    const before = this.#feeds;
    const next = this.#kinds.flatMap((kind) => {
      const part = kind.partOf(settings);
      if (part === null) return [];
      const last = before.find((feed) => feed.kind === kind);
      return isDeepStrictEqual(last?.part, part) ? [last!] : [this.#open(kind, part, last)];
    });
    const servers = serversOf(next);
    const reports = next.map(lastOf);
    return {
      servers,
      commit: () => {
        use(next, reports);
        for (const feed of before) if (!next.includes(feed)) feed.source.stop();
        this.#feeds = next;
        if (!isDeepStrictEqual(this.servers, servers)) this.#events.onChange();
      },
      abandon: () => {
        if (this.#feeds === next) return;
        for (const feed of next) if (!before.includes(feed)) feed.source.stop();
      },
    };
  }

  /**
   * What the sources report now. Abandoned, it counts no more: each source's report before it does,
   * until the source reports others.
   */
  latest(): PreparedSources {
    const feeds = this.#feeds;
    const reports = feeds.map(lastOf);
    return {
      servers: serversOf(feeds),
      commit: () => use(feeds, reports),
      abandon: () => {
        for (const [at, feed] of feeds.entries()) {
          if (feed.reported === reports[at]) feed.isRefused = feed.reported !== feed.inUse;
        }
      },
    };
  }

  stop(): void {
    for (const { source } of this.#feeds) source.stop();
    this.#feeds = [];
  }

  /** @param last of the same kind: its report counts until the new one reports */
  #open(kind: SourceKind, part: unknown, last: Feed | undefined): Feed {
    const source = kind.open(part, this.#time);
    const inUse = last === undefined ? [] : lastOf(last);
    const feed: Feed = { kind, part, source, reported: inUse, inUse, isRefused: false };
    source.start({
      onServers: (servers) => {
        if (isDeepStrictEqual(feed.reported, servers)) return;
        feed.reported = servers;
        feed.isRefused = false;
        if (this.#feeds.includes(feed)) this.#events.onChange();
      },
      onFailure: (cause) => this.#events.onFailure(kind.name, cause),
    });
    return feed;
  }
}

/** A source and its last report. */
interface Feed {
  readonly kind: SourceKind;
  readonly part: unknown;
  readonly source: ServerSource;
  reported: readonly ServerSettings[];
  /** The last report that was followed. */
  inUse: readonly ServerSettings[];
  /** The last report cannot be used. */
  isRefused: boolean;
}

function use(feeds: readonly Feed[], reports: readonly Feed['inUse'][]): void {
  for (const [at, feed] of feeds.entries()) feed.inUse = reports[at]!;
}

function lastOf({ reported, inUse, isRefused }: Feed): readonly ServerSettings[] {
  return isRefused ? inUse : reported;
}

function serversOf(feeds: readonly Feed[]): ServerSettings[] {
  const servers = new Map<string, ServerSettings>();
  for (const feed of feeds) {
    for (const server of lastOf(feed)) {
      if (!servers.has(server.address)) servers.set(server.address, server);
    }
  }
  return [...servers.values()];
}
