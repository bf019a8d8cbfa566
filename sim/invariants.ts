/**
 * What must hold whatever the network, the clients and the servers do. Each invariant is a
 * sentence; a violation names it, says what was seen, and shows the connection's last events.
 */

import type { PathPlan } from '../src/plan/assembly.ts';
import { ADMIN, BREAKER, HEALTH } from '../src/table/layout.ts';
import type { SharedTable } from '../src/table/table.ts';
import { isContent } from './content.ts';
import { isUnsafe, type Ledger, type RequestFact, type ResponseFact } from './ledger.ts';
import { type Endpoint, READ_BYTES_MAX, WINDOW_BYTES } from './network.ts';
import type { Trace } from './trace.ts';

export const INVARIANTS = {
  answeredOnce: 'No request is answered twice, and nothing is answered that was not asked.',
  ownAnswer: 'Responses come in order, and each belongs to its request.',
  wellFormed: 'What openclaw writes is well-formed HTTP/1.1.',
  exactBody: 'A body arrives byte for byte as it was sent.',
  betweenFrames:
    "The frames of a WebSocket arrive whole; the core's close frame stands between two, and nothing follows it.",
  visibleBreak: 'A message that is not whole never looks whole.',
  unsafeOnce: 'A request that is not idempotent reaches a server at most once.',
  screened: 'No server sees a request before the firewall has let it pass.',
  healthyOnly: 'No server that is down or taken out is chosen while another one is usable.',
  oneTrial: 'A half-open breaker lets one trial through at a time.',
  exactCounts: 'The table counts in flight what is under way, no more and no less.',
  oneAtATime: 'A connection to a server carries one request at a time.',
  settledOnce: 'Each exchange settles once.',
  followsPlan: 'No request goes to a server that the plan no longer has when it comes.',
  ownPool: "A request goes to a server of its route's pool.",
  boundedMemory: 'What is held for a slow reader stays within its bound.',
  inTurn: 'Requests that wait at one worker go on in the order in which they came.',
  waitsInTime: 'Nobody waits in a queue for longer than its timeout.',
  withinBounds: 'Never more requests are at a server, or connections open, than may be.',
  noLostWakeUp: 'After a tick nobody waits who could go.',
  success: 'A well-formed request to healthy servers is answered with success.',
  progress: 'Everything ends within bounded time.',
  nothingLeft: 'At the end no counter, timer or connection is left over.',
  streamContract: 'A stream is used as its contract says.',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
  readonly atMs: number;
  /** The last events of the connections concerned. */
  readonly trace: readonly string[];
}

/** What a choice was made from. */
export interface Choice {
  readonly rows: readonly number[];
  /** Primaries or backups: those of the chosen server's kind. */
  readonly rowsOfTier: readonly number[];
  /** A half-open breaker lets it through. */
  readonly isTrial: boolean;
  readonly isTried: (row: number) => boolean;
  readonly panicPercent: number;
}

/** Enough to see what is wrong; a run that goes wrong goes on going wrong. */
const VIOLATIONS_MAX = 10;
/** Chunk sizes, heads and the like that come on top of a body's bytes. */

/** What may come behind a request while it is answered: see http1-client-connection.ts. */
const PIPELINED_BYTES = 64 * 1024;
const OVERHEAD_BYTES = 4 * 1024;

export class Invariants {
  readonly violations: Violation[] = [];
  readonly #trace: Trace;
  #hasMiscounted = false;
  readonly #nowMs: () => number;

  constructor(trace: Trace, nowMs: () => number) {
    this.#trace = trace;
    this.#nowMs = nowMs;
  }

