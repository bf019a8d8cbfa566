/** What the bench asks of a proxy, openclaw's included: how to find it and how to start it. */

export interface Peer {
  readonly name: string;
  /** What to run to get it, shown where it is missing. */
  readonly install: string;
  /** Its version, or undefined where it is not installed. */
  version(): Promise<string | undefined>;
  /** Whether it can be set up with `PeerAsk.tls`. */
  readonly speaksTls: boolean;
  /** The command that proxies as `ask` says and stays in the foreground. */
  command(ask: PeerAsk): PeerCommand;
}

export interface PeerAsk {
  /** Where to listen, on 127.0.0.1. */
  readonly port: number;
  /** The one server behind it, on 127.0.0.1. */
  readonly backendPort: number;
  /** A free port for an admin listener, for proxies that need one. */
  readonly adminPort: number;
  /** A folder of its own, removed after the run. */
  readonly folder: string;
  /** Listen with TLS and HTTP/2; undefined: in the clear. */
  readonly tls: Certificate | undefined;
}

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** Both in one file, as HAProxy wants them. */
  readonly both: string;
}

export interface PeerCommand {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Files to write into the folder first, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Client connections that a proxy must be able to hold: the idle workload's and some room. */
export const PEER_CONNECTIONS_MAX = 11_000;

/** Connections to the server that openclaw keeps descriptors for; the slow readers take a thousand. */
export const PEER_SERVER_CONNECTIONS_MAX = 4_000;

/** Each connection is a file; and some room. */
export const PEER_FILES_MAX = PEER_CONNECTIONS_MAX + PEER_SERVER_CONNECTIONS_MAX + 2_000;
