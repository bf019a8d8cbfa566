import { addressKey } from '../balance/address-key.ts';
import { type HashAlgorithm, hashAlgorithms, mix32 } from '../balance/hash.ts';
import { HashRing } from '../balance/hash-ring.ts';
import { VERDICT } from '../balance/server-verdict.ts';
import type { Head } from '../http1/head.ts';
import type {
  BindableServer,
  Binding,
  Persistence,
  ServerVerdicts,
  StickyClient,
} from './persistence.ts';

/** So many places on a ring are looked at before a client counts as unbound. */
const JUMPS_MAX = 64;
/** A step between hashes that reaches all of them: 2^32 over the golden ratio, odd. */
const JUMP = 0x9e3779b9;

/**
 * Knows a client by a hash of its address, without a table: every worker and instance agrees. The
 * place that a client has belongs to one server; while that cannot serve, further places that
 * depend on the address are tried, so that its clients spread over the others, and come back to
 * it afterwards. Backups have a ring of their own, behind that of the primaries.
 *
 * A draining server keeps its clients, new ones with old ones, for no table tells them apart.
 */
export class AddressRing implements Persistence {
  readonly #hash: (bytes: Uint8Array) => number;
  readonly #tiers: readonly { ring: HashRing; rows: readonly number[] }[];

  constructor(algorithm: HashAlgorithm, servers: readonly BindableServer[]) {
    this.#hash = hashAlgorithms[algorithm];
    this.#tiers = [servers.filter((one) => !one.backup), servers.filter((one) => one.backup)]
      .filter((tier) => tier.length > 0)
      .map((tier) => ({ ring: new HashRing(tier), rows: tier.map((server) => server.row) }));
  }

  find(_head: Head, client: StickyClient, servers: ServerVerdicts, binding: Binding): void {
    // CRC-32 is linear: without mixing, neighbouring addresses would fall on few servers.
    const key = addressKey(client.clientAddress, this.#hash);
    for (const { ring, rows } of this.#tiers) {
      let hash = key;
      for (let jumps = 0; jumps <= JUMPS_MAX; jumps++) {
        const row = rows[ring.ownerOf(mix32(hash))]!;
        const verdict = servers.verdictOf(row);
        // Not `standby`: a hash, unlike a table, has sent nobody to a backup that is to stay there.
        if (verdict === VERDICT.usable || verdict === VERDICT.draining) {
          binding.row = row;
          return;
        }
        hash = (hash + JUMP) | 0;
      }
    }
  }

  /** Nothing to learn: the address says it all. */
  bind(row: number, binding: Binding): void {
    binding.row = row;
  }

  respond(): string {
    return '';
  }
}
