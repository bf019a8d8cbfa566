/** Addresses as the kernel has them: `ip(7)`, `ipv6(7)`, `unix(7)`. */
import { networkInterfaces } from 'node:os';
import { readIp } from '../../base/ip.ts';
import { AF_INET, AF_INET6, AF_UNIX } from './calls.ts';

export const SOCKET_ADDRESS_BYTES_MAX = 128;
const IPV4_BYTES = 16;
const IPV6_BYTES = 28;
const PATH_AT = 2;
/** With the zero at its end. */
const PATH_BYTES_MAX = 108;

const ip = new Uint8Array(16);

/** @returns AF_INET or AF_INET6 @throws Error where it is no IP address */
export function familyOf(host: string): number {
  return host.includes(':') ? AF_INET6 : AF_INET;
}

/**
 * @param host an IP address, for IPv6 perhaps with its zone
 * @returns how long it is in bytes; 0: it is no IP address
 */
export function writeIpAddress(into: Buffer, at: number, host: string, port: number): number {
  const zoneAt = host.indexOf('%');
  if (!readIp(zoneAt === -1 ? host : host.slice(0, zoneAt), ip)) return 0;
  const family = familyOf(host);
  into.fill(0, at, at + IPV6_BYTES);
  into.writeUInt16LE(family, at);
  into.writeUInt16BE(port, at + 2);
  if (family === AF_INET) {
    into.set(ip.subarray(12), at + 4);
    return IPV4_BYTES;
  }
  into.set(ip, at + 8);
  if (zoneAt !== -1) into.writeUInt32LE(zoneNumber(host.slice(zoneAt + 1)), at + 24);
  return IPV6_BYTES;
}

/** @returns how long it is in bytes; 0: the path is too long */
export function writeUnixAddress(into: Buffer, at: number, path: string): number {
  const lengthBytes = Buffer.byteLength(path);
  if (lengthBytes >= PATH_BYTES_MAX) return 0;
  into.writeUInt16LE(AF_UNIX, at);
  into.write(path, at + PATH_AT);
  into[at + PATH_AT + lengthBytes] = 0;
  return PATH_AT + lengthBytes + 1;
}

/** The address without port, `undefined` for a unix socket. */
export function readHost(from: Buffer, at: number): string | undefined {
  const family = from.readUInt16LE(at);
  if (family === AF_INET) {
    return `${from[at + 4]}.${from[at + 5]}.${from[at + 6]}.${from[at + 7]}`;
  }
  return family === AF_INET6 ? readIpv6(from, at + 8) : undefined;
}

/** 0 for a unix socket. */
export function readPort(from: Buffer, at: number): number {
  return from.readUInt16LE(at) === AF_UNIX ? 0 : from.readUInt16BE(at + 2);
}

/** As RFC 5952 has it: lower case, the longest run of zeros shortened, IPv4 in it as such. */
function readIpv6(from: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => from.readUInt16BE(at + 2 * index));
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) {
    return `::ffff:${from[at + 12]}.${from[at + 13]}.${from[at + 14]}.${from[at + 15]}`;
  }
  let [start, length] = [-1, 1];
  for (let index = 0; index < 8; index++) {
    let run = 0;
    while (index + run < 8 && groups[index + run] === 0) run += 1;
    if (run > length) [start, length] = [index, run];
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (start === -1) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** A zone is a number, or the name of an interface (RFC 4007 §11). */
function zoneNumber(zone: string): number {
  if (/^\d{1,9}$/.test(zone)) return Number(zone);
  const all = new Map(Object.entries(networkInterfaces()));
  return all.get(zone)?.find(({ family }) => family === 'IPv6')?.scopeid ?? 0;
}
