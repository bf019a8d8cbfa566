import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ListenOptions } from 'node:net';
import { dirname } from 'node:path';
import { printableJson } from '../base/printable.ts';
import type { Instance } from '../control/operate/instance.ts';
import { removeStaleSocket } from '../io/unix-socket.ts';
import { CONFIGURATION_HEADER } from './configuration-header.ts';
import { EXPLAIN_ROUTES } from './explain-routes.ts';
import { refusalOf } from './refusal.ts';
import { type AdminRoute, type Reply, ROUTES, wrong } from './routes.ts';
import { SERVER_ROUTES } from './server-routes.ts';

export interface AdminServerOptions {
  readonly instance: Instance;
  /** Bearer token of the TCP listener; empty: loopback clients only. */
  readonly token: string;
  /** Served besides ROUTES: the dashboard. */
  readonly routes?: readonly AdminRoute[];
  /** The real path of the configuration that the instance runs, '' for none; absent: not told. */
  readonly configuration?: () => string;
}

/** Where it is reachable from outside, slow or many clients must not cost the traffic anything. */
const LIMITS = { headersTimeout: 10_000, requestTimeout: 30_000, maxHeaderSize: 16 * 1024 };
const CONNECTIONS_MAX = 256;
/** A fault of ours that clients can trigger must not fill the disk. */
const FAILURE_LINE_EVERY_MS = 10_000;

/** The admin API on its TCP address and its unix socket. */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #routes: readonly AdminRoute[];
  readonly #servers: Server[] = [];
  #socketPath = '';
  #failures = 0;
  #nextFailureLineMs = 0;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#routes = [...ROUTES, ...SERVER_ROUTES, ...EXPLAIN_ROUTES, ...(options.routes ?? [])];
  }

  /**
   * @returns the port, which differs where 0 was asked for
   * @throws the system's error when the address cannot be opened
   */
  async listen({ host, port }: { host: string; port: number }): Promise<number> {
    const server = await this.#open({ host, port }, true);
    return (server.address() as { port: number }).port;
  }

  /** @throws the system's error when the socket cannot be made */
  async listenUnix(path: string): Promise<void> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    await removeStaleSocket(path);
    // Nobody else may connect in the moment before its mode is set.
    const umask = process.umask(0o177);
    try {
      await this.#open({ path }, false);
    } finally {
      process.umask(umask);
    }
    chmodSync(path, 0o600);
    this.#socketPath = path;
  }

  /** Frees its addresses; answers under way go out. */
  release(): void {
    for (const server of this.#servers) server.close();
    if (this.#socketPath !== '') rmSync(this.#socketPath, { force: true });
    this.#socketPath = '';
  }

  close(): void {
    this.release();
    for (const server of this.#servers) server.closeAllConnections();
  }

  async #open(where: ListenOptions, isGuarded: boolean): Promise<Server> {
    const server = createServer(LIMITS, (request, response) => {
      this.#answer(request, response, isGuarded).catch((error: Error) => {
        this.#logFailure(error);
        if (response.headersSent) return response.destroy();
        send(request, response, wrong(500, 'failed', 'the log says why: openclaw logs'));
      });
    });
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, resolve);
    });
    // Without a descriptor left the next one may be accepted again.
    server.on('error', () => {});
    this.#servers.push(server);
    return server;
  }

  #logFailure(error: Error): void {
    this.#failures += 1;
    const nowMs = performance.now();
    if (nowMs < this.#nextFailureLineMs) return;
    this.#nextFailureLineMs = nowMs + FAILURE_LINE_EVERY_MS;
    const { log } = this.#options.instance;
    log.error({ event: 'admin_failed', cause: error.stack, failures: this.#failures });
    this.#failures = 0;
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    isGuarded: boolean,
  ): Promise<void> {
    const target = targetOf(request.url ?? '/');
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const found = this.#routes.flatMap((route) => {
      const params = target && match(route.path, target.segments);
      return params === null ? [] : [{ route, params }];
    });
    const fit = found.find(({ route }) => route.method === method);
    if (isGuarded) {
      const { token } = this.#options;
      const refusal = refusalOf(request, token, fit?.route.isPublic === true);
      if (refusal !== null) {
        return send(request, response, wrong(refusal.status, refusal.error, refusal.help));
      }
    }
    if (target === null) {
      const help = 'paths look like /status, with :name percent-encoded';
      return send(request, response, wrong(400, 'bad_path', help));
    }
    const other = this.#otherConfiguration(request);
    if (other !== null) return send(request, response, other);
    if (fit === undefined) {
      return send(request, response, found.length === 0 ? this.#unknown() : notAllowed(found[0]!));
    }
    // Bodies are not used: what there is to say stands in the path and the query.
    request.resume();
    const { instance } = this.#options;
    const reply = await fit.route.handle({ instance, params: fit.params, query: target.query });
    send(request, response, reply);
  }

  /** @returns null where the request is meant for this instance, or for whichever answers */
  #otherConfiguration({ headers }: IncomingMessage): Reply | null {
    const wanted = headers[CONFIGURATION_HEADER];
    const runs = this.#options.configuration?.();
    if (wanted === undefined || runs === undefined || wanted === encodeURIComponent(runs)) {
      return null;
    }
    const help = runs === '' ? 'this instance runs the demo' : `this instance runs ${runs}`;
    return wrong(409, 'other_configuration', help);
  }

  #unknown(): Reply {
    const all = this.#routes.map(({ method, path, help }) => `${method} ${path}: ${help}`);
    return { status: 404, body: { error: 'not_found', help: 'there are', routes: all } };
  }
}

function notAllowed({ route }: { route: AdminRoute }): Reply {
  return wrong(405, 'method_not_allowed', `this is for ${route.method}`);
}

interface Target {
  /** Decoded. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

/** @returns null for what is no path (RFC 9112 section 3.2.1, 3.2.2; RFC 3986 section 3.3) */
function targetOf(text: string): Target | null {
  const parts =
    /^(?:https?:\/\/(?:\[[\da-f:.]+\]|[\w\-.]+)(?::\d*)?)?(\/[\w\-.~!$&'()*+,;=:@%/]*)(?:\?(.*))?$/i.exec(
      text,
    );
  if (parts === null) return null;
  try {
    const segments = parts[1]!.split('/').map(decodeURIComponent);
    return { segments, query: new URLSearchParams(parts[2] ?? '') };
  } catch {
    return null;
  }
}

/** @returns what stands for each `:name`, or null where the path is another */
function match(pattern: string, given: readonly string[]): Record<string, string> | null {
  const wanted = pattern.split('/');
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [at, segment] of wanted.entries()) {
    if (segment.startsWith(':')) params[segment.slice(1)] = given[at]!;
    else if (segment !== given[at]) return null;
  }
  return params;
}

const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const isJson = 'body' in reply;
  const type = isJson ? 'application/json' : reply.type;
  const text = isJson ? `${printableJson(JSON.stringify(reply.body, null, 2))}\n` : reply.text;
  const headers: Record<string, string> = { ...SECURITY_HEADERS, 'content-type': type };
  if (reply.status === 401) headers['www-authenticate'] = 'Bearer';
  response.writeHead(reply.status, headers);
  response.end(request.method === 'HEAD' ? undefined : text);
}
