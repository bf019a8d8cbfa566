/**
 * The way of a request up to its first attempt, as an ordered list. A phase looks at the head,
 * which is readable during the call only, and either lets the request go on or answers it. What
 * follows (acquire, forward, relay, settle) is driven by the connections: see exchange.ts.
 */
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import { Binding } from '../sticky/persistence.ts';
import type { Exchange } from './exchange.ts';
import {
  type AbsoluteTarget,
  forwardedRequest,
  forwardsLeft,
  parseAbsoluteTarget,
} from './forward.ts';
import { sendOn } from './redirect.ts';

/** @returns whether the request goes on; false once it has been answered */
type Phase = (exchange: Exchange, head: Head, framing: Framing, nowMs: number) => boolean;

const PHASES: readonly Phase[] = [identify, trace, admit, sendOn, persist, prepare, choose];

export function runPhases(exchange: Exchange, head: Head, framing: Framing, nowMs: number): void {
  for (const phase of PHASES) if (!phase(exchange, head, framing, nowMs)) return;
}

/** Gives the request its id: the client's own, or a new one. */
function identify(exchange: Exchange, head: Head): boolean {
  const index = head.find(NAME.xRequestId);
  if (index === -1) exchange.requestNumber = exchange.engine.nextRequestNumber();
  else exchange.bringsRequestId(head.value(index));
  return true;
}

/** Finds the trace that the request belongs to, or begins one. */
function trace(exchange: Exchange, head: Head): boolean {
  const { tracing } = exchange.pool!.settings;
  if (tracing === null) exchange.trace.clear();
  else exchange.trace.find(head, tracing, exchange.engine.random);
  return true;
}

const SLASH = 0x2f;
const ASTERISK = 0x2a;

const ALLOW = 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n';

/** Refuses what a reverse proxy does not serve, and answers what must not go on from here. */
function admit(exchange: Exchange, head: Head, _framing: Framing, nowMs: number): boolean {
  const isLastHop = forwardsLeft(head) === 0;
  if (head.method === 'CONNECT' || (isLastHop && head.method === 'TRACE')) {
    exchange.answer('method_not_allowed', nowMs, ALLOW);
    return false;
  }
  if (isLastHop) exchange.answer('last_hop', nowMs, ALLOW);
  return !isLastHop;
}

/** Looks which server the client belongs to; what only concerns us is dropped from the head. */
function persist(exchange: Exchange, head: Head): boolean {
  const pool = exchange.pool!;
  if (pool.persistence === null) {
    exchange.binding = null;
    return true;
  }
  exchange.binding ??= new Binding();
  exchange.binding.begin();
  const { client, engine } = exchange;
  pool.persistence.find(head, client.via, pool, exchange.binding, engine.clock.wallMs());
  return true;
}

/** Writes the head as it goes to the server, and takes the key that the strategy hashes by. */
function prepare(exchange: Exchange, head: Head, framing: Framing, nowMs: number): boolean {
  let absolute: AbsoluteTarget | undefined;
  const first = head.bytes[head.targetStart];
  if (first !== SLASH) {
    const isAsterisk =
      first === ASTERISK && head.targetEnd === head.targetStart + 1 && head.method === 'OPTIONS';
    if (!isAsterisk) {
      absolute = parseAbsoluteTarget(head.target());
      if (absolute === undefined) {
        exchange.answer('bad_target', nowMs);
        return false;
      }
    }
  }
  const { engine, client, requestNumber } = exchange;
  exchange.requestText = forwardedRequest(
    engine,
    head,
    framing,
    client.via,
    absolute,
    requestNumber,
    exchange.binding === null ? '' : exchange.binding.requestLines,
    exchange.trace,
  );
  const { keyOf } = exchange.pool!;
  exchange.key = keyOf === null ? 0 : keyOf(exchange.client.via, head);
  return true;
}

function choose(exchange: Exchange, _head: Head, _framing: Framing, nowMs: number): boolean {
  exchange.tryNext(nowMs);
  return true;
}
