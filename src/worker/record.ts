import type { Exchange } from '../core/exchange/exchange.ts';
import type { Via } from '../core/exchange/forward.ts';
import type { Server } from '../core/exchange/server.ts';

/** What is known of a request when it is over: one line of the access log. */
export interface ExchangeRecord {
  requestId: string;
  /** The peer's address; where it is a trusted proxy, the proxy's. */
  peer: string;
  /** Method and target as they were sent on; empty where the request could not be read. */
  request: string;
  pool: string;
  /** The server that answered or failed last; empty where none was reached. */
  server: string;
  attempts: number;
  /** Status the client saw; 499 where it left before. */
  status: number;
  /** Stable code of what went wrong; empty where nothing did. */
  failure: string;
  durationMs: number;
  /** From the request's head to the head of its response; -1 where none came. */
  firstByteMs: number;
  requestBodyBytes: number;
  responseBodyBytes: number;
  kind: 'request' | 'stream' | 'tunnel';
  /** Of the trace that it belongs to; empty where tracing is off. */
  trace_id: string;
}

export function recordOf(exchange: Exchange, server: Server | null, nowMs: number): ExchangeRecord {
  return {
    requestId: exchange.requestId,
    peer: exchange.client.via.peerAddress,
    request: exchange.requestLine,
    pool: exchange.pool!.settings.name,
    server: server?.label ?? '',
    attempts: exchange.attempts,
    status: exchange.status,
    failure: exchange.failure,
    durationMs: roundMs(nowMs - exchange.startedMs),
    firstByteMs: exchange.firstByteMs < 0 ? -1 : roundMs(exchange.firstByteMs),
    requestBodyBytes: exchange.requestBodyBytes,
    responseBodyBytes: exchange.responseBodyBytes,
    kind: exchange.isTunnel ? 'tunnel' : exchange.isStream ? 'stream' : 'request',
    trace_id: exchange.trace.id,
  };
}

export function refusalRecord(via: Via, code: string, status: number): ExchangeRecord {
  return {
    requestId: '',
    peer: via.peerAddress,
    request: '',
    pool: '',
    server: '',
    attempts: 0,
    status,
    failure: code,
    durationMs: 0,
    firstByteMs: -1,
    requestBodyBytes: 0,
    responseBodyBytes: 0,
    kind: 'request',
    trace_id: '',
  };
}

function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
