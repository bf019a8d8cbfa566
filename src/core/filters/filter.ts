import type { Failure } from '../answers/failures.ts';
import type { ClientInfo } from '../forward/client-info.ts';
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';

/** A request that has been let in and has not gone to any server, as filters see it. */
export interface FilteredRequest {
  readonly client: { readonly info: ClientInfo };
  /**
   * Answers the request, which then goes to no server.
   *
   * @param headerLines further lines of the answer's head, each with its CRLF
   */
  refuse(head: Head, code: Failure, nowMs: number, headerLines?: string): void;
}

/**
 * Looks at a request's head, which is readable during the call only, before the firewall does.
 *
 * @returns whether the request goes on; false once it has been answered
 */
export type Filter = (
  request: FilteredRequest,
  head: Head,
  framing: Framing,
  nowMs: number,
) => boolean;
