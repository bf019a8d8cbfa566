import type { OpenSsl } from './calls.ts';

/** Of one thread; the one that was not used for the longest time goes first. */
const SESSIONS_MAX = 256;

/** Sessions with servers that may be taken up again, by whom they were made with. */
export class ResumableSessions {
  readonly #calls: OpenSsl;
  /** `SSL_SESSION`s, which are owned here. The latest stands last. */
  readonly #sessions = new Map<string, bigint>();

  constructor(calls: OpenSsl) {
    this.#calls = calls;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** @returns 0n: there is none. Otherwise good until the next `put` */
  get(key: string): bigint {
    const session = this.#sessions.get(key);
    if (session === undefined) return 0n;
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    return session;
  }

  /** Takes a session over, instead of the one before it. */
  put(key: string, session: bigint): void {
    this.#forget(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size <= SESSIONS_MAX) return;
    for (const [oldest] of this.#sessions) return this.#forget(oldest);
  }

  #forget(key: string): void {
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    this.#sessions.delete(key);
    this.#calls.SSL_SESSION_free(session);
  }
}
