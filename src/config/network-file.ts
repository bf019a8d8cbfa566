import { parseCidr } from '../base/address.ts';

/** More than this is no list that anybody keeps; reading it would hold up every reload. */
export const NETWORKS_MAX = 100_000;

export interface NetworkFile {
  /** In their canonical form. */
  readonly networks: string[];
  /** The first line that holds no network, and why; undefined where all do. */
  readonly problem: string | undefined;
}

/**
 * A list of networks, one a line. What follows a `#` is a comment; empty lines are passed over.
 */
export function parseNetworkFile(text: string): NetworkFile {
  const networks: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.replace(/#.*/, '').trim();
    if (entry === '') continue;
    const parsed = parseCidr(entry);
    if (!parsed.ok) return { networks, problem: `line ${index + 1}: ${parsed.reason}` };
    if (networks.length === NETWORKS_MAX) {
      return { networks, problem: `it has more than ${NETWORKS_MAX} networks` };
    }
    networks.push(parsed.value);
  }
  return { networks, problem: undefined };
}
