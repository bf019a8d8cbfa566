/** openclaw from this checkout: one worker, health checks and metrics on; under each I/O backend. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Certificate, PEER_SERVER_CONNECTIONS_MAX, type Peer, type PeerAsk } from './peer.ts';

const ROOT = join(import.meta.dirname, '..', '..');

const PROMETHEUS = `
    metrics:
      enabled: true
      endpoints: [prometheus]`;

/** The `io` settings that a run can hold beside each other. */
export const IO_BACKENDS = ['io_uring', 'epoll', 'node'] as const;
export type IoBackend = (typeof IO_BACKENDS)[number];

const NAME = 'openclaw';

/**
 * openclaw on each of these I/O backends; where none is named, as it chooses by itself.
 * @param suffix is added to each name.
 */
export function openclaws(ios: readonly IoBackend[], settings: Variant = {}, suffix = ''): Peer[] {
  if (ios.length === 0) {
    return [variant(`${NAME}${suffix}`, { monitoring: PROMETHEUS, ...settings })];
  }
  return ios.map((io) =>
    variant(`${NAME} ${io}${suffix}`, { monitoring: PROMETHEUS, ...settings, io }),
  );
}

/** Whether a column is this checkout's, on whichever I/O backend. */
export function isOurs(name: string): boolean {
  return name === NAME || name.startsWith(`${NAME} `);
}

/** What a variant of openclaw has beside the configuration that all of them share. */
export interface Variant {
  /** Lines under load_balancing.monitoring, indented by four; `enabled: false` where absent. */
  readonly monitoring?: string;
  /** The whole section. */
  readonly log?: string;
  /** An entry of load_balancing.performance. */
  readonly performance?: string;
  /** Not written where absent, so that checkouts without the setting can be measured too. */
  readonly io?: IoBackend;
  /** Data threads; 1 where absent. */
  readonly workers?: number;
}

/** Another checkout, with its dependencies installed: what a change costs, or saves. */
export function before(root: string): Peer {
  return variant('before', { monitoring: PROMETHEUS }, root);
}

/** openclaw under another configuration. */
export function variant(name: string, settings: Variant, root = ROOT): Peer {
  return {
    name,
    install: 'a checkout that has src/main.ts',
    speaksTls: true,
    version: () => versionOf(root),
    command: (ask) => ({
      argv: [
        process.execPath,
        programOf(root),
        'start',
        '--config',
        `${ask.folder}/openclaw.yml`,
        '--workers',
        `${settings.workers ?? 1}`,
      ],
      // A run of the bench leaves no trace in the user's own folders.
      env: {
        XDG_CONFIG_HOME: ask.folder,
        XDG_STATE_HOME: ask.folder,
        XDG_RUNTIME_DIR: ask.folder,
        NODE_ENV: 'production',
      },
      files: { 'openclaw.yml': config(ask, settings) },
    }),
  };
}

function config(ask: PeerAsk, settings: Variant): string {
  const { monitoring, log = '', performance, io, workers = 1 } = settings;
  return `
load_balancing:
  listen: "127.0.0.1:${ask.port}"
  servers: ["127.0.0.1:${ask.backendPort}"]
  workers: ${workers}
${io === undefined ? '' : `  io: ${io}\n`}${ask.tls === undefined ? '' : tlsLines(ask.tls)}  timeout:
    idle: 5m
    drain: 1s
  # As many as by default would halve the clients, where 20,000 files may be open.
  performance: {connection_pool: {max_connections: ${PEER_SERVER_CONNECTIONS_MAX}}${performance === undefined ? '' : `, ${performance}`}}
  health_check:
    enabled: true
    type: http
    endpoint: /health
    interval: 5s
    timeout: 2s
  monitoring:
    enabled: ${monitoring !== undefined}${monitoring ?? ''}
admin:
  listen: "127.0.0.1:${ask.adminPort}"
  socket: "${ask.folder}/admin.sock"
${log}`;
}

function tlsLines({ cert, key }: Certificate): string {
  return `  security:\n    tls: {cert_path: "${cert}", key_path: "${key}"}\n`;
}

function programOf(root: string): string {
  return join(root, 'src', 'main.ts');
}

async function versionOf(root: string): Promise<string | undefined> {
  if (!existsSync(programOf(root))) return undefined;
  const text = await readFile(join(root, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
