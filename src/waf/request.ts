/** A request as the firewall is shown it, however the caller keeps it. */

/** The header fields, in the order in which they came; a name may come more than once. */
export interface HeaderList {
  readonly length: number;
  /** In any case. */
  name(index: number): string;
  value(index: number): string;
}

export interface HeadView {
  readonly method: string;
  /** The request target as it stood in the request line, undecoded. */
  readonly target: string;
  readonly headers: HeaderList;
}

export interface BodyView {
  /** The request target, for exclusions by path. */
  readonly target: string;
  /** The Content-Type header, empty without one. */
  readonly contentType: string;
  /** The body or its beginning, content codings undone. */
  readonly bytes: Uint8Array;
  /** Whether the body goes on beyond `bytes`. */
  readonly isTruncated: boolean;
}

/** Header fields that are kept as pairs of name and value. */
export function headerList(pairs: readonly (readonly [string, string])[]): HeaderList {
  return {
    length: pairs.length,
    name: (index) => pairs[index]![0],
    value: (index) => pairs[index]![1],
  };
}
