import type { AdminClient } from './admin-client.ts';
import type { AdminOptions } from './admin-options.ts';
import type { Io } from './io.ts';

/**
 * The running instance that these options mean; see AdminClient.find.
 *
 * @throws CommandError where the configuration that is named cannot be read
 */
export async function findAdmin(io: Io, options: AdminOptions): Promise<AdminClient> {
  const { AdminClient } = await import('./admin-client.ts');
  return AdminClient.find(io, options);
}
