/** A clock that is given, never fetched. */
export interface Clock {
  /** Milliseconds that only grow, with fractions. */
  nowMs(): number;
  /** Milliseconds since 1970, for what people and protocols read. */
  wallMs(): number;
}
