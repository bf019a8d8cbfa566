import { isMapped, readIp } from '../../base/ip.ts';

/** Whose connection it is: addresses and ports of the client's side. */
export interface Ends {
  /** An IP address; anything else stands for one that is not known. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
}

export type ProxyVersion = 'v1' | 'v2';

/**
 * The header of proxy-protocol.txt that tells a server whose connection it is, as latin1 text.
 *
 * Ends of two families are told in that of IPv6, IPv4 in its mapped form. Where an end has no
 * address (a unix socket) version 1 says UNKNOWN and version 2 an unspecified family.
 */
export function proxyHeader(version: ProxyVersion, ends: Ends, isSecure: boolean): string {
  const isKnown =
    readIp(ends.sourceAddress, source) && readIp(ends.destinationAddress, destination);
  const isV4 = isKnown && isMapped(source) && isMapped(destination);
  if (version === 'v1') return isKnown ? lineOf(isV4, ends) : 'PROXY UNKNOWN\r\n';
  return binaryOf(isKnown, isV4, ends, isSecure);
}

/** What a connection of our own says, which carries no client: a health check. */
export function ownHeader(version: ProxyVersion, ends: Ends): string {
  // Some servers refuse UNKNOWN (§2.1): the ends of the connection itself are as true.
  if (version === 'v1') return proxyHeader('v1', ends, false);
  return `${SIGNATURE}\x20\0\0\0`;
}

const source = new Uint8Array(16);
const destination = new Uint8Array(16);
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

function lineOf(isV4: boolean, ends: Ends): string {
  const { sourcePort, destinationPort } = ends;
  const [from, to] = [source, destination].map((one) => (isV4 ? octetsOf(one) : groupsOf(one)));
  return `PROXY ${isV4 ? 'TCP4' : 'TCP6'} ${from} ${to} ${sourcePort} ${destinationPort}\r\n`;
}

function octetsOf(bytes: Uint8Array): string {
  return bytes.subarray(12).join('.');
}

function groupsOf(bytes: Uint8Array): string {
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((at) =>
    ((bytes[at]! << 8) | bytes[at + 1]!).toString(16),
  );
  return groups.join(':');
}

const TCP4 = 0x11;
const TCP6 = 0x21;
/** PP2_TYPE_SSL, eight bytes: the client spoke TLS, and showed no certificate that was verified. */
const SSL = '\x20\0\x05\x01\0\0\0\x01';

function binaryOf(isKnown: boolean, isV4: boolean, ends: Ends, isSecure: boolean): string {
  const from = isV4 ? 12 : 0;
  const parts = isKnown ? [source.subarray(from), destination.subarray(from)] : [];
  const ports = Buffer.alloc(isKnown ? 4 : 0);
  if (isKnown) {
    ports.writeUInt16BE(ends.sourcePort, 0);
    ports.writeUInt16BE(ends.destinationPort, 2);
  }
  const addresses = Buffer.concat([...parts, ports]).toString('latin1');
  const rest = addresses + (isSecure ? SSL : '');
  const family = isKnown ? (isV4 ? TCP4 : TCP6) : 0;
  return `${SIGNATURE}\x21${String.fromCharCode(family, rest.length >> 8, rest.length & 0xff)}${rest}`;
}
