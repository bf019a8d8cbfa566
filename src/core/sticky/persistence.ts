/**
 * The contract between session persistence and the rest: how a client is known again, and which
 * server it belongs to. Whether that server may serve is decided outside, once for all kinds
 * (Pool.chooseBound): persistence comes before the strategy, health before persistence.
 */
import type { ServerVerdict } from '../balance/server-verdict.ts';
import type { Head } from '../http1/head.ts';

/** One way to know clients again; one instance for a pool and worker. */
export interface Persistence {
  /**
   * Looks where a request's client belongs: sets `binding.row`, -1 where it belongs nowhere yet.
   * What is ours alone is dropped from the head (`Head.drop`), and `binding.requestLines` holds
   * what has to stand there instead.
   *
   * @param head readable during the call only
   * @param wallMs milliseconds since 1970
   */
  find(
    head: Head,
    client: StickyClient,
    servers: ServerVerdicts,
    binding: Binding,
    wallMs: number,
  ): void;
  /**
   * A server was chosen, for the first time or anew. Sets `binding.row` to it; or, where another
   * worker bound the client in the same moment, to the server that it is bound to.
   */
  bind(row: number, binding: Binding, wallMs: number): void;
  /**
   * The response begins, and goes to the client with what this gives.
   *
   * @param head of the server's response; a field in it that would undo the binding is dropped
   * @returns header lines, or ''
   */
  respond(head: Head, binding: Binding): string;
}

/** The client's side of a connection, as far as persistence knows it. */
export interface StickyClient {
  /** The client of the request, behind trusted proxies too. */
  readonly clientAddress: string;
  /** The session cookie that it last brought, once verified; null before the first. */
  checkedCookie: CheckedCookie | null;
}

/** A cookie's value and what verifying it has shown, so that a kept-alive client's is verified once. */
export interface CheckedCookie {
  /** Under whose keys and servers. */
  readonly by: Persistence;
  readonly value: string;
  /** -1: forged, malformed, or of a server that is configured no more. */
  readonly row: number;
  readonly issuedS: number;
  /** Signed by the key that signs, not by one that is only still accepted. */
  readonly isCurrent: boolean;
}

/** A server as persistence sees it. */
export interface BindableServer {
  /** In the shared table. */
  readonly row: number;
  /** Its address: the same in every worker and instance. */
  readonly name: string;
  readonly weight: number;
  readonly backup: boolean;
}

/** Says whether a server may be given a request. */
export interface ServerVerdicts {
  verdictOf(row: number): ServerVerdict;
}

/** Where the client of one exchange belongs, and what the next hops are told of it. */
export class Binding {
  /** Where the client belongs; -1: nowhere yet. */
  row = -1;
  /** 32-bit hash of the client's address, where it is known by that. */
  key = 0;
  /** The server that the client's own cookie names, if it need not be renewed; else -1. */
  heldRow = -1;
  /** Header lines for the server, in place of those dropped. */
  requestLines = '';
  /** Header lines for the client. */
  responseLines = '';

  /** Its client's binding is looked at and does not count as used. */
  isMadeUp = false;

  /** Another request begins. */
  begin(isMadeUp = false): void {
    this.isMadeUp = isMadeUp;
    this.row = -1;
    this.heldRow = -1;
    this.requestLines = '';
    this.responseLines = '';
  }
}
