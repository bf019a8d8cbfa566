/** What data threads do their I/O by. */

/** The best first. */
export const IO_KINDS = ['io_uring', 'epoll', 'node'] as const;
export const IO_SETTINGS = ['auto', ...IO_KINDS] as const;
export type IoKind = (typeof IO_KINDS)[number];
export type IoSetting = (typeof IO_SETTINGS)[number];

export interface IoChoice {
  readonly kind: IoKind;
  /** Why a better one is not used, a sentence; empty: there is none, or the setting asks for this. */
  readonly reason: string;
}

/** For people: `epoll (io_uring: ...)`. */
export function ioText({ kind, reason }: IoChoice): string {
  return reason === '' ? kind : `${kind} (not ${reason})`;
}
