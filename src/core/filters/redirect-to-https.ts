import type { ClientInfo } from '../forward/client-info.ts';
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { FilteredRequest } from './filter.ts';

const HTTPS_PORT = 443;

/**
 * On an address that is there for it, sends the client to HTTPS at the same host. 308 keeps the
 * method and the body (RFC 9110 §15.4.9).
 */
export function redirectToHttps(
  request: FilteredRequest,
  head: Head,
  framing: Framing,
  nowMs: number,
): boolean {
  const { info } = request.client;
  const { redirectPort } = info;
  if (redirectPort === 0) return true;
  const { absolute } = framing;
  const authority = absolute?.authority ?? hostOf(info, head);
  const host = authority.replace(/:\d*$/, '');
  const port = redirectPort === HTTPS_PORT ? '' : `:${redirectPort}`;
  const path = absolute?.path ?? (head.target().startsWith('/') ? head.target() : '/');
  request.refuse(head, 'https_only', nowMs, `Location: https://${host}${port}${path}\r\n`);
  return false;
}

function hostOf(clientInfo: ClientInfo, head: Head): string {
  const index = head.find(NAME.host);
  const host = index === -1 ? '' : head.value(index);
  return host === '' ? clientInfo.peer.localAuthority() : host;
}
