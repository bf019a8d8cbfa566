/**
 * A request that is made up: it goes through the phases of a real one, up to the choice of a
 * server, and no further. It leaves no decision: no turn, rate, trial or random number is spent, no
 * client bound, nothing counted or logged. It is not shed either, but told how many are.
 */

import type { Random } from '../base/random.ts';
import { VERDICT } from '../core/balance/server-verdict.ts';
import type { ClientSide } from '../core/exchange/client-side.ts';
import type { Engine } from '../core/exchange/engine.ts';
import { Exchange } from '../core/exchange/exchange.ts';
import { startExchange } from '../core/exchange/phases.ts';
import type { ClientInfo } from '../core/forward/client-info.ts';
import { Framing, frameRequest } from '../core/http1/framing.ts';
import { Head, readRequestHead } from '../core/http1/head.ts';
import type { Route } from '../core/routes/route.ts';
import { explanationOf } from './explain-decision.ts';
import type { Explanation, Question } from './explanation.ts';

type MadeUp = Extract<Question, { kind: 'made-up' }>;

/** @returns what would happen, or what is wrong with the request */
export function rehearse(
  engine: Engine,
  route: Route,
  clientInfo: ClientInfo,
  question: MadeUp,
  random: Random,
): Explanation | string {
  const { method, path, headers } = question;
  const hasHost = headers.some((line) => /^host\s*:/i.test(line));
  const lines = [`${method} ${path} HTTP/1.1`, ...(hasHost ? [] : ['Host: localhost']), ...headers];
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const head = new Head();
  if (readRequestHead(head, bytes, 0, bytes.length, route.policy.headLimits) !== bytes.length) {
    return `it is refused before any rule applies: ${head.fault ?? 'it is not a request'}`;
  }
  const framing = new Framing();
  const fault = frameRequest(head, framing);
  if (fault !== undefined) return `it is refused before any rule applies: ${fault}`;
  return new Rehearsal(engine, clientInfo, random).explain(
    head,
    framing,
    route,
    `${method} ${path}`,
  );
}

class Rehearsal extends Exchange {
  override readonly isMadeUp = true;
  readonly #random: Random;

  constructor(engine: Engine, clientInfo: ClientInfo, random: Random) {
    super(engine, { info: clientInfo } as ClientSide, neverSettled);
    this.#random = random;
  }

  explain(head: Head, framing: Framing, route: Route, request: string): Explanation {
    const nowMs = this.engine.clock.nowMs();
    const rule = startExchange(this, head, framing, route, nowMs);
    const { decision } = this;
    decision.pool = route.pool;
    decision.key = this.key;
    decision.peerAddress = this.client.info.peerAddress;
    decision.startedMs = nowMs;
    decision.endedMs = nowMs;
    decision.status = this.status;
    decision.failure = this.failure;
    const { failure } = this;
    const answeredBy = decision.attempts === 0 ? failure : '';
    const shedShare = this.engine.shedder.share;
    const told = { requestId: '', request, answeredBy, rule, shedShare };
    return explanationOf(this.engine, decision, told);
  }

  override answer(code: typeof this.failure): void {
    this.failure = code;
  }

  /** It has no body to wait for. */
  override get isHeld(): boolean {
    return false;
  }

  override tryNext(nowMs: number): void {
    const pool = this.pool!;
    const { ownRow } = this.decision;
    const isOwn = ownRow !== -1 && pool.ownVerdict(ownRow, this.dispatch.tried) >= VERDICT.draining;
    const own = isOwn ? pool.servers.find(({ row }) => row === ownRow)! : null;
    const chosen = { server: own, isTrial: false };
    const { server, isTrial } =
      own === null ? pool.foresee(this.key, this.dispatch.tried, this.#random) : chosen;
    const choice = this.decision.next()!;
    choice.begin(pool, server, nowMs);
    choice.isOwn = isOwn;
    choice.isTrial = isTrial;
    if (server === null) this.answer('no_server');
  }
}

function neverSettled(): never {
  throw new Error('a made-up request was settled');
}
