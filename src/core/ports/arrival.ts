import type { Stream, StreamOwner } from './stream.ts';

/** The other end of a connection that was accepted. */
export interface Peer {
  /** The client's address without port; `unix` for a unix socket. */
  readonly address: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** The `host:port` it connected to, looked up only on demand. */
  localAuthority(): string;
}

/** An accepted connection that nothing was read from. Its taker reads it or closes it. */
export interface Arrival {
  /** The client, as far as is known. */
  readonly peer: Peer;
  /** Whether the client speaks TLS, to us or to a proxy before us. */
  readonly isSecure: boolean;
  /** Begins to read. @param own makes the owner of the stream */
  toStream(own: (stream: Stream) => StreamOwner): void;
  close(): void;
}

/** An address and port as `Host` has them. Where either is not known: `localhost`. */
export function authorityOf(bound: string | undefined, port: number | undefined): string {
  if (bound === undefined || port === undefined) return 'localhost';
  const address = plainAddress(bound);
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The address of a peer that has none. */
const UNIX_PEER = 'unix';

/**
 * Whether a TCP client is already gone: one that resets at once is accepted, and what it sent can be
 * read, but its address cannot be asked. It must not pass for a client on a unix socket.
 *
 * @param path of the listener; empty: it is on TCP
 */
export function isGone(peer: Peer, path: string): boolean {
  return path === '' && peer.address === UNIX_PEER;
}

/** IPv4 in IPv6 clothes becomes IPv4 again. @param address undefined: of a unix socket */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return UNIX_PEER;
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
