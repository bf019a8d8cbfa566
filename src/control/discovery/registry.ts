import type { SourceKind } from './source.ts';
import { staticServers } from './static.ts';

/**
 * Where servers may come from. If several report the same server, the first one's settings count.
 */
export const SOURCE_KINDS: readonly SourceKind[] = [staticServers];
