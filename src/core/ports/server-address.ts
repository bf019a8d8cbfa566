import type { ProxyVersion } from '../proxy-protocol/write.ts';

/** Where a server is reached. */
export interface ServerAddress {
  /** A host name or IP address; empty for a unix socket. */
  readonly host: string;
  readonly port: number;
  /** Path of a unix socket; empty otherwise. */
  readonly path: string;
  /** TLS to the server; null: plain. Part of what a pooled connection is known by. */
  readonly tls: ServerTls | null;
  /** Connections begin with a PROXY header of this version. Absent: without. */
  readonly proxy?: ProxyVersion;
}

export interface ServerTls {
  /** The name asked for and verified. */
  readonly serverName: string;
  readonly verify: boolean;
  readonly identity: TlsIdentity;
}

/** Whom we trust in a handshake with a server, and our own certificate, as PEM. */
export interface TlsIdentity {
  /** Digest of all the other fields: identities with equal digests are equal. */
  readonly digest: string;
  /** Authorities to trust; empty: the system's. */
  readonly ca: string;
  /** What we show the server; empty: nothing. */
  readonly cert: string;
  readonly key: string;
}

export const PLAIN_IDENTITY: TlsIdentity = { digest: '', ca: '', cert: '', key: '' };

/** Whether a connection to one address can be used for the other. */
export function isSameAddress(one: ServerAddress, other: ServerAddress): boolean {
  return addressText(one) === addressText(other) && digestOf(one) === digestOf(other);
}

/** An address without the files of its TLS identity, which may be renewed. */
export function addressText({ host, port, path, proxy, tls }: ServerAddress): string {
  return JSON.stringify([host, port, path, proxy, tls && [tls.serverName, tls.verify]]);
}

function digestOf({ tls }: ServerAddress): string {
  return tls === null ? '' : tls.identity.digest;
}
