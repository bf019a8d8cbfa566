/**
 * Reads the header that a proxy puts before a connection's own bytes to tell whose connection it is:
 * haproxy's proxy-protocol.txt, versions 1 (a line of text) and 2 (binary).
 *
 * Strict where the specification is: whatever does not match exactly is refused, for a header that
 * is half understood lets somebody choose his own address.
 */
import { isMapped, readIp } from '../../base/ip.ts';
import { crc32c } from './crc32c.ts';

/** Who is connected to whom, as the proxy tells it. */
export interface ProxyHeader {
  /** null: the connection is the proxy's own (LOCAL), or its kind is not known: its own ends count. */
  readonly source: ProxyAddress | null;
  readonly destination: ProxyAddress | null;
  /** Whether the client spoke TLS to the proxy (PP2_TYPE_SSL). */
  readonly isSecure: boolean;
  /** Where the header ends in the bytes that were read. */
  readonly end: number;
}

export interface ProxyAddress {
  /** An IP address in its shortest form, IPv4 where it is mapped into IPv6. */
  readonly address: string;
  readonly port: number;
}

/** More bytes are needed. */
export const PARTIAL = 0;
/** This is no header: the connection is to be closed. */
export const REFUSED = -1;

/** proxy-protocol.txt §2.1: with its CRLF. */
export const V1_BYTES_MAX = 107;
/** The specification allows 64 KB; no sender has more to say than addresses and a certificate's name. */
export const V2_BYTES_MAX = 16 + 4096;

const V1_START = Buffer.from('PROXY ', 'latin1');
const V2_START = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEAD_BYTES = 16;

/**
 * Reads a header at the beginning of some bytes.
 *
 * @returns the header, PARTIAL where it goes on, REFUSED where it is none
 */
export function readProxyHeader(
  bytes: Buffer,
  start: number,
  end: number,
): ProxyHeader | typeof PARTIAL | typeof REFUSED {
  if (start === end) return PARTIAL;
  if (beginsLike(bytes, start, end, V2_START)) {
    return end - start < V2_HEAD_BYTES ? PARTIAL : readV2(bytes, start, end);
  }
  return beginsLike(bytes, start, end, V1_START) ? readV1(bytes, start, end) : REFUSED;
}

function beginsLike(bytes: Buffer, start: number, end: number, wanted: Buffer): boolean {
  const length = Math.min(end - start, wanted.length);
  return bytes.compare(wanted, 0, length, start, start + length) === 0;
}

function readV1(bytes: Buffer, start: number, end: number) {
  const feed = bytes.subarray(start, Math.min(end, start + V1_BYTES_MAX)).indexOf(10);
  if (feed === -1) return end - start < V1_BYTES_MAX ? PARTIAL : REFUSED;
  const line = bytes.toString('latin1', start, start + feed + 1);
  if (!line.endsWith('\r\n')) return REFUSED;
  const parts = line.slice(0, -2).split(' ');
  const headerEnd = start + feed + 1;
  // The rest of such a line is to be ignored, whatever it is.
  if (parts[1] === 'UNKNOWN') return ownEnds(headerEnd);
  const [, family, from, to, fromPort, toPort] = parts;
  if (parts.length !== 6 || (family !== 'TCP4' && family !== 'TCP6')) return REFUSED;
  const source = endpointOf(family, from!, fromPort!);
  const destination = endpointOf(family, to!, toPort!);
  if (source === null || destination === null) return REFUSED;
  return { source, destination, isSecure: false, end: headerEnd };
}

const OCTETS = /^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/;
const GROUPS = /^[\da-fA-F:.]+$/;
const PORT = /^(?:0|[1-9]\d{0,4})$/;

function endpointOf(family: string, address: string, port: string): ProxyAddress | null {
  const form = family === 'TCP4' ? OCTETS : GROUPS;
  if (!form.test(address) || !PORT.test(port) || Number(port) > 65_535) return null;
  if (family === 'TCP6' && !address.includes(':')) return null;
  if (!readIp(address, scratch)) return null;
  return { address: addressOf(scratch), port: Number(port) };
}

