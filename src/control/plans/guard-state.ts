import { NetworkSet } from '../../base/network-set.ts';
import { readTextFile } from '../../base/read-file.ts';
import { UNIX_PEERS } from '../../config/kinds.ts';
import { parseNetworkFile } from '../../config/network-file.ts';
import type { Settings } from '../../config/schema.ts';
import { Rate } from '../../core/limits/rate.ts';
import { SOURCES_MAX, SourceRates } from '../../core/limits/source-rates.ts';
import type { GuardPlan, LimitsPlan, RatePlan } from '../../plan/worker-plan.ts';

/**
 * State of limits kept over reloads: each client's recent requests, while its rate stays the same.
 */
export class GuardState {
  #limits: LimitsPlan | null = null;
  #rates: SourceRates | null = null;
  readonly #clock: () => number;

  /** @param clock milliseconds, of the clock that the data threads read */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /**
   * What the data threads need of the settings.
   *
   * @throws NetworkFileError where a list of networks cannot be read
   */
  planOf(settings: Settings): GuardPlan {
    const { security, trusted_proxies, trusted_header } = settings.load_balancing;
    const { access_control: access } = security;
    return {
      trusted: NetworkSet.of(trusted_proxies.filter((one) => one !== UNIX_PEERS)).memory,
      trustsUnixPeers: trusted_proxies.includes(UNIX_PEERS),
      trustedHeader: trusted_header,
      access: access.enabled ? accessOf(access) : null,
      limits: this.#limitsOf(settings),
    };
  }

  /** The data threads follow this plan now. */
  follow({ limits }: GuardPlan): void {
    this.#limits = limits;
    this.#rates = limits === null ? null : ratesOf(limits.memory, limits.perSource, limits.overall);
  }

  /** Call it about once a second. */
  refresh(): void {
    this.#rates?.refresh(this.#clock());
  }

  #limitsOf(settings: Settings): LimitsPlan | null {
    const limiting = settings.load_balancing.performance.rate_limiting;
    if (!limiting.enabled) return null;
    const { burst } = limiting;
    const each = limiting.max_requests_per_second_per_ip;
    const all = limiting.max_requests_per_second;
    const perSource = rateOf(each, burst);
    // The burst is that of one client, where clients are limited one by one.
    const overall = rateOf(all, perSource === null ? burst : undefined);
    return {
      observes: limiting.mode === 'observe',
      connectionsMax: limiting.max_connections_per_ip ?? 0,
      perSource,
      overall,
      memory: this.#memoryFor(perSource, overall),
      exempt: NetworkSet.of(limiting.exempt).memory,
    };
  }

  /** The memory is counted in intervals of the rates: others need another. */
  #memoryFor(perSource: RatePlan | null, overall: RatePlan | null): SharedArrayBuffer {
    const before = this.#limits;
    if (
      before !== null &&
      before.perSource?.perSecond === perSource?.perSecond &&
      before.overall?.perSecond === overall?.perSecond
    ) {
      return before.memory;
    }
    const memory = SourceRates.create(SOURCES_MAX);
    ratesOf(memory, perSource, overall).begin(this.#clock());
    return memory;
  }
}

type AccessControl = Settings['load_balancing']['security']['access_control'];

function accessOf(access: AccessControl): GuardPlan['access'] {
  const allowed = [...access.allowlist, ...networksIn(access.allowlist_file)];
  const denied = [...access.denylist, ...networksIn(access.denylist_file)];
  // A list that somebody keeps in a file and that came out empty must not open the door.
  const hasAllowlist = allowed.length > 0 || access.allowlist_file !== undefined;
  return {
    allowed: hasAllowlist ? NetworkSet.of(allowed).memory : null,
    denied: NetworkSet.of(denied).memory,
  };
}

function networksIn(file: string | undefined): string[] {
  if (file === undefined) return [];
  let text: string;
  try {
    text = readTextFile(file);
  } catch (error) {
    throw new NetworkFileError(`${file} cannot be read: ${(error as Error).message}`);
  }
  const { networks, problem } = parseNetworkFile(text);
  if (problem !== undefined) throw new NetworkFileError(`${file}, ${problem}`);
  return networks;
}

/** The files with lists of networks that the settings name. */
export function networkFilesOf({ load_balancing }: Settings): string[] {
  const { enabled, allowlist_file, denylist_file } = load_balancing.security.access_control;
  return enabled ? [allowlist_file, denylist_file].filter((file) => file !== undefined) : [];
}

/** A list of networks that was valid when the configuration was checked is no longer. */
export class NetworkFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NetworkFileError';
  }
}

function rateOf(perSecond: number | undefined, burst: number | undefined): RatePlan | null {
  return perSecond === undefined ? null : { perSecond, burst: burst ?? perSecond };
}

function ratesOf(
  memory: SharedArrayBuffer,
  perSource: RatePlan | null,
  overall: RatePlan | null,
): SourceRates {
  return new SourceRates(memory, newRate(perSource), newRate(overall));
}

function newRate(plan: RatePlan | null): Rate | null {
  return plan === null ? null : new Rate(plan.perSecond, plan.burst);
}
