import type net from 'node:net';
import { formatDuration } from '../base/units.ts';
import type { StatusRange } from '../config/schema/health.ts';
import { BodyReader } from '../core/http1/body.ts';
import { FAULTS, type Fault } from '../core/http1/faults.ts';
import { Framing, frameResponse } from '../core/http1/framing.ts';
import { isFieldValue, isTarget, isToken } from '../core/http1/grammar.ts';
import {
  FAULTY,
  FIELDS_MAX,
  HEAD_BYTES_MAX,
  Head,
  INCOMPLETE,
  readResponseHead,
} from '../core/http1/head.ts';
import { HeadReader } from '../core/http1/reader.ts';
import type { ServerAddress } from '../core/ports/server-address.ts';
import { type Ends, ownHeader } from '../core/proxy-protocol/write.ts';
import { askHealth, type GrpcProbe } from './grpc-health.ts';
import { afterReads } from './node/after-reads.ts';
import { dial, type SocketDial } from './node/dial.ts';
import type { Resolver } from './resolver.ts';
import { isShortage } from './shortage.ts';

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
  /** We could not ask: the result says nothing about the server. */
  readonly isInconclusive: boolean;
  /** Why it is not healthy: `connect refused`; empty where it is. */
  readonly reason: string;
  readonly steps: readonly ProbeStep[];
  /** 0 where no answer came. */
  readonly status: number;
  readonly ms: number;
}

/** How much of a body is looked at. */
const BODY_BYTES_MAX = 64 * 1024;
/** A timer that fires so late was not looked at meanwhile. */
const AWAY_MS = 100;
/** A server that answers with more interim responses than this is broken. */
const HEADS_MAX = 64;

