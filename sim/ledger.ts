/** What was really asked and really answered: written by clients and servers, read by invariants. */

export interface RequestFact {
  readonly id: string;
  /** Of its body's content. */
  readonly key: number;
  readonly method: string;
  readonly bodyBytes: number;
  /** What the client says in its tunnel, where it asks for one. */
  readonly tunnelBytes: number;
  readonly hasTrailer: boolean;
  /** The client's connection that it went out on. */
  readonly connection: number;
  readonly sentAtMs: number;
  /** The client does its part and the world is well: nothing but success will do. */
  mustSucceed: boolean;
  /** The firewall is to block it. */
  isAttack: boolean;
  /** The firewall has looked at its body. */
  isScreened: boolean;
  /** The client has sent all of it. */
  isSent: boolean;
  /** Body bytes that any server has received. */
  arrivedBytes: number;
  /** Heads of it that reached a server: each may have been executed. */
  arrivals: number;
  /** The server connections that it reached. */
  readonly arrivedOn: number[];
  /** Final responses that its client got. */
  answers: number;
  /** How it ended for the client. */
  outcome: 'open' | 'whole' | 'broken' | 'unanswered' | 'given up';
  status: number;
  /** For a tunnel: whether the server sends back what it gets, or ends its side at once. */
  echoes: boolean;
  /** The worker that had it at a server has died. */
  isLost: boolean;
  /** Exchanges of the core that settled for it. */
  settled: number;
}

export interface ResponseFact {
  readonly serial: number;
  readonly request: RequestFact;
  /** Of its body's content. */
  readonly key: number;
  readonly status: number;
  /** What its framing promises. */
  readonly bodyBytes: number;
  readonly hasTrailer: boolean;
  readonly connection: number;
  /** Body bytes that the core has taken from the server, as far as is known. */
  takenBytes: () => number;
  /** Where it ends in what the server wrote on its connection. */
  endsAtByte: number;
  /** Body bytes that the client has got. */
  deliveredBytes: number;
  /** Final responses that clients got of it. */
  deliveries: number;
}

const NON_IDEMPOTENT: readonly string[] = ['POST', 'PATCH'];

export class Ledger {
  readonly requests = new Map<string, RequestFact>();
  readonly responses: ResponseFact[] = [];

  addRequest(
    given: Pick<
      RequestFact,
      'method' | 'bodyBytes' | 'tunnelBytes' | 'hasTrailer' | 'connection' | 'sentAtMs'
    >,
  ): RequestFact {
    const number = this.requests.size;
    const fact: RequestFact = {
      ...given,
      id: `r${number}`,
      key: number * 2,
      mustSucceed: false,
      isAttack: false,
      isScreened: false,
      isSent: false,
      arrivedBytes: 0,
      arrivals: 0,
      arrivedOn: [],
      answers: 0,
      outcome: 'open',
      status: 0,
      echoes: false,
      isLost: false,
      settled: 0,
    };
    this.requests.set(fact.id, fact);
    return fact;
  }

  addResponse(
    given: Pick<ResponseFact, 'request' | 'status' | 'bodyBytes' | 'hasTrailer' | 'connection'>,
  ): ResponseFact {
    const serial = this.responses.length;
    const fact: ResponseFact = {
      ...given,
      serial,
      key: serial * 2 + 1,
      takenBytes: () => 0,
      endsAtByte: Number.POSITIVE_INFINITY,
      deliveredBytes: 0,
      deliveries: 0,
    };
    this.responses.push(fact);
    return fact;
  }
}

export function isUnsafe(request: RequestFact): boolean {
  return NON_IDEMPOTENT.includes(request.method);
}