  fail(invariant: Invariant, what: string, ...connections: readonly number[]): void {
    if (this.violations.length >= VIOLATIONS_MAX) return;
    const trace = connections.flatMap((connection) => this.#trace.of(connection)).sort();
    this.violations.push({ invariant, what, atMs: this.#nowMs(), trace });
  }

  /** A server got the head of a request. @param screens a firewall looks at bodies */
  requestArrived(
    request: RequestFact | undefined,
    line: string,
    connection: number,
    screens: boolean,
  ): void {
    if (request === undefined) {
      this.fail('exactBody', `a server got ${line}, which nobody sent`, connection);
      return;
    }
    request.arrivals += 1;
    request.arrivedOn.push(connection);
    if (line !== `${request.method} /${request.id} HTTP/1.1`) {
      this.fail('exactBody', `${request.method} ${request.id} arrived as ${line}`, connection);
    }
    const isLetPass = request.isScreened && !request.isAttack;
    if (screens && request.bodyBytes > 0 && !isLetPass) {
      const why = request.isScreened ? 'that was to be blocked' : 'before its verdict';
      this.fail('screened', `a server got ${describe(request)} ${why}`, ...connectionsOf(request));
    }
    if (request.arrivals > 1 && isUnsafe(request)) {
      this.fail('unsafeOnce', `${describe(request)} was sent twice`, ...connectionsOf(request));
    }
  }

  /** A server got bytes of a request's body. */
  requestBody(
    request: RequestFact,
    offset: number,
    bytes: Buffer,
    start: number,
    end: number,
    connection: number,
  ): void {
    request.arrivedBytes = Math.max(request.arrivedBytes, offset + end - start);
    if (isContent(request.key, offset, bytes, start, end)) return;
    const what = `${describe(request)}: its body is wrong between ${offset} and ${offset + end - start}`;
    this.fail('exactBody', what, connection, request.connection);
  }

  /** A request looks whole to a server. */
  requestLooksWhole(
    request: RequestFact,
    bytes: number,
    trailer: string | undefined,
    connection: number,
  ): void {
    const expected = request.hasTrailer ? request.id : undefined;
    if (bytes !== request.bodyBytes || !request.isSent || trailer !== expected) {
      const what =
        `${describe(request)} looks whole to a server after ${bytes} of ${request.bodyBytes} bytes, ` +
        `with trailer ${trailer}; the client had ${request.isSent ? '' : 'not '}sent all`;
      this.fail('visibleBreak', what, connection, request.connection);
    }
  }

  /** A client got the head of a final response that a server wrote. */
  responseArrived(
    request: RequestFact,
    response: ResponseFact | undefined,
    status: number,
    connection: number,
  ): void {
    if (response === undefined || response.request !== request || response.status !== status) {
      const of = response === undefined ? 'nobody' : describe(response.request);
      this.fail(
        'ownAnswer',
        `${describe(request)} got status ${status} of the response to ${of}`,
        connection,
        ...(response === undefined ? [] : [response.connection]),
      );
      return;
    }
    response.deliveries += 1;
    if (response.deliveries > 1) {
      this.fail('answeredOnce', `response ${response.serial} was delivered twice`, connection);
    }
  }

  /** A client got a final response, a server's or our own. */
  answered(request: RequestFact, connection: number): void {
    request.answers += 1;
    if (request.answers > 1) {
      this.fail('answeredOnce', `${describe(request)} was answered twice`, connection);
    }
  }

  /** A client got bytes of a response's body. */
  responseBody(
    response: ResponseFact,
    bytes: Buffer,
    start: number,
    end: number,
    connection: number,
  ): void {
    const offset = response.deliveredBytes;
    response.deliveredBytes += end - start;
    if (isContent(response.key, offset, bytes, start, end)) return;
    const what =
      `response ${response.serial} to ${describe(response.request)}: its body is wrong ` +
      `between ${offset} and ${offset + end - start}`;
    this.fail('exactBody', what, connection, response.connection);
  }

  /** A response looks whole to its client. */
  responseLooksWhole(
    response: ResponseFact,
    trailer: string | undefined,
    connection: number,
  ): void {
    const expected = response.hasTrailer ? String(response.serial) : undefined;
    const hasTrailer = trailer === undefined || trailer === expected;
    if (response.deliveredBytes !== response.bodyBytes || !hasTrailer) {
      const what =
        `response ${response.serial} to ${describe(response.request)} looks whole after ` +
        `${response.deliveredBytes} of ${response.bodyBytes} bytes, with trailer ${trailer}`;
      this.fail('visibleBreak', what, connection, response.connection);
    }
  }

  /** A request is over for its client. */
  requestOver(request: RequestFact, why: string): void {
    const isSuccess = request.outcome === 'whole' && request.status < 300;
    if (!request.mustSucceed || isSuccess) return;
    const what = `${describe(request)} ended ${request.outcome} with status ${request.status}: ${why}`;
    this.fail('success', what, ...connectionsOf(request));
  }

  /** The core chose a server; the table has not changed since. */
  chosen(table: SharedTable, row: number, choice: Choice): void {
    const { rows, rowsOfTier, isTrial, isTried, panicPercent } = choice;
    const isActive = (one: number) => table.admin(one) === ADMIN.active;
    const isClosed = (one: number) => table.breakers.state(one) === BREAKER.closed;
    const isUsable = (one: number) =>
      isActive(one) &&
      isClosed(one) &&
      table.health(one) !== HEALTH.down &&
      table.ejections.untilMs(one) === 0;
    if (isUsable(row)) return;
    if (isTrial && isActive(row) && table.health(row) !== HEALTH.down) return;
    const usable = rows.filter(isUsable);
    // Where few of its kind are well, all of them are used whatever their health.
    const wellOfTier = rowsOfTier.filter(isUsable).length;
    const isPossible = (one: number) => isActive(one) && isClosed(one);
    const possible = rowsOfTier.filter(isPossible).length;
    const isPanic = wellOfTier * 100 < possible * panicPercent && isPossible(row);
    if (isPanic || !usable.some((one) => !isTried(one))) return;
    this.fail('healthyOnly', `row ${row} was chosen while rows ${usable.join(' ')} were usable`);
  }

  /** The core opened a connection, or sent a request. */
  checkBounds(
    table: SharedTable,
    servers: readonly { row: number; maxInFlight: number }[],
    open: Iterable<Endpoint>,
    connectionsMax: number,
  ): void {
    for (const { row, maxInFlight } of servers) {
      const inFlight = table.inFlight(row);
      if (maxInFlight === 0 || inFlight <= maxInFlight) continue;
      this.fail('withinBounds', `row ${row} has ${inFlight} requests, more than ${maxInFlight}`);
    }
    let connections = 0;
    for (const end of open) if (end.isCore && end.name.startsWith('>')) connections += 1;
    if (connections <= connectionsMax) return;
    const what = `${connections} connections to servers are open, more than ${connectionsMax}`;
    this.fail('withinBounds', what);
  }

  /** The core sends a trial to a server. @param before token of the trial that was under way */
  tried(row: number, before: number): void {
    if (before !== 0) this.fail('oneTrial', `row ${row} got a second trial`);
  }

  /** Looked at every now and then. @param underWay exchanges at this server, over all workers */
  checkCounts(table: SharedTable, row: number, underWay: number): void {
    const counted = table.inFlight(row);
    if (counted === underWay || this.#hasMiscounted) return;
    // A count that is wrong stays so.
    this.#hasMiscounted = true;
    this.fail('exactCounts', `row ${row} counts ${counted} in flight, and has ${underWay}`);
  }

  /** Looked at every now and then. */
  checkMemory(
    open: Iterable<Endpoint>,
    ledger: Ledger,
    highWaterBytes: number,
    replayBytes: number,
  ): void {
    const bound = boundOf(highWaterBytes, replayBytes);
    for (const end of open) {
      if (!end.isCore || end.pendingBytes <= bound) continue;
      const what = `${end.pendingBytes} bytes wait to be sent, more than ${bound}`;
      this.fail('boundedMemory', what, end.connection);
    }
    const onTheWay = bound + 2 * WINDOW_BYTES[1];
    for (const response of ledger.responses) {
      const { request } = response;
      if (request.outcome !== 'open' || response.deliveries === 0) continue;
      const held = response.takenBytes() - response.deliveredBytes;
      if (held <= onTheWay) continue;
      const what = `${held} bytes of response ${response.serial} were taken and not delivered`;
      this.fail('boundedMemory', what, request.connection, response.connection);
    }
  }

  /** Bytes that the core wrote on an HTTP/2 stream and that its client has not taken. */
  checkStream(
    pendingBytes: number,
    connection: number,
    highWaterBytes: number,
    replayBytes: number,
  ): void {
    const bound = boundOf(highWaterBytes, replayBytes);
    if (pendingBytes <= bound) return;
    const what = `${pendingBytes} bytes wait on a stream, more than ${bound}`;
    this.fail('boundedMemory', what, connection);
  }

  /** Bytes of a request's body that the core took, while the exchange goes on. */
  checkUpload(
    request: RequestFact,
    takenBytes: number,
    highWaterBytes: number,
    replayBytes: number,
  ): void {
    const bound = boundOf(highWaterBytes, replayBytes) + 2 * WINDOW_BYTES[1];
    if (takenBytes - request.arrivedBytes <= bound) return;
    const what = `${takenBytes} bytes of ${describe(request)} were taken, ${request.arrivedBytes} passed on`;
    this.fail('boundedMemory', what, ...connectionsOf(request));
  }

  /** When nothing happens any more. */
  finish(
    ledger: Ledger,
    table: SharedTable,
    plan: Pick<PathPlan, 'pools'>,
    open: Iterable<Endpoint>,
    timerDueMs: number,
  ): void {
    const rows = plan.pools.flatMap(({ servers }) => servers.map(({ row }) => row));
    for (const row of rows) {
      const inFlight = table.inFlight(row);
      if (inFlight !== 0) this.fail('nothingLeft', `row ${row} has ${inFlight} requests in flight`);
    }
    for (const row of rows) {
      const tunnels = table.tunnels(row);
      if (tunnels !== 0) this.fail('nothingLeft', `row ${row} has ${tunnels} tunnels open`);
      if (table.breakers.trial(row) !== 0) {
        this.fail('nothingLeft', `row ${row} has a trial under way`);
      }
    }
    for (const { settings } of plan.pools) {
      for (const cell of ['retries', 'connections', 'waiting'] as const) {
        const left = table.poolCounts[cell](settings.row);
        if (left === 0) continue;
        this.fail('nothingLeft', `${left} are counted as ${cell} of pool ${settings.name}`);
      }
    }
    if (timerDueMs !== Number.POSITIVE_INFINITY) {
      this.fail('nothingLeft', `a timer is still set for ${timerDueMs}`);
    }
    for (const end of open) {
      this.fail(
        'nothingLeft',
        `${end.isCore ? 'the core' : 'the world'} holds ${end.name} open`,
        end.connection,
      );
    }
    for (const request of ledger.requests.values()) {
      if (
        request.settled > 1 ||
        (request.arrivals > 0 && request.settled !== 1 && !request.isLost)
      ) {
        const what = `${describe(request)} was settled ${request.settled} times`;
        this.fail('settledOnce', what, ...connectionsOf(request));
      }
      if (request.mustSucceed && request.outcome === 'open') {
        this.fail('success', `${describe(request)} never ended`, ...connectionsOf(request));
      }
      const isTunnel = request.status === 101 || request.tunnelBytes > 0;
      if (
        isTunnel &&
        request.mustSucceed &&
        request.arrivedBytes !== 0 &&
        request.arrivedBytes !== request.tunnelBytes
      ) {
        const what = `tunnel ${request.id}: ${request.arrivedBytes} of ${request.tunnelBytes} bytes came to the server`;
        this.fail('success', what, ...connectionsOf(request));
      }
    }
  }
}

function boundOf(highWaterBytes: number, replayBytes: number): number {
  return highWaterBytes + 2 * READ_BYTES_MAX + PIPELINED_BYTES + replayBytes + OVERHEAD_BYTES;
}

export function describe(request: RequestFact): string {
  return `${request.method} ${request.id}`;
}

function connectionsOf(request: RequestFact): number[] {
  return [request.connection, ...request.arrivedOn];
}