/**
 * Probes a server once, over the same way as traffic: its names, addresses and answers are taken
 * as those of traffic are, so that what serves is not down, and what is up serves.
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
  resolver: Resolver,
): () => void {
  const one = new Probe(address, spec, timeoutMs, done, resolver);
  return () => one.cancel();
}

class Probe {
  readonly #address: ServerAddress;
  readonly #spec: ProbeSpec;
  readonly #done: (result: ProbeResult) => void;
  #timer: NodeJS.Timeout;
  readonly #steps: ProbeStep[] = [];
  readonly #startedMs = performance.now();
  #dial: SocketDial | null = null;
  readonly #answer = new Answer();
  #stepStartedMs = this.#startedMs;
  #step: ProbeStep['name'] = 'resolve';
  #socket: net.Socket | null = null;
  #endCall: (() => void) | null = null;
  #isInconclusive = false;
  #isOver = false;
  #isCancelled = false;

  constructor(
    address: ServerAddress,
    spec: ProbeSpec,
    timeoutMs: number,
    done: (result: ProbeResult) => void,
    resolver: Resolver,
  ) {
    this.#address = address;
    this.#spec = spec;
    this.#done = done;
    this.#timer = this.#timeOut(timeoutMs, true);
    const options = { alpn: [spec.grpc === undefined ? 'http/1.1' : 'h2'], preface: prefaceOf };
    try {
      this.#dial = dial(address, resolver, options, {
        onResolved: () => this.#stepIsOver('resolve'),
        onConnected: () => this.#stepIsOver('connect'),
        onOpen: (socket) => this.#isOpen(socket),
        onFailed: (error, step) => {
          this.#isInconclusive = isShortage(error);
          this.#end(reasonOf(error, step, address.host));
        },
      });
    } catch (error) {
      this.#isInconclusive = isShortage(error as NodeJS.ErrnoException);
      this.#end(cannotBeSent(error));
    }
    function prefaceOf(socket: net.Socket): string {
      return address.proxy === undefined ? '' : ownHeader(address.proxy, endsOf(socket));
    }
  }

  /**
   * A probe takes some turns of the loop, and a process that was stopped, or busy, for longer than
   * the timeout has had none of them: it has its time once more.
   */
  #timeOut(timeoutMs: number, isFirst: boolean): NodeJS.Timeout {
    const dueMs = performance.now() + timeoutMs;
    const fire = () => {
      const wasAway = performance.now() - dueMs > AWAY_MS;
      if (this.#isOver) return;
      if (isFirst && wasAway) this.#timer = this.#timeOut(timeoutMs, false);
      else this.#end(`timed out after ${formatDuration(timeoutMs)}`);
    };
    return setTimeout(afterReads(fire), timeoutMs);
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#close();
  }

  #close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#dial?.cancel();
    this.#endCall?.();
    this.#socket?.destroy();
  }

  #isOpen(socket: net.Socket): void {
    this.#socket = socket;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#end(reasonOf(error, this.#step, this.#address.host));
    });
    socket.once('close', () => this.#end('connection closed before the response'));
    if (this.#address.tls !== null) this.#stepIsOver('tls');
    this.#step = 'first byte';
    const { http, grpc } = this.#spec;
    try {
      if (grpc !== undefined) this.#askGrpc(socket, grpc);
      else if (http === null) this.#end('');
      else this.#ask(socket, http);
    } catch (error) {
      this.#end(cannotBeSent(error));
    }
  }

  #askGrpc(socket: net.Socket, grpc: GrpcProbe): void {
    this.#endCall = askHealth(socket, grpc, {
      onAnswer: (status) => {
        if (this.#isOver) return;
        this.#answer.status = status;
        this.#stepIsOver('first byte');
        this.#step = 'body';
      },
      onEnd: (reason) => this.#end(reason),
    });
  }

  #ask(socket: net.Socket, http: HttpProbe): void {
    socket.write(requestOf(http), 'latin1');
    const answer = this.#answer;
    const judge = (isAll: boolean) => {
      if (this.#isOver) return;
      if (answer.status !== 0 && this.#step === 'first byte') {
        this.#stepIsOver('first byte');
        this.#step = 'body';
      }
      const verdict = answer.verdict(http, isAll);
      if (verdict === null) return;
      if (verdict === '' && http.expectedBody !== '') this.#stepIsOver('body');
      this.#end(verdict);
    };
    socket.on('data', (bytes: Buffer) => {
      if (this.#isOver) return;
      answer.take(bytes, http);
      judge(false);
    });
    socket.once('end', () => {
      judge(true);
      if (!this.#isOver) this.#end('connection closed before the response');
    });
  }

  #stepIsOver(name: ProbeStep['name']): void {
    const nowMs = performance.now();
    this.#steps.push({ name, ms: nowMs - this.#stepStartedMs });
    this.#stepStartedMs = nowMs;
  }

  /** @param reason empty: the server is healthy */
  #end(reason: string): void {
    if (this.#isOver) return;
    this.#close();
    const result = {
      isHealthy: reason === '',
      isInconclusive: this.#isInconclusive,
      reason,
      steps: this.#steps,
      status: this.#answer.status,
      ms: performance.now() - this.#startedMs,
    };
    // The caller has to know how to cancel first.
    setImmediate(() => {
      if (!this.#isCancelled) this.#done(result);
    });
  }
}

/** Whatever traffic is configured to take, a probe takes too. */
const WIDEST_LIMITS = { headBytes: HEAD_BYTES_MAX, targetBytes: 0, fields: FIELDS_MAX };

/** The head of an answer, and as much of its body as is looked at. Read as traffic reads it. */
class Answer {
  /** 0: its head has not come. */
  status = 0;
  readonly #head = new Head();
  readonly #reader = new HeadReader(this.#head, readResponseHead, WIDEST_LIMITS);
  readonly #body = new BodyReader();
  readonly #pieces: Buffer[] = [];
  #bodyBytes = 0;
  #heads = 0;
  #fault: Fault | undefined;

  take(bytes: Buffer, http: HttpProbe): void {
    let at = 0;
    let end = bytes.length;
    while (this.status === 0) {
      at = this.#reader.take(bytes, at, end);
      if (at === INCOMPLETE) return;
      if (at === FAULTY) this.#fault = this.#head.fault;
      else {
        bytes = this.#head.bytes;
        end = this.#reader.restEnd;
        const framing = new Framing();
        this.#fault = frameResponse(this.#head, framing, http.method);
        this.#heads += 1;
        if (this.#heads > HEADS_MAX) this.#fault = 'bad_status_line';
        // An interim answer says that another follows, but for 101, which nobody asked for.
        const isFinal = this.#head.status >= 200 || this.#head.status === 101;
        if (isFinal && this.#fault === undefined) {
          this.status = this.#head.status;
          this.#body.begin(framing.body, framing.contentLength);
        }
      }
      if (this.#fault !== undefined) return;
    }
    if (this.#body.done || http.expectedBody === '') return;
    this.#body.take(bytes, at, end, this);
    this.#fault = this.#body.fault;
  }

  payload(bytes: Buffer, start: number, end: number): void {
    const upTo = Math.min(end, start + BODY_BYTES_MAX - this.#bodyBytes);
    this.#pieces.push(Buffer.from(bytes.subarray(start, upTo)));
    this.#bodyBytes += upTo - start;
  }

  /**
   * @param isAll nothing more comes
   * @returns why the server is not healthy, empty where it is; null: more has to come first
   */
  verdict(http: HttpProbe, isAll: boolean): string | null {
    const { status } = this;
    if (status === 0) {
      return this.#fault === undefined ? null : `malformed response (${FAULTS[this.#fault][1]})`;
    }
    if (!http.expectedStatus.some(({ min, max }) => status >= min && status <= max)) {
      return `status ${status}, expected ${rangesText(http.expectedStatus)}`;
    }
    if (http.expectedBody === '' || this.#text().includes(http.expectedBody)) return '';
    const isWhole = this.#body.done || this.#bodyBytes >= BODY_BYTES_MAX;
    if (this.#fault !== undefined) return `malformed response (${FAULTS[this.#fault][1]})`;
    return isWhole || isAll ? bodyReason(http) : null;
  }

  #text(): string {
    return Buffer.concat(this.#pieces).toString('utf8');
  }
}

/**
 * The request of a probe, ready to be sent as latin1.
 *
 * @throws Error where it cannot be written; validation lets no such configuration pass
 */
function requestOf({ method, target, authority, headers }: HttpProbe): string {
  if (!isToken(method)) throw new Error(`${JSON.stringify(method)} is not a method`);
  if (!isTarget(target)) throw new Error(`${JSON.stringify(target)} is not a path`);
  for (const [name, value] of Object.entries(headers)) {
    if (!isToken(name)) throw new Error(`${JSON.stringify(name)} is not a header name`);
    if (!isFieldValue(value)) throw new Error(`the value of ${name} cannot be sent in a header`);
  }
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const lines = [`${method} ${target} HTTP/1.1`];
  if (!names.includes('host')) lines.push(`Host: ${authority}`);
  if (!names.includes('user-agent')) lines.push('User-Agent: openclaw-probe');
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() !== 'connection') lines.push(`${name}: ${value}`);
  }
  if (method === 'POST' && !names.includes('content-length')) lines.push('Content-Length: 0');
  lines.push('Connection: close', '', '');
  return lines.join('\r\n');
}

function cannotBeSent(error: unknown): string {
  return `the probe cannot be sent: ${(error as Error).message}`;
}

function reasonOf(error: NodeJS.ErrnoException, step: ProbeStep['name'], host: string): string {
  if (isShortage(error)) return `this machine could not send the probe (${error.code})`;
  if (step === 'resolve') return `name ${host} not found (${error.code})`;
  const action = step === 'first byte' || step === 'body' ? 'connection' : step;
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
      return `${action}: ${error.message}`;
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
