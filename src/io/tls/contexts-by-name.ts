import type { CertificatePlan, Staple } from '../../plan/tls.ts';

/**
 * What handshakes with clients are made with: a context for each certificate, found by the name that
 * the client asks for (SNI, RFC 6066 §3). What a context is, is the backend's.
 */
export class ContextsByName<C extends object> {
  /** For whoever asks for no name, or for none that is here. */
  readonly fallback: C;
  /** Whether the name that a client asks for makes a difference. */
  readonly areMany: boolean;
  /** All of them, the fallback first. */
  readonly all: readonly C[];
  readonly #byName = new Map<string, C>();
  /** By what follows `*`. */
  readonly #byDomain = new Map<string, C>();
  readonly #staples = new Map<C, Staple>();

  /**
   * @param certificates at least one
   * @param make makes the context of certificates that have the same names and different keys
   */
  constructor(
    certificates: readonly CertificatePlan[],
    make: (group: readonly CertificatePlan[]) => C,
  ) {
    const [first, ...others] = certificates as [CertificatePlan, ...CertificatePlan[]];
    const isTwin = (one: CertificatePlan) => hasSameNames(one, first);
    const twins = others.filter(isTwin);
    const all = [make([first, ...twins])];
    this.fallback = all[0]!;
    // Which of twins is shown is known to OpenSSL alone, and what is stapled must be about it.
    if (first.ocsp !== null && twins.length === 0) this.#staples.set(this.fallback, first.ocsp);
    for (const name of first.names) this.#enter(name, this.fallback);
    for (const one of others.filter((other) => !isTwin(other))) {
      const context = make([one]);
      all.push(context);
      if (one.ocsp !== null) this.#staples.set(context, one.ocsp);
      for (const name of one.names) this.#enter(name, context);
    }
    this.all = all;
    this.areMany = all.length > 1;
  }

  /** Whether something may be stapled to a certificate. */
  get haveStaples(): boolean {
    return this.#staples.size > 0;
  }

  /** @param name as the client sent it; undefined: `fallback` serves it */
  contextFor(name: string): C | undefined {
    const asked = name.toLowerCase();
    const dot = asked.indexOf('.');
    const context =
      this.#byName.get(asked) ?? (dot === -1 ? undefined : this.#byDomain.get(asked.slice(dot)));
    return context === this.fallback ? undefined : context;
  }

  /** What is to be stapled to the certificate of a context now; undefined: nothing. */
  stapleFor(context: C, wallMs: number): Uint8Array | undefined {
    if (this.#staples.size === 0) return undefined;
    const staple = this.#staples.get(context);
    return staple !== undefined && staple.untilMs > wallMs ? staple.response : undefined;
  }

  /** Where two certificates have a name, the first one keeps it. */
  #enter(name: string, context: C): void {
    const [names, key] = name.startsWith('*.')
      ? [this.#byDomain, name.slice(1)]
      : [this.#byName, name];
    if (!names.has(key)) names.set(key, context);
  }
}

/**
 * Certificates with other keys for the names of the first one stand beside it in one context, and
 * OpenSSL takes the kind of key that the client knows. For the names of others Node takes one
 * certificate alone out of a context, so that there the first one is used.
 */
function hasSameNames(one: CertificatePlan, other: CertificatePlan): boolean {
  return (
    one.names.length > 0 && one.names.toSorted().join(' ') === other.names.toSorted().join(' ')
  );
}
