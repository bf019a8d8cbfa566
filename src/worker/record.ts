import type { Exchange } from '../core/exchange/exchange.ts';
import type { ClientInfo } from '../core/forward/client-info.ts';
import type { Server } from '../core/servers/server.ts';
import { CLEAN, explain } from '../waf/catalogue.ts';

/** All that is known of a finished request: one line of the access log. */
export interface ExchangeRecord {
  requestId: string;
  /** The peer's address; behind a trusted proxy, the proxy's. */
  peer: string;
  /** Method and target as they were sent on; empty where the request could not be read. */
  request: string;
  pool: string;
  /** The server that answered or failed last; empty where none was reached. */
  server: string;
  attempts: number;
  /** Status sent to the client; 499 if it left before. */
  status: number;
  /** Stable code of what went wrong; empty where nothing did. */
  failure: string;
  durationMs: number;
  /** From the request's head to the head of its response; -1 where none came. */
  firstByteMs: number;
  requestBodyBytes: number;
  responseBodyBytes: number;
  kind: 'request' | 'stream' | 'tunnel';
  /** What the client speaks. */
  protocol: 'HTTP/1' | 'HTTP/2';
  /** The client behind trusted proxies; absent where it is the peer. */
  client?: string;
  /** Verdicts of observed limits and of the firewall. */
  verdicts?: readonly string[];
  /** Number of similar requests within the second that are not logged one by one. */
  repeats?: number;
  /** Of the trace that it belongs to; empty where tracing is off. */
  trace_id: string;
}

export function recordOf(exchange: Exchange, server: Server | null, nowMs: number): ExchangeRecord {
  const record: ExchangeRecord = {
    requestId: exchange.requestId,
    peer: exchange.client.info.peerAddress,
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
    protocol: protocolOf(exchange.client.info),
    trace_id: exchange.traceContext.id,
  };
  addJudgements(record, exchange);
  return record;
}

/** Whether a request went wrong. */
export function wentWrong({
  failure,
  status,
}: Pick<ExchangeRecord, 'failure' | 'status'>): boolean {
  return failure !== '' || status >= 500;
}

/** How a verdict begins that is a limit's and not the firewall's. */
export const OBSERVED = 'observed: ';

/** What few requests have: fields that are absent from the rest. */
function addJudgements(record: ExchangeRecord, exchange: Exchange): void {
  const { screening, observed, clientAddress } = exchange;
  if (clientAddress !== record.peer) record.client = clientAddress;
  const isScreened = screening !== null && screening.verdict !== CLEAN;
  if (observed === '' && !isScreened) return;
  record.verdicts = [
    ...(observed === '' ? [] : [OBSERVED + observed]),
    ...(isScreened ? explain(screening.verdict, screening.threshold) : []),
  ];
}

/** A client refused before it had a request. */
export type Refused = Pick<ClientInfo, 'peerAddress'> & Partial<Pick<ClientInfo, 'isHttp2'>>;

/** @param observed it continues all the same */
export function refusalRecord(
  peer: Refused,
  code: string,
  status: number,
  observed: boolean,
): ExchangeRecord {
  return {
    requestId: '',
    peer: peer.peerAddress,
    request: '',
    pool: '',
    server: '',
    attempts: 0,
    status: observed ? 0 : status,
    failure: observed ? '' : code,
    durationMs: 0,
    firstByteMs: -1,
    requestBodyBytes: 0,
    responseBodyBytes: 0,
    kind: 'request',
    protocol: protocolOf(peer),
    ...(observed ? { verdicts: [OBSERVED + code] } : {}),
    trace_id: '',
  };
}

function protocolOf({ isHttp2 }: Refused): ExchangeRecord['protocol'] {
  return isHttp2 ? 'HTTP/2' : 'HTTP/1';
}

function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