const COMMAND = { local: 0x20, proxy: 0x21 } as const;
const FAMILY = { unspecified: 0, ipv4: 1, ipv6: 2, unix: 3 } as const;
const TRANSPORT_MAX = 2;
const STREAM = 1;
/** Bytes of addresses and ports by family. */
const ADDRESS_BYTES = [0, 12, 36, 216] as const;

function readV2(bytes: Buffer, start: number, end: number) {
  const command = bytes[start + 12]!;
  if (command !== COMMAND.local && command !== COMMAND.proxy) return REFUSED;
  const family = bytes[start + 13]! >> 4;
  const transport = bytes[start + 13]! & 15;
  const length = bytes.readUInt16BE(start + 14);
  if (V2_HEAD_BYTES + length > V2_BYTES_MAX) return REFUSED;
  const headerEnd = start + V2_HEAD_BYTES + length;
  if (end < headerEnd) return PARTIAL;
  if (command === COMMAND.local) return ownEnds(headerEnd);
  if (family > FAMILY.unix || transport > TRANSPORT_MAX) return REFUSED;
  const addressBytes = ADDRESS_BYTES[family]!;
  if (length < addressBytes) return REFUSED;
  const extras = readExtras(bytes, start, start + V2_HEAD_BYTES + addressBytes, headerEnd);
  if (extras === null) return REFUSED;
  const isIp = family === FAMILY.ipv4 || family === FAMILY.ipv6;
  if (!isIp || transport !== STREAM) return { ...ownEnds(headerEnd), isSecure: extras.isSecure };
  const width = family === FAMILY.ipv4 ? 4 : 16;
  const at = start + V2_HEAD_BYTES;
  const ports = at + 2 * width;
  return {
    source: { address: addressAt(bytes, at, width), port: bytes.readUInt16BE(ports) },
    destination: {
      address: addressAt(bytes, at + width, width),
      port: bytes.readUInt16BE(ports + 2),
    },
    isSecure: extras.isSecure,
    end: headerEnd,
  };
}

const TYPE = { crc32c: 0x03, ssl: 0x20 } as const;
const CLIENT_SSL = 1;
const EXTRA_HEAD_BYTES = 3;
const CRC_BYTES = 4;
/** client and verify, before the fields within. */
const SSL_HEAD_BYTES = 5;

/** The fields behind the addresses (§2.2): null where one goes beyond the header, or the sum is wrong. */
function readExtras(bytes: Buffer, start: number, from: number, end: number) {
  let isSecure = false;
  for (let at = from; at < end; ) {
    if (at + EXTRA_HEAD_BYTES > end) return null;
    const type = bytes[at]!;
    const value = at + EXTRA_HEAD_BYTES;
    const next = value + bytes.readUInt16BE(at + 1);
    if (next > end) return null;
    if (type === TYPE.crc32c) {
      if (next - value !== CRC_BYTES) return null;
      const header = Buffer.from(bytes.subarray(start, end));
      header.fill(0, value - start, next - start);
      if (crc32c(header) !== bytes.readUInt32BE(value)) return null;
    } else if (type === TYPE.ssl) {
      if (next - value < SSL_HEAD_BYTES) return null;
      isSecure = (bytes[value]! & CLIENT_SSL) !== 0;
    }
    at = next;
  }
  return { isSecure };
}

function ownEnds(end: number): ProxyHeader {
  return { source: null, destination: null, isSecure: false, end };
}

const scratch = new Uint8Array(16);

function addressAt(bytes: Buffer, at: number, width: number): string {
  scratch.fill(0).fill(0xff, 10, 12);
  scratch.set(bytes.subarray(at, at + width), 16 - width);
  return addressOf(scratch);
}

function addressOf(bytes: Uint8Array): string {
  if (isMapped(bytes)) return bytes.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, n) =>
    ((bytes[n * 2]! << 8) | bytes[n * 2 + 1]!).toString(16),
  );
  // RFC 5952, through the URL parser of the platform.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
