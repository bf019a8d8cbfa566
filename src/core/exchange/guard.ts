import { parseIp } from '../../base/ip.ts';
import type { NetworkSet } from '../../base/network-set.ts';
import type { Head } from '../http1/head.ts';
import type { Rate } from '../limits/rate.ts';
import { Source, type SourceSeed } from '../limits/source.ts';
import type { SourceRates } from '../limits/source-rates.ts';
import { clientAddress } from './client-address.ts';
import type { Failure } from './failures.ts';
import type { Via } from './forward.ts';

/** Who is let in. */
export interface Access {
  /** null: everybody who is not denied. */
  readonly allowed: NetworkSet | null;
  readonly denied: NetworkSet;
}

/** How much of each and of all. */
export interface Limits {
  /** Refusals are counted and logged, and everybody is let through. */
  readonly observes: boolean;
  /** Open connections of one source; 0: as many as may be. */
  readonly connectionsMax: number;
  /** null: requests are not limited. */
  readonly rates: SourceRates | null;
  readonly perSource: Rate | null;
  readonly overall: Rate | null;
  /** Networks that no limit counts for. */
  readonly exempt: NetworkSet;
}

/** What may come in: access lists and limits, judged before anything else is done for a client. */
export class Guard {
  readonly #trusted: NetworkSet;
  readonly #access: Access | null;
  readonly #limits: Limits | null;
  readonly #seed: SourceSeed;
  readonly #policy: string;
  /** What the request just judged would have been refused for, were limits not only observed. */
  observed: Failure | '' = '';
  /** Header lines of the answer to the request just refused. */
  headerLines = '';
  /** In how many milliseconds the request just refused could have gone on; 0: never. */
  waitMs = 0;

  constructor(trusted: NetworkSet, access: Access | null, limits: Limits | null, seed: SourceSeed) {
    this.#trusted = trusted;
    this.#access = access;
    this.#limits = limits;
    this.#seed = seed;
    this.#policy = limits === null ? '' : policyOf(limits);
  }

  /** Whether an address is that of a trusted proxy. */
  trusts(source: Source): boolean {
    return this.#trusted.has(source.ip);
  }

  sourceOf(address: string): Source {
    return new Source(parseIp(address), this.#seed);
  }

  /**
   * What keeps a connection out whose own address decides; that of a trusted proxy is judged by
   * each of its requests.
   *
   * @param open connections that its source has, this one included; 0: not known
   * @returns the code, or '' where it may come in; `observed` where it only would be kept out
   */
  refusalOf(source: Source, open: number): { code: Failure | ''; observed: boolean } {
    if (this.trusts(source)) return LET_IN;
    if (this.#access !== null && !admits(this.#access, source)) return DENIED;
    const limits = this.#limits;
    if (limits === null || limits.connectionsMax === 0 || open <= limits.connectionsMax) {
      return LET_IN;
    }
    if (limits.exempt.has(source.ip)) return LET_IN;
    return limits.observes ? WOULD_BE_TOO_MANY : TOO_MANY;
  }

  /**
   * Judges one request.
   *
   * @returns the code that it is refused with, or '' where it may go on; `observed` and
   *   `headerLines` say more
   */
  judge(via: Via, head: Head, nowMs: number): Failure | '' {
    const source = this.#clientOf(via, head);
    this.observed = '';
    this.headerLines = '';
    this.waitMs = 0;
    if (this.#access !== null && !admits(this.#access, source)) return 'address_denied';
    const limits = this.#limits;
    if (limits === null || limits.rates === null || limits.exempt.has(source.ip)) return '';
    const waitMs = limits.rates.take(source.place, source.tag, nowMs);
    if (waitMs === 0) return '';
    const code = waitMs < 0 ? 'rate_limited' : 'address_rate_limited';
    if (limits.observes) {
      this.observed = code;
      return '';
    }
    this.waitMs = Math.abs(waitMs);
    this.headerLines = this.#waitLines(code, this.waitMs);
    return code;
  }

  #clientOf(via: Via, head: Head): Source {
    if (!via.peerIsTrusted) return via.source;
    const address = clientAddress(via, head, (one) => this.#trusted.hasText(one));
    if (address === via.peerAddress) return via.source;
    if (address !== via.forwardedAddress) {
      via.forwardedAddress = address;
      via.forwardedSource = this.sourceOf(address);
    }
    return via.forwardedSource;
  }

  /** RFC 9110 §10.2.3, and draft-ietf-httpapi-ratelimit-headers-11. */
  #waitLines(code: Failure, waitMs: number): string {
    const seconds = Math.max(1, Math.ceil(waitMs / 1000));
    const name = code === 'rate_limited' ? 'all' : 'address';
    return `Retry-After: ${seconds}\r\nRateLimit: "${name}";r=0;t=${seconds}\r\n${this.#policy}`;
  }
}

const LET_IN = { code: '', observed: false } as const;
const DENIED = { code: 'address_denied', observed: false } as const;
const TOO_MANY = { code: 'too_many_connections', observed: false } as const;
const WOULD_BE_TOO_MANY = { code: 'too_many_connections', observed: true } as const;

function admits({ allowed, denied }: Access, { ip }: Source): boolean {
  return !denied.has(ip) && (allowed === null || allowed.has(ip));
}

function policyOf({ perSource, overall }: Limits): string {
  const policies: string[] = [];
  if (perSource !== null) policies.push(`"address";${quotaOf(perSource)}`);
  if (overall !== null) policies.push(`"all";${quotaOf(overall)}`);
  return policies.length === 0 ? '' : `RateLimit-Policy: ${policies.join(', ')}\r\n`;
}

/** What is certain to be let through in whole seconds, whenever within them it comes. */
function quotaOf({ perSecond, burst }: Rate): string {
  const seconds = Math.max(1, Math.floor(burst / perSecond));
  return `q=${Math.min(burst, perSecond * seconds)};w=${seconds}`;
}
