import dns from 'node:dns';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { formatDuration } from '../base/units.ts';
import type { StatusRange } from '../config/schema/health.ts';
import type { ServerAddress } from '../core/exchange/server.ts';
import { type Ends, ownHeader } from '../core/proxy-protocol/write.ts';
import { askHealth, type GrpcProbe } from './grpc-health.ts';
import { secureContextOf } from './secure-context.ts';

/** What a probe asks and expects. */
export interface ProbeSpec {
  /** null: a TCP connect (and a TLS handshake, where the address asks for one) is all, or gRPC. */
  readonly http: HttpProbe | null;
  readonly grpc?: GrpcProbe;
}

export interface HttpProbe {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Value of Host, unless `headers` has one. */
  readonly authority: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expectedStatus: readonly StatusRange[];
  /** Text that the beginning of the body must contain; empty: the body is not read. */
  readonly expectedBody: string;
}

/** A step of a probe that was completed. */
export interface ProbeStep {
  readonly name: 'resolve' | 'connect' | 'tls' | 'first byte' | 'body';
  readonly ms: number;
}

export interface ProbeResult {
  readonly isHealthy: boolean;
  /** Why it is not healthy: `connect refused`; empty where it is. */
  readonly reason: string;
  readonly steps: readonly ProbeStep[];
  /** 0 where no answer came. */
  readonly status: number;
  readonly ms: number;
}

/** How much of a body is looked at. */
const BODY_BYTES_MAX = 64 * 1024;

/**
 * Probes a server once.
 *
 * @param timeoutMs for all steps together
 * @param done called once, never before `probe` has returned; not after it was cancelled
 * @returns cancels the probe
 */
export function probe(
  address: ServerAddress,
  spec: ProbeSpec,
  timeoutMs: number,
  done: (result: ProbeResult) => void,
): () => void {
  const one = new Probe(address, spec, timeoutMs, done);
  return () => one.cancel();
}

class Probe {
  readonly #address: ServerAddress;
  readonly #spec: ProbeSpec;
  readonly #done: (result: ProbeResult) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #steps: ProbeStep[] = [];
  readonly #startedMs = performance.now();
  #stepStartedMs = this.#startedMs;
  #step: ProbeStep['name'] = 'resolve';
  #status = 0;
  #socket: net.Socket | null = null;
  #request: ClientRequest | null = null;
  #endCall: (() => void) | null = null;
  #isOver = false;
  #isCancelled = false;

