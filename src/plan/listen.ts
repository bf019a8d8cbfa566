import { isIP } from 'node:net';

/** Where a listener listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Path of a unix socket; empty otherwise. */
  readonly path: string;
  /** The protocol; `redirect` is HTTP that redirects everything to HTTPS. */
  readonly speaks: 'http' | 'https' | 'redirect';
}

/** Whether two listeners share a socket, whatever their protocol. */
export function isSameSocket(one: ListenAddress, other: ListenAddress): boolean {
  return one.host === other.host && one.port === other.port && one.path === other.path;
}

/** Whether two listeners share a socket and a protocol. */
export function isSameListener(one: ListenAddress, other: ListenAddress): boolean {
  return isSameSocket(one, other) && one.speaks === other.speaks;
}

/** The address of a listener as people type it into a browser. */
export function urlOf(address: ListenAddress): string {
  if (address.path !== '') return `unix:${address.path}`;
  const isEverywhere = address.host === '' || address.host === '0.0.0.0' || address.host === '::';
  const host = isEverywhere ? '127.0.0.1' : address.host;
  const scheme = address.speaks === 'https' ? 'https' : 'http';
  return `${scheme}://${isIP(host) === 6 ? `[${host}]` : host}:${address.port}`;
}
