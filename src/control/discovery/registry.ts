import type { SourceKind } from './source.ts';
import { staticServers } from './static.ts';

/** Where servers may come from. One that several name is as the first of them says. */
export const SOURCE_KINDS: readonly SourceKind[] = [staticServers];