  constructor(
    address: ServerAddress,
    spec: ProbeSpec,
    timeoutMs: number,
    done: (result: ProbeResult) => void,
  ) {
    this.#address = address;
    this.#spec = spec;
    this.#done = done;
    this.#timer = setTimeout(() => {
      this.#end(`timed out after ${formatDuration(timeoutMs)}`);
    }, timeoutMs);
    this.#resolve();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#close();
  }

  #close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#request?.destroy();
    this.#endCall?.();
    this.#socket?.destroy();
  }

  #resolve(): void {
    const { host, path } = this.#address;
    if (path !== '' || net.isIP(host) !== 0) {
      this.#connect(host);
      return;
    }
    dns.lookup(host, (error, found) => {
      if (this.#isOver) return;
      if (error !== null) return this.#end(`name ${host} not found (${error.code})`);
      this.#stepIsOver();
      this.#connect(found);
    });
  }

  #connect(host: string): void {
    this.#step = 'connect';
    const { path, port } = this.#address;
    const socket = net.connect(path === '' ? { host, port } : { path });
    this.#take(socket);
    socket.once('connect', () => {
      if (this.#isOver) return;
      this.#stepIsOver();
      const { proxy } = this.#address;
      if (proxy !== undefined) socket.write(ownHeader(proxy, endsOf(socket)), 'latin1');
      if (this.#address.tls === null) this.#isOpen(socket);
      else this.#secure(socket);
    });
  }

  #secure(socket: net.Socket): void {
    this.#step = 'tls';
    const settings = this.#address.tls!;
    let secure: tls.TLSSocket;
    try {
      secure = tls.connect({
        socket,
        secureContext: secureContextOf(settings),
        rejectUnauthorized: settings.verify,
        ...(net.isIP(settings.serverName) === 0 ? { servername: settings.serverName } : {}),
        checkServerIdentity: (_name, certificate) =>
          tls.checkServerIdentity(settings.serverName, certificate),
        ALPNProtocols: [this.#spec.grpc === undefined ? 'http/1.1' : 'h2'],
      });
    } catch (error) {
      return this.#end(`tls: ${(error as Error).message}`);
    }
    this.#take(secure);
    secure.once('secureConnect', () => {
      if (this.#isOver) return;
      this.#stepIsOver();
      this.#isOpen(secure);
    });
  }

  #take(socket: net.Socket): void {
    this.#socket = socket;
    socket.on('error', (error: NodeJS.ErrnoException) => this.#end(this.#reasonOf(error)));
    socket.once('close', () => this.#end('connection closed before its answer'));
  }

  #isOpen(socket: net.Socket): void {
    const { http, grpc } = this.#spec;
    if (grpc !== undefined) return this.#askGrpc(socket, grpc);
    if (http === null) return this.#end('');
    this.#step = 'first byte';
    const names = Object.keys(http.headers).map((name) => name.toLowerCase());
    this.#request = request({
      createConnection: () => socket,
      method: http.method,
      path: http.target,
      setHost: false,
      headers: {
        ...(names.includes('host') ? {} : { Host: http.authority }),
        ...(names.includes('user-agent') ? {} : { 'User-Agent': 'openclaw-probe' }),
        ...http.headers,
        Connection: 'close',
      },
    });
    this.#request.on('error', (error: NodeJS.ErrnoException) => this.#end(this.#reasonOf(error)));
    this.#request.once('response', (response) => this.#onResponse(response, http));
    this.#request.end();
  }

  #askGrpc(socket: net.Socket, grpc: GrpcProbe): void {
    this.#step = 'first byte';
    this.#endCall = askHealth(socket, grpc, {
      onAnswer: (status) => {
        if (this.#isOver) return;
        this.#status = status;
        this.#stepIsOver();
        this.#step = 'body';
      },
      onEnd: (reason) => this.#end(reason),
    });
  }

  #onResponse(response: IncomingMessage, http: HttpProbe): void {
    if (this.#isOver) return;
    this.#stepIsOver();
    const status = response.statusCode!;
    this.#status = status;
    if (!http.expectedStatus.some(({ min, max }) => status >= min && status <= max)) {
      return this.#end(`status ${status}, expected ${rangesText(http.expectedStatus)}`);
    }
    if (http.expectedBody === '') return this.#end('');
    this.#step = 'body';
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (piece: string) => {
      if (this.#isOver) return;
      body += piece;
      if (body.includes(http.expectedBody)) {
        this.#stepIsOver();
        this.#end('');
      } else if (body.length >= BODY_BYTES_MAX) this.#end(bodyReason(http));
    });
    response.once('end', () => this.#end(bodyReason(http)));
  }

  #stepIsOver(): void {
    const nowMs = performance.now();
    this.#steps.push({ name: this.#step, ms: nowMs - this.#stepStartedMs });
    this.#stepStartedMs = nowMs;
  }

  /** @param reason empty: the server is healthy */
  #end(reason: string): void {
    if (this.#isOver) return;
    this.#close();
    const result = {
      isHealthy: reason === '',
      reason,
      steps: this.#steps,
      status: this.#status,
      ms: performance.now() - this.#startedMs,
    };
    // A socket can fail within `connect` itself, before whoever asked knows how to cancel.
    setImmediate(() => {
      if (!this.#isCancelled) this.#done(result);
    });
  }

  #reasonOf(error: NodeJS.ErrnoException): string {
    const action = this.#step === 'first byte' || this.#step === 'body' ? 'connection' : this.#step;
    switch (error.code) {
      case 'ECONNREFUSED':
      case 'ENOENT':
        return `${action} refused`;
      case 'ECONNRESET':
      case 'EPIPE':
        return `${action} reset`;
      case 'EHOSTUNREACH':
      case 'ENETUNREACH':
      case 'EHOSTDOWN':
        return 'host unreachable';
      default:
        if (error.code?.startsWith('HPE_')) return `malformed answer (${error.message})`;
        return `${action}: ${error.message}`;
    }
  }
}

/** A probe comes from nobody but us. */
function endsOf(socket: net.Socket): Ends {
  return {
    sourceAddress: socket.localAddress ?? '',
    sourcePort: socket.localPort ?? 0,
    destinationAddress: socket.remoteAddress ?? '',
    destinationPort: socket.remotePort ?? 0,
  };
}

function bodyReason(http: HttpProbe): string {
  return `the body does not contain ${JSON.stringify(http.expectedBody)}`;
}

function rangesText(ranges: readonly StatusRange[]): string {
  return ranges.map(({ min, max }) => (min === max ? `${min}` : `${min}-${max}`)).join(', ');
}
