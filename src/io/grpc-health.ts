/**
 * One call of `grpc.health.v1.Health/Check` ("GRPC Health Checking Protocol"), by hand: of the two
 * messages each has one field.
 */
import { type ClientHttp2Session, connect } from 'node:http2';
import type { Socket } from 'node:net';

export interface GrpcProbe {
  /** The service that is asked about; empty: the server as a whole. */
  readonly service: string;
  readonly authority: string;
}

const ANSWER_BYTES_MAX = 4_096;
/** Before each message: whether it is compressed, and its length in four bytes. */
const PREFIX_BYTES = 5;
const SERVING = 1;
const STATES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
/** Of the codes of gRPC those that a health check meets. */
const CODES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    4: 'DEADLINE_EXCEEDED',
    5: 'NOT_FOUND: the server does not know the service',
    7: 'PERMISSION_DENIED',
    8: 'RESOURCE_EXHAUSTED',
    12: 'UNIMPLEMENTED: the server has no health service',
    13: 'INTERNAL',
    14: 'UNAVAILABLE',
    16: 'UNAUTHENTICATED',
  }),
);

export interface GrpcEvents {
  /** The head of the answer came, with its HTTP status. */
  onAnswer(status: number): void;
  /** @param reason why the server is not healthy; empty where it is */
  onEnd(reason: string): void;
}

/**
 * Asks over a socket that is connected, with TLS where that is wanted.
 *
 * @returns ends the call
 */
export function askHealth(socket: Socket, asks: GrpcProbe, events: GrpcEvents): () => void {
  const session = connect(`http://${asks.authority}`, { createConnection: () => socket });
  session.once('error', (error) => events.onEnd(reasonOf(error)));
  ask(session, asks, events);
  return () => session.destroy();
}

function ask(session: ClientHttp2Session, asks: GrpcProbe, events: GrpcEvents): void {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'openclaw-probe',
  });
  let httpStatus = 0;
  let code: string | undefined;
  let answer = Buffer.alloc(0);
  stream.once('response', (headers) => {
    httpStatus = Number(headers[':status']);
    code = textOf(headers['grpc-status']);
    events.onAnswer(httpStatus);
  });
  stream.once('trailers', (headers) => {
    code = textOf(headers['grpc-status']) ?? code;
  });
  stream.on('data', (piece: Buffer) => {
    if (answer.length <= ANSWER_BYTES_MAX) answer = Buffer.concat([answer, piece]);
  });
  stream.once('error', (error: Error) => events.onEnd(reasonOf(error)));
  stream.once('end', () => events.onEnd(verdictOn(httpStatus, code, answer)));
  stream.end(requestFor(asks.service));
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function reasonOf(error: Error): string {
  return `no HTTP/2 (${error.message})`;
}

function verdictOn(httpStatus: number, code: string | undefined, answer: Buffer): string {
  if (httpStatus !== 200) return `status ${httpStatus}, expected 200`;
  if (code !== '0') return `grpc status ${code ?? 'missing'}${nameOf(code)}`;
  const state = stateIn(answer);
  if (state === SERVING) return '';
  return state === undefined ? 'malformed response' : (STATES[state] ?? `state ${state}`);
}

function nameOf(code: string | undefined): string {
  const name = CODES.get(code ?? '');
  return name === undefined ? '' : ` ${name}`;
}

/** HealthCheckRequest { string service = 1; } */
function requestFor(service: string): Buffer {
  const text = Buffer.from(service, 'utf8');
  const message =
    text.length === 0 ? text : Buffer.concat([Buffer.from([0x0a]), varint(text.length), text]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** HealthCheckResponse { ServingStatus status = 1; } @returns undefined where it is none */
function stateIn(answer: Buffer): number | undefined {
  if (answer.length < PREFIX_BYTES || answer[0] !== 0) return undefined;
  const message = answer.subarray(PREFIX_BYTES, PREFIX_BYTES + answer.readUInt32BE(1));
  if (message.length !== answer.readUInt32BE(1)) return undefined;
  // A field that is left out has its default.
  if (message.length === 0) return 0;
  return message[0] === 0x08 && message[1]! < 0x80 ? message[1] : undefined;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
