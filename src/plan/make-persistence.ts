import { AddressRing } from '../core/sticky/address-ring.ts';
import { AddressTable } from '../core/sticky/address-table.ts';
import { CookiePersistence } from '../core/sticky/cookie.ts';
import type { BindableServer, Persistence } from '../core/sticky/persistence.ts';
import { SourceTable } from '../table/source-table.ts';
import type { PersistencePlan } from './worker-plan.ts';

/** Recognises the clients of a pool; null: no persistence. */
export function createPersistence(
  plan: PersistencePlan | null,
  servers: readonly BindableServer[],
): Persistence | null {
  if (plan === null) return null;
  switch (plan.type) {
    case 'cookie':
      return new CookiePersistence(plan.attributes, plan.secrets, servers);
    case 'ip_hash':
      return new AddressRing(plan.algorithm, servers);
    case 'source_ip':
      return new AddressTable(SourceTable.open(plan.memory, plan.expiresMs));
  }
}
