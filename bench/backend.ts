/** The server behind the proxies, on the load's core, made so that it is never what limits. */
import { join } from 'node:path';
import { nginxHttp, nginxMain } from './peers/nginx.ts';
import { PEER_CONNECTIONS_MAX } from './peers/peer.ts';
import { freePorts, type Running, start, waitUntilReady, writeFiles } from './processes.ts';

export type BackendKind = 'static' | 'websocket';

export interface Backend {
  readonly running: Running;
  readonly port: number;
}

/** About what a small JSON answer weighs. */
const SMALL_BODY = 'openclaw bench: a small answer of 130 bytes. '.padEnd(130, '.');

const ECHO_PROGRAM = join(import.meta.dirname, 'workloads', 'websocket-echo.program.ts');

export async function startBackend(
  kind: BackendKind,
  folder: string,
  core: number | string,
): Promise<Backend> {
  const [port] = (await freePorts(1)) as [number];
  if (kind === 'static') {
    await writeFiles(folder, {
      'nginx.conf': staticConfig(folder, port),
      'static/large/64k': Buffer.alloc(64 * 1024, 'x'),
      'static/large/1m': Buffer.alloc(1024 * 1024, 'x'),
      'static/slow/1m': Buffer.alloc(1024 * 1024, 'x'),
      'static/upload': 'there for nginx to find; never sent\n',
    });
  }
  const argv: [string, ...string[]] =
    kind === 'static'
      ? ['nginx', '-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf')]
      : [process.execPath, ECHO_PROGRAM, `${port}`];
  const running = start({ argv }, core);
  await waitUntilReady(running, port, '/health');
  return { running, port };
}

/**
 * Uploads: nginx's `return` answers before the body has come, which no real server does. `mirror`
 * reads the body whole first; the file handler then refuses POST, and that refusal is turned into
 * the answer.
 */
function staticConfig(folder: string, port: number): string {
  return `
${nginxMain(folder)}
events { worker_connections ${PEER_CONNECTIONS_MAX}; }
http {
  ${nginxHttp(folder)}
  sendfile on;
  tcp_nopush on;
  open_file_cache max=16;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder}/static;
    location = /small { return 200 "${SMALL_BODY}"; }
    location = /health { return 200 "ok"; }
    location /large/ { }
    location /slow/ { }
    location = /upload { mirror /discard; error_page 405 =200 @taken; }
    location = /discard { internal; return 204; }
    location @taken { return 200 "taken"; }
  }
}
`;
}
