/**
 * A request's way up to its first attempt, as an ordered list. A phase looks at the head, which is
 * readable only during the call, and either lets the request continue or answers it. What follows
 * (dispatch, upload, download, settle) is driven by the connections: see exchange.ts.
 */

import type { Failure } from '../answers/failures.ts';
import { FILTERS } from '../filters/registry.ts';
import { forwardedRequest, forwardsLeft } from '../forward/request-head.ts';
import type { Fault } from '../http1/faults.ts';
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { Route } from '../routes/route.ts';
import { Binding } from '../sticky/persistence.ts';
import type { Exchange } from './exchange.ts';

/** @returns whether the request goes on; false once it has been answered */
type Phase = (exchange: Exchange, head: Head, framing: Framing, nowMs: number) => boolean;

const PHASES: readonly Phase[] = [
  identify,
  guard,
  shed,
  trace,
  admit,
  ...FILTERS,
  screen,
  persist,
  prepare,
  choose,
];

/**
 * Begins a request and takes it up to its first attempt.
 *
 * @param head readable during the call only
 * @returns name of the phase that answered the request; empty: it went on to a server
 */
export function startExchange(
  exchange: Exchange,
  head: Head,
  framing: Framing,
  route: Route,
  nowMs: number,
): string {
  exchange.begin(head, framing, route, nowMs);
  for (const phase of PHASES) if (!phase(exchange, head, framing, nowMs)) return phase.name;
  return '';
}

/** In their order. */
export const PHASE_NAMES: readonly string[] = PHASES.map(({ name }) => name);

/** Gives the request its id, the client's own or a new one, and finds out who the client is. */
function identify(exchange: Exchange, head: Head, _framing: Framing, nowMs: number): boolean {
  const index = head.find(NAME.xRequestId);
  if (index !== -1) exchange.bringsRequestId(head.value(index));
  else if (!exchange.isMadeUp) exchange.requestNumber = exchange.engine.requestIds.next();
  const { info } = exchange.client;
  const isKnown = !info.peerIsTrusted || exchange.route!.guard.identify(info, head);
  exchange.clientAddress = info.clientAddress;
  return isKnown || refuse(exchange, head, 'bad_forwarding_header', nowMs);
}

/** Access lists and limits come first: what is refused must cost next to nothing. */
function guard(exchange: Exchange, head: Head, _framing: Framing, nowMs: number): boolean {
  const present = exchange.route!.guard;
  if (present.isOpen) return true;
  const code = present.judge(exchange.client.info, nowMs, exchange.isMadeUp);
  if (code !== '') {
    exchange.waitMs = present.waitMs;
    return refuse(exchange, head, code, nowMs, present.headerLines);
  }
  exchange.observed = present.observed;
  return true;
}

/** What cannot be answered in time is refused at once, before it costs anything. */
function shed(exchange: Exchange, head: Head, _framing: Framing, nowMs: number): boolean {
  const { shedder, random } = exchange.engine;
  if (shedder.share === 0 || exchange.isMadeUp || !shedder.sheds(random())) return true;
  return refuse(exchange, head, 'overloaded', nowMs);
}

function refuse(
  exchange: Exchange,
  head: Head,
  code: Failure | Fault,
  nowMs: number,
  headerLines = '',
): false {
  exchange.refuse(head, code, nowMs, headerLines);
  return false;
}

/** Finds the distributed trace that the request belongs to, or begins one. */
function trace(exchange: Exchange, head: Head): boolean {
  const { tracing } = exchange.route!.policy;
  if (tracing === null || exchange.isMadeUp) exchange.traceContext.clear();
  else exchange.traceContext.find(head, tracing, exchange.engine.random);
  return true;
}

const ALLOW = 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n';

/** Refuses what a reverse proxy does not serve, and answers what must not go on from here. */
function admit(exchange: Exchange, head: Head, _framing: Framing, nowMs: number): boolean {
  const isLastHop = forwardsLeft(head) === 0;
  if (head.method === 'CONNECT' || (isLastHop && head.method === 'TRACE')) {
    return refuse(exchange, head, 'method_not_allowed', nowMs, ALLOW);
  }
  return !isLastHop || refuse(exchange, head, 'last_hop', nowMs, ALLOW);
}

/** Lets the firewall look at the head; a body follows later and is held until then. */
function screen(exchange: Exchange, head: Head, framing: Framing, nowMs: number): boolean {
  const { waf } = exchange.route!;
  if (waf === null) return true;
  const screening = exchange.upload.screenWith(waf, head, framing);
  if (screening.blocks) return refuse(exchange, head, 'waf_blocked', nowMs);
  if (screening.isOversize) return refuse(exchange, head, 'waf_body_too_large', nowMs);
  if (exchange.isHeld && framing.expectContinue) {
    // Nobody but us can ask for the body now; what goes on to the server has it, and asks no more.
    exchange.client.sendContinue();
    exchange.expectsContinue = false;
    framing.expectContinue = false;
  }
  return true;
}

/** Looks which server the client belongs to; what only concerns us is dropped from the head. */
function persist(exchange: Exchange, head: Head): boolean {
  const pool = exchange.pool!;
  if (pool.persistence === null) {
    exchange.binding = null;
    return true;
  }
  exchange.binding ??= new Binding();
  exchange.binding.begin(exchange.isMadeUp);
  const { client, engine } = exchange;
  pool.persistence.find(head, client.info, pool, exchange.binding, engine.clock.wallMs());
  exchange.decision.ownRow = exchange.binding.row;
  return true;
}

/** Writes the head as it goes to the server, and takes the key that the strategy hashes by. */
function prepare(exchange: Exchange, head: Head, framing: Framing): boolean {
  const { engine, client, requestNumber } = exchange;
  exchange.requestText = forwardedRequest(
    engine.writer,
    engine.requestIds.line,
    head,
    framing,
    client.info,
    requestNumber,
    exchange.binding === null ? '' : exchange.binding.requestLines,
    exchange.traceContext,
  );
  const { keyOf } = exchange.pool!;
  exchange.key = keyOf === null ? 0 : keyOf(exchange.client.info, head);
  return true;
}

function choose(exchange: Exchange, _head: Head, _framing: Framing, nowMs: number): boolean {
  if (!exchange.isHeld) exchange.tryNext(nowMs);
  return true;
}
