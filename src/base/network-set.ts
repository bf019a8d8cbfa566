import { type Ip, parseIp } from './ip.ts';

/**
 * A set of networks of both families, in memory that threads share: sorted ranges that do not
 * touch, searched by halves. A hundred thousand networks cost a lookup some five comparisons more
 * than three thousand do, and no allocation.
 *
 * A network of one family never holds an address of the other: `::/0` is every IPv6 address, and
 * an IPv4-mapped one counts as IPv4.
 */
export class NetworkSet {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Uint32Array;
  readonly #v4Count: number;
  readonly #v6Count: number;

  private constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#cells = new Uint32Array(memory);
    this.#v4Count = this.#cells[0]!;
    this.#v6Count = this.#cells[1]!;
  }

  /**
   * @param networks as parseCidr gives them: `10.0.0.0/8`, `2001:db8::/32`, or an address alone
   * @throws TypeError for what is no network
   */
  static of(networks: Iterable<string>): NetworkSet {
    const v4: Range[] = [];
    const v6: Range[] = [];
    for (const network of networks) {
      const { range, isV4 } = rangeOf(network);
      (isV4 ? v4 : v6).push(range);
    }
    return NetworkSet.open(layOut(merged(v4), merged(v6)));
  }

  /** A view of the memory that another thread's set has. */
  static open(memory: SharedArrayBuffer): NetworkSet {
    return new NetworkSet(memory);
  }

  get isEmpty(): boolean {
    return this.#v4Count === 0 && this.#v6Count === 0;
  }

  /** @param ip null, which is no address, is in no network */
  has(ip: Ip | null): boolean {
    if (ip === null) return false;
    return ip.isV4 ? this.#hasV4(ip.word3) : this.#hasV6(ip);
  }

  /** Whether a text is an address in one of the networks. */
  hasText(address: string): boolean {
    return this.has(parseIp(address));
  }

  #hasV4(address: number): boolean {
    const cells = this.#cells;
    let low = 0;
    let high = this.#v4Count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cells[HEAD_CELLS + middle * 2]! <= address) low = middle + 1;
      else high = middle;
    }
    return low > 0 && address <= cells[HEAD_CELLS + low * 2 - 1]!;
  }

  #hasV6(ip: Ip): boolean {
    const first = HEAD_CELLS + this.#v4Count * 2;
    let low = 0;
    let high = this.#v6Count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(first + middle * 8, ip) <= 0) low = middle + 1;
      else high = middle;
    }
    return low > 0 && this.#compare(first + low * 8 - 4, ip) >= 0;
  }

  /** The address in the cells against another: below 0, 0, or above. */
  #compare(at: number, ip: Ip): number {
    const cells = this.#cells;
    return (
      cells[at]! - ip.word0 ||
      cells[at + 1]! - ip.word1 ||
      cells[at + 2]! - ip.word2 ||
      cells[at + 3]! - ip.word3
    );
  }
}

/** How many ranges there are of each family; then those of IPv4, then those of IPv6. */
const HEAD_CELLS = 2;
const V6_BITS = 128n;
const V4_PREFIX_BITS = 96;

/** First and last address; an IPv4 address is a number of 32 bits. */
type Range = [first: bigint, last: bigint];

function rangeOf(network: string): { range: Range; isV4: boolean } {
  const slash = network.indexOf('/');
  const address = parseIp(slash === -1 ? network : network.slice(0, slash));
  if (address === null) throw new TypeError(`${network} is not a network`);
  const isWrittenV4 = !network.includes(':');
  const written = slash === -1 ? 128 : Number(network.slice(slash + 1));
  const prefix = isWrittenV4 && slash !== -1 ? written + V4_PREFIX_BITS : written;
  // A mapped network is one of IPv4, unless it reaches beyond what is mapped.
  const isV4 = address.isV4 && prefix >= V4_PREFIX_BITS;
  const bits = isV4 ? BigInt(address.word3) : bitsOf(address);
  const hostBits = V6_BITS - BigInt(prefix);
  const first = (bits >> hostBits) << hostBits;
  return { range: [first, first + (1n << hostBits) - 1n], isV4 };
}

function bitsOf({ word0, word1, word2, word3 }: Ip): bigint {
  return (BigInt(word0) << 96n) | (BigInt(word1) << 64n) | (BigInt(word2) << 32n) | BigInt(word3);
}

/** In order, those that overlap or touch made one. */
function merged(ranges: Range[]): Range[] {
  ranges.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
  const result: Range[] = [];
  for (const [first, last] of ranges) {
    const before = result.at(-1);
    if (before === undefined || first > before[1] + 1n) result.push([first, last]);
    else if (last > before[1]) before[1] = last;
  }
  return result;
}

function layOut(v4: readonly Range[], v6: readonly Range[]): SharedArrayBuffer {
  const count = HEAD_CELLS + v4.length * 2 + v6.length * 8;
  const memory = new SharedArrayBuffer(count * Uint32Array.BYTES_PER_ELEMENT);
  const cells = new Uint32Array(memory);
  cells[0] = v4.length;
  cells[1] = v6.length;
  let at = HEAD_CELLS;
  for (const range of v4) for (const end of range) cells[at++] = Number(end);
  for (const range of v6) {
    for (const end of range) {
      for (let shift = 96n; shift >= 0n; shift -= 32n) {
        cells[at++] = Number((end >> shift) & 0xffff_ffffn);
      }
    }
  }
  return memory;
}
