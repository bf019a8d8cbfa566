/** What `lb explain` tells: of a request that was, or of one that is made up. Plain data. */

/** Which request is to be explained. */
export type Question =
  | { readonly kind: 'past'; readonly requestId: string }
  | {
      readonly kind: 'made-up';
      readonly method: string;
      /** Path and query. */
      readonly path: string;
      /** Lines `Name: value`. */
      readonly headers: readonly string[];
      /** Address of the client. */
      readonly client: string;
    };

export interface Explanation {
  readonly requestId: string;
  /** `GET /path`; without the path where the request was like all others. */
  readonly request: string;
  readonly client: string;
  /** When it came, milliseconds since 1970. */
  readonly atMs: number;
  readonly pool: string;
  readonly strategy: string;
  /** 8 hexadecimal digits; empty where the strategy hashes by nothing. */
  readonly key: string;
  /** What was asked before a server was chosen, in order. */
  readonly rules: readonly { readonly name: string; readonly result: string }[];
  /** Where the client belonged; null where persistence is off. */
  readonly session: { readonly server: string; readonly result: string } | null;
  readonly choices: readonly ExplainedChoice[];
  /** 0 and '' of a made-up request that would go to a server. */
  readonly status: number;
  readonly failure: string;
  /** False of a tunnel or event stream that goes on, and of a made-up request. */
  readonly isOver: boolean;
  readonly durationMs: number;
}

/** What one worker answers. */
export interface ExplainAnswer {
  /** null: the worker does not remember the request, or it is none. */
  readonly explanation: Explanation | null;
  /** What is wrong with a made-up request; else empty. */
  readonly wrong: string;
}

export interface ExplainedChoice {
  /** Empty: none could be taken. */
  readonly server: string;
  readonly because: string;
  readonly candidates: readonly Candidate[];
  /** After the request came. */
  readonly atMs: number;
  /** How long it took until the head was sent, its answer came, all was over; -1: it did not. */
  readonly sentAfterMs: number;
  readonly endAfterMs: number;
  readonly connection: 'kept alive' | 'new' | '';
  /** `status 200`, `connect_refused`; empty of a made-up request. */
  readonly outcome: string;
}

export interface Candidate {
  readonly server: string;
  /** Name of its verdict: src/core/balance/server-verdict.ts. */
  readonly verdict: string;
  readonly isTaken: boolean;
  readonly reason: string;
  readonly weight: number;
  readonly backup: boolean;
  /** As the strategy saw it; -1 where it does not look at that. */
  readonly inFlight: number;
  readonly latencyMs: number;
}
