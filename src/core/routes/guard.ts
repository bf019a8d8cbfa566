import { type Ip, parseIp } from '../../base/ip.ts';
import type { NetworkSet } from '../../base/network-set.ts';
import type { Failure } from '../answers/failures.ts';
import type { TrustedProxies } from '../forward/client-address.ts';
import type { ClientInfo } from '../forward/client-info.ts';
import type { Head } from '../http1/head.ts';
import { ClientSource, type SourceSeed } from '../limits/client-source.ts';
import type { Rate } from '../limits/rate.ts';
import type { SourceRates } from '../limits/source-rates.ts';

/** Who is let in. */
export interface Access {
  /** null: all that are not denied. */
  readonly allowed: NetworkSet | null;
  readonly denied: NetworkSet;
}

/** How much of each and of all. */
export interface Limits {
  /** Counts and logs what would be refused, and lets it through. */
  readonly observes: boolean;
  /** Maximum open connections per source; 0: no limit. */
  readonly connectionsMax: number;
  /** null: requests are not limited. */
  readonly rates: SourceRates | null;
  readonly perSource: Rate | null;
  readonly overall: Rate | null;
  /** Networks exempt from the limits. */
  readonly exempt: NetworkSet;
}

/** Access lists and limits, checked before any other work is done for a client. */
export class Guard {
  readonly #proxies: TrustedProxies;
  readonly #access: Access | null;
  readonly #limits: Limits | null;
  readonly #seed: SourceSeed;
  readonly #policy: string;
  /** Why the request just judged would have been refused if limits were enforced. */
  observed: Failure | '' = '';
  /** Header lines of the answer to the request just refused. */
  headerLines = '';
  /** Milliseconds after which the request just refused would have been let through; 0: never. */
  waitMs = 0;

  constructor(
    proxies: TrustedProxies,
    access: Access | null,
    limits: Limits | null,
    seed: SourceSeed,
  ) {
    this.#proxies = proxies;
    this.#access = access;
    this.#limits = limits;
    this.#seed = seed;
    this.#policy = limits === null ? '' : policyOf(limits);
  }

  /** Whether every request is let in: there is nothing to judge. */
  get isOpen(): boolean {
    return this.#access === null && this.#limits === null;
  }

  /**
   * Finds the client of a trusted peer's request by its forwarding headers.
   *
   * @returns false where they are malformed
   */
  identify(clientInfo: ClientInfo, head: Head): boolean {
    return this.#proxies.identify(clientInfo, head);
  }

  /** Whether a peer is a trusted proxy. */
  trusts(source: ClientSource): boolean {
    return this.#proxies.has(source);
  }

  /** Whether the forwarding headers of a peer are believed. */
  believesHeadersOf(source: ClientSource): boolean {
    return this.#proxies.believesHeadersOf(source);
  }

  sourceOf(address: string): ClientSource {
    return new ClientSource(parseIp(address), this.#seed);
  }

  /**
   * Why a connection is refused, judged by its own address; a trusted proxy's connection is judged
   * request by request.
   *
   * @param open connections that its source has, this one included; 0: not known
   * @returns the code, or '' if it is let in; `observed` if it would only have been refused
   */
  refusalOf(source: ClientSource, open: number): { code: Failure | ''; observed: boolean } {
    if (this.trusts(source)) return LET_IN;
    if (this.#access !== null && !admits(this.#access, source.ip)) return DENIED;
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
   * @param isMadeUp true: it does not count against its client's rate
   * @returns the code it is refused with, or '' if it may continue; see `observed` and
   *   `headerLines`
   */
  judge(clientInfo: ClientInfo, nowMs: number, isMadeUp = false): Failure | '' {
    const source = this.#clientOf(clientInfo);
    this.observed = '';
    this.headerLines = '';
    this.waitMs = 0;
    if (this.#access !== null && !this.#letsIn(this.#access, source, clientInfo))
      return 'address_denied';
    const limits = this.#limits;
    if (limits === null || limits.rates === null || limits.exempt.has(source.ip)) return '';
    // A client that its proxy does not name counts as the proxy, or it would count for nothing.
    const { place, tag } = source.ip === null ? clientInfo.source : source;
    const { rates } = limits;
    const waitMs = isMadeUp ? rates.foresee(place, tag, nowMs) : rates.take(place, tag, nowMs);
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

  /** When two headers disagree, neither of the clients they name may be a denied one. */
  #letsIn(access: Access, source: ClientSource, { way }: ClientInfo): boolean {
    if (!admits(access, source.ip)) return false;
    return way === null || way.disputed.every((address) => admits(access, parseIp(address)));
  }

  #clientOf(clientInfo: ClientInfo): ClientSource {
    const address = clientInfo.clientAddress;
    if (address === clientInfo.peerAddress) return clientInfo.source;
    if (address !== clientInfo.forwardedAddress) {
      clientInfo.forwardedAddress = address;
      clientInfo.forwardedSource = this.sourceOf(address);
    }
    return clientInfo.forwardedSource;
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

function admits({ allowed, denied }: Access, ip: Ip | null): boolean {
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
