/**
 * What a pool's servers were at one generation of the shared table: everything about a choice that
 * is the same for each request. It is made when the generation changes and never changed afterwards,
 * so that a choice can be explained later by the very thing that it was made from.
 */
import { type ServerVerdict, type Standing, VERDICT } from './server-verdict.ts';

export interface Situation<S> {
  /** All of the pool, in configuration order; the lists below go by it. */
  readonly servers: readonly S[];
  readonly standings: readonly Standing[];
  /** What is held of a server for a request that was not sent there, while it has room. */
  readonly bases: readonly ServerVerdict[];
  readonly weights: readonly number[];
  /** Percent of its share that a server gets; less than 100 while it starts slowly. */
  readonly sharePercents: readonly number[];
  /** Those the strategy picks from, in configuration order. */
  readonly usable: readonly S[];
  /** The backups serve, whether or not primaries work. */
  readonly isFailedOver: boolean;
}

/**
 * What is held of a server for one request.
 *
 * @param at its place in the lists
 * @param isTried whether the request was sent there before
 * @param isFull whether it has as many requests as it may
 */
export function verdictIn(
  situation: Situation<unknown>,
  at: number,
  isTried: boolean,
  isFull: boolean,
): ServerVerdict {
  const base = situation.bases[at]!;
  if (base < VERDICT.tried) return base;
  if (isTried) return VERDICT.tried;
  return isFull ? VERDICT.full : base;
}

/** What holds for a server while it has room: `verdictIn` of an untried one. */
export function baseOf(standing: Standing, isUsable: boolean): ServerVerdict {
  if (isUsable) return VERDICT.usable;
  return standing === VERDICT.usable ? VERDICT.standby : standing;
}
