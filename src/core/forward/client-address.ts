/**
 * Who the client is behind proxies that we run: X-Forwarded-For as it is commonly written, and
 * Forwarded as RFC 7239 §4 has it. Both are read from the right, and only as far as trusted proxies
 * wrote them: what stands further left was written by people we do not trust.
 *
 * A client can write into what we read here: its own header, to which an honest proxy appends, and
 * its Host, which the proxy quotes. So nothing is guessed: what is malformed is refused, and two
 * headers that name different clients are both left unbelieved.
 */
import { plainIp } from '../../base/address.ts';
import { parseIp } from '../../base/ip.ts';
import { NetworkSet } from '../../base/network-set.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { ClientSource } from '../limits/client-source.ts';

/** Which header tells the client: what the trusted proxy itself writes. `proxy`: the PROXY header. */
export const TRUSTED_HEADERS = ['auto', 'forwarded', 'x-forwarded-for', 'proxy'] as const;
export type TrustedHeader = (typeof TRUSTED_HEADERS)[number];

/** A client that a trusted proxy does not name: it is hidden, or has no address. */
export const UNKNOWN = 'unknown';

/** Hops of a forwarding header that are looked at; longer chains are nobody's. */
const HOPS_MAX = 32;

/** One header's word on the way that a request took. */
interface Way {
  /** Its elements as they came, the empty ones left out. */
  readonly elements: readonly string[];
  /** What is believed of it: the client, then the trusted proxies behind it. */
  readonly believed: readonly string[];
}

/** What is believed of the headers of one request from a trusted peer. */
export interface ForwardedWay {
  /** Addresses, or UNKNOWN: the client and the proxies behind it, the peer left out. */
  readonly believed: readonly string[];
  /** Elements to pass on; null: that header is not there or not believed. */
  readonly xForwardedFor: readonly string[] | null;
  readonly forwarded: readonly string[] | null;
  /** The clients that two headers name that disagree; neither is believed. */
  readonly disputed: readonly string[];
}

const NO_WAY: ForwardedWay = {
  believed: [],
  xForwardedFor: null,
  forwarded: null,
  disputed: [],
};

/** A peer, and the client of the request that it has just sent. */
interface Identified {
  readonly peerAddress: string;
  clientAddress: string;
  way: ForwardedWay | null;
}

/** The proxies in front of us that may name the client. */
export class TrustedProxies {
  static readonly none = new TrustedProxies(NetworkSet.of([]), false, 'auto');
  readonly #networks: NetworkSet;
  readonly #unixPeers: boolean;
  readonly #header: TrustedHeader;

  /** @param unixPeers whether peers of unix sockets are such proxies, which have no address */
  constructor(networks: NetworkSet, unixPeers: boolean, header: TrustedHeader) {
    this.#networks = networks;
    this.#unixPeers = unixPeers;
    this.#header = header;
  }

  /** Whether a peer is a trusted proxy. */
  has({ ip }: ClientSource): boolean {
    return ip === null ? this.#unixPeers : this.#networks.has(ip);
  }

  /** Whether the headers of a peer are believed. */
  believesHeadersOf(peer: ClientSource): boolean {
    return this.#header !== 'proxy' && this.has(peer);
  }

  /**
   * Finds the client of a trusted peer's request.
   *
   * @returns false where a header that should tell is malformed
   */
  identify(clientInfo: Identified, head: Head): boolean {
    const way = this.#read(head);
    clientInfo.way = way ?? null;
    clientInfo.clientAddress = way?.believed[0] ?? clientInfo.peerAddress;
    return way !== undefined;
  }

  /** @returns undefined where a header is malformed */
  #read(head: Head): ForwardedWay | undefined {
    const header = this.#header;
    const xForwardedFor =
      header === 'forwarded' ? null : this.#wayOf(xForwardedForHops(head), plainHop);
    const forwarded =
      header === 'x-forwarded-for' ? null : this.#wayOf(forwardedElements(head), forwardedNode);
    if (xForwardedFor === undefined || forwarded === undefined) return undefined;
    const way = xForwardedFor ?? forwarded;
    if (way === null) return NO_WAY;
    const one = way.believed[0]!;
    const other = (forwarded ?? way).believed[0]!;
    if (!isSameClient(one, other)) return { ...NO_WAY, disputed: [one, other] };
    return {
      believed: way.believed,
      xForwardedFor: xForwardedFor?.elements ?? null,
      forwarded: forwarded?.elements ?? null,
      disputed: [],
    };
  }

  /** @returns null where the header is not there or empty; undefined where it is malformed */
  #wayOf(
    elements: readonly string[] | undefined,
    read: (element: string) => string | undefined,
  ): Way | null | undefined {
    if (elements === undefined) return undefined;
    if (elements.length === 0) return null;
    const believed: string[] = [];
    const first = Math.max(0, elements.length - HOPS_MAX);
    for (let index = elements.length - 1; index >= first; index--) {
      const address = read(elements[index]!);
      if (address === undefined) return undefined;
      believed.unshift(address);
      if (address === UNKNOWN || !this.#networks.hasText(address)) break;
    }
    return { elements, believed };
  }
}

