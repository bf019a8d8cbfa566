import type { SimClock } from './clock.ts';
import type { Invariants } from './invariants.ts';
import type { Ledger } from './ledger.ts';
import type { Network } from './network.ts';

/** What everyone in the simulation shares. */
export interface World {
  readonly clock: SimClock;
  readonly network: Network;
  readonly ledger: Ledger;
  readonly invariants: Invariants;
  /** A firewall looks at bodies. */
  readonly screens: boolean;
  /** Faults happen now; from `healAtMs` on, or in a calm run, they do not. */
  isTroubled: boolean;
  /** No faults happen, and those that did have no consequences any more. */
  isWell: boolean;
}
