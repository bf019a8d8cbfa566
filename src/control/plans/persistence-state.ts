import { randomInt } from 'node:crypto';
import type { Settings } from '../../config/schema.ts';
import type { PersistencePlan } from '../../plan/worker-plan.ts';
import { SourceTable } from '../../table/source-table.ts';
import { sessionKeys } from './session-key.ts';

/** What session persistence keeps over reloads: its keys and its table of addresses. */
export class PersistenceState {
  readonly #stateDirectory: string;
  #addresses: SharedArrayBuffer | null = null;

  /** @param stateDirectory where the key of session cookies is kept */
  constructor(stateDirectory: string) {
    this.#stateDirectory = stateDirectory;
  }

  /**
   * What the data threads need of the settings; null where persistence is off.
   *
   * @throws SessionKeyError when the key of session cookies can be neither read nor made
   */
  planOf(settings: Settings): PersistencePlan | null {
    const { enabled, type, cookie, ip_hash, source_ip } =
      settings.load_balancing.session_persistence;
    if (!enabled) return null;
    switch (type) {
      case 'cookie':
        return {
          type,
          attributes: {
            name: cookie.name,
            path: cookie.path,
            domain: cookie.domain ?? '',
            expiresMs: cookie.expires ?? 0,
            secure: cookie.secure,
            httpOnly: cookie.http_only,
            sameSite: cookie.same_site,
          },
          secrets:
            cookie.secret === undefined
              ? sessionKeys(this.#stateDirectory)
              : [cookie.secret, ...cookie.previous_secrets],
        };
      case 'ip_hash':
        return { type, algorithm: ip_hash.hash_algorithm };
      case 'source_ip':
        return {
          type,
          memory: this.#tableOf(source_ip.max_entries),
          expiresMs: source_ip.expires,
        };
    }
  }

  /** The same table as long as its size stays; another size forgets the addresses. */
  #tableOf(entries: number): SharedArrayBuffer {
    const known = this.#addresses;
    if (known !== null && SourceTable.entriesOf(known) === entries) return known;
    this.#addresses = SourceTable.create(entries, randomInt(2 ** 32));
    return this.#addresses;
  }
}
