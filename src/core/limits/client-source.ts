import type { Ip } from '../../base/ip.ts';

/** 64 bits that nobody outside can guess: where a client lies in a table follows from them. */
export interface SourceSeed {
  readonly low: number;
  readonly high: number;
}

/**
 * Where a client comes from, as limits count it: an IPv4 address whole, an IPv6 address by its /64,
 * within which one client may change at will. In tables it lies at `place` and is known by `tag`;
 * both are a keyed hash, so that nobody can choose addresses that push another's entry out.
 */
export class ClientSource {
  /** null: the peer of a unix socket, which has no address. */
  readonly ip: Ip | null;
  /** 32 bits, unsigned. */
  readonly place: number;
  /** 32 bits; 0: it has no address, and is not told apart from others. */
  readonly tag: number;

  constructor(ip: Ip | null, seed: SourceSeed) {
    this.ip = ip;
    if (ip === null) {
      this.place = 0;
      this.tag = 0;
      return;
    }
    hash(ip.isV4 ? ip.word2 : ip.word0, ip.isV4 ? ip.word3 : ip.word1, seed);
    this.place = hashed[0]! >>> 0;
    this.tag = hashed[1]! | 0 || 1;
  }
}

/** The source of clients without an address. */
export const NOWHERE = new ClientSource(null, { low: 0, high: 0 });

const hashed = new Int32Array(2);

/**
 * HalfSipHash-2-4 of eight bytes with 64 bits of result: a hash that cannot be steered without
 * the seed (Aumasson and Bernstein, https://github.com/veorq/SipHash).
 */
function hash(first: number, second: number, { low, high }: SourceSeed): void {
  let v0 = low;
  let v1 = high ^ 0xee;
  let v2 = 0x6c796765 ^ low;
  let v3 = 0x74656462 ^ high;
  const round = () => {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  };
  for (const word of [first, second, 8 << 24]) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  v2 ^= 0xee;
  for (let rounds = 0; rounds < 4; rounds++) round();
  hashed[0] = v1 ^ v3;
  v1 ^= 0xdd;
  for (let rounds = 0; rounds < 4; rounds++) round();
  hashed[1] = v1 ^ v3;
}