/** By what they are, not by how they are spelt. */
function isSameClient(one: string, other: string): boolean {
  if (one === other) return true;
  const a = parseIp(one);
  const b = parseIp(other);
  if (a === null || b === null) return false;
  return a.word0 === b.word0 && a.word1 === b.word1 && a.word2 === b.word2 && a.word3 === b.word3;
}

/** RFC 9110 §5.6.1: empty elements do not count. */
function xForwardedForHops(head: Head): string[] {
  const list = head.joined(NAME.xForwardedFor);
  if (list === undefined) return [];
  return list
    .split(',')
    .map((hop) => hop.trim())
    .filter((hop) => hop !== '');
}

/** An obfuscated identifier, of a node or of its port. RFC 7239 §6.3. */
const OBFUSCATED = /^_[\w.-]+$/;

/**
 * An address with or without port. `unknown` is what Squid writes, and nginx `unix:`, for a client
 * without an address.
 */
function plainHop(hop: string): string | undefined {
  if (/^(?:unknown|unix:)$/i.test(hop) || OBFUSCATED.test(hop)) return UNKNOWN;
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop);
  if (bracketed !== null) return bracketed[1]!.includes(':') ? addressIn(bracketed[1]!) : undefined;
  return addressIn(hop.replace(/^([\d.]+):\d{1,5}$/, '$1'));
}

function addressIn(text: string): string | undefined {
  return plainIp(text) || undefined;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED =
  '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"';
/** One pair, or none, and what parts it from the next. */
const PAIR = new RegExp(`[\\t ]*(?:(${TOKEN})=(${TOKEN}|${QUOTED})[\\t ]*)?([;,]|$)`, 'y');

/**
 * The elements of all Forwarded lines. Each line is read by itself: a quote that is left open in
 * one must not swallow what the proxy wrote into the next.
 *
 * @returns undefined where one is malformed
 */
function forwardedElements(head: Head): string[] | undefined {
  const elements: string[] = [];
  if (!head.has(NAME.forwarded)) return elements;
  for (let index = 0; index < head.fieldCount; index++) {
    if (head.ids[index] !== NAME.forwarded) continue;
    if (!splitElements(head.value(index), elements)) return undefined;
  }
  return elements;
}

/** @returns false where the line is malformed; a parameter may stand once in an element (§4) */
function splitElements(line: string, elements: string[]): boolean {
  const names = new Set<string>();
  let start = 0;
  PAIR.lastIndex = 0;
  for (;;) {
    const pair = PAIR.exec(line);
    if (pair === null) return false;
    const [, written, , end] = pair;
    if (written !== undefined) {
      const name = written.toLowerCase();
      if (names.has(name)) return false;
      names.add(name);
    }
    if (end === ';') continue;
    const upTo = end === ',' ? PAIR.lastIndex - 1 : line.length;
    if (names.size > 0) elements.push(line.slice(start, upTo).trim());
    if (end === '') return true;
    names.clear();
    start = PAIR.lastIndex;
  }
}

/** The node that an element names by `for`; an element without it leaves the node unknown. */
function forwardedNode(element: string): string | undefined {
  PAIR.lastIndex = 0;
  for (;;) {
    const [, name, value, end] = PAIR.exec(element)!;
    if (name?.toLowerCase() === 'for') return nodeIn(unquoted(value!));
    if (end === '') return UNKNOWN;
  }
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
}

/** RFC 7239 §6: an IPv6 address stands in brackets, and a port may be a number or obfuscated. */
function nodeIn(text: string): string | undefined {
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::(?:\d{1,5}|_[\w.-]+))?$/.exec(text);
  if (match === null) return undefined;
  const name = match[1]!;
  if (/^unknown$/i.test(name) || OBFUSCATED.test(name)) return UNKNOWN;
  if (!name.startsWith('[')) return addressIn(name);
  return name.includes(':') ? addressIn(name.slice(1, -1)) : undefined;
}

/** An address, or UNKNOWN, as RFC 7239 §6 writes a node. */
export function nodeOf(address: string): string {
  if (address.includes(':')) return `"[${address.split('%', 1)[0]}]"`;
  return parseIp(address) === null ? UNKNOWN : address;
}
