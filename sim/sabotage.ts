/** The end of a connection that the core writes to. */
export interface Written {
  readonly name: string;
  end(): void;
}

/**
 * Faults put between the core and the network on purpose, as if the core had them: by these the
 * tests show that each invariant can fail.
 */
export interface Sabotage {
  /** What is written instead of one write of the core. */
  readonly write?: (endpoint: Written, bytes: Buffer) => readonly Buffer[];
  /** `pause` does nothing. */
  readonly ignoresPause?: boolean;
  /** `reset` closes as if all were well. */
  readonly endsProperly?: boolean;
  readonly losesDrains?: boolean;
  /** Servers are chosen whatever the table says. */
  readonly choosesBlindly?: boolean;
  /** A trial is sent whether or not one is under way. */
  readonly claimsTrialsBlindly?: boolean;
  /** What is written is not copied, though the memory that it lies in is used again. */
  readonly keepsReferences?: boolean;
  readonly settlesTwice?: boolean;
  /** What the firewall would block goes on. */
  readonly ignoresVerdict?: boolean;
  /** Bodies go on before the firewall has spoken. */
  readonly screensLate?: boolean;
  /** A request is entered in the table and never leaves it. */
  readonly leaksCounter?: boolean;
  /** Who came last goes first. */
  readonly queuesBackwards?: boolean;
  /** Queues are not looked at with each tick. */
  readonly losesTicks?: boolean;
  /** The core is told of other bounds than it is held to. */
  readonly waitsLonger?: boolean;
  readonly ignoresBounds?: boolean;
  /** A reload takes no server out. */
  readonly keepsServers?: boolean;
  /** All listeners have the same route. */
  readonly mixesRoutes?: boolean;
  /** What a dead worker had in flight stays on the counts. */
  readonly remembersDead?: boolean;
  /** A piece of a body on an HTTP/2 stream is lost every now and then. */
  readonly losesStreamPieces?: boolean;
  /** An HTTP/2 stream that is reset ends as if all were well. */
  readonly endsStreamsProperly?: boolean;
  /** `pause` of an HTTP/2 stream does nothing. */
  readonly ignoresStreamPause?: boolean;
  /** A timer is set that belongs to nobody. */
  readonly leaksTimer?: boolean;
}
