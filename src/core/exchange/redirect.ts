import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { Exchange } from './exchange.ts';

const HTTPS_PORT = 443;

/**
 * On an address that is there for it, sends the client on to HTTPS at the same host. 308 keeps the
 * method and the body (RFC 9110 §15.4.9).
 *
 * @returns whether the request goes on
 */
export function sendOn(exchange: Exchange, head: Head, framing: Framing, nowMs: number): boolean {
  const { redirectPort } = exchange.client.via;
  if (redirectPort === 0) return true;
  const { absolute } = framing;
  const authority = absolute?.authority ?? hostOf(exchange, head);
  const host = authority.replace(/:\d*$/, '');
  const port = redirectPort === HTTPS_PORT ? '' : `:${redirectPort}`;
  const path = absolute?.path ?? (head.target().startsWith('/') ? head.target() : '/');
  exchange.requestText = `${head.method} ${head.target()} HTTP/1.1\r\n`;
  exchange.answer('https_only', nowMs, `Location: https://${host}${port}${path}\r\n`);
  return false;
}

function hostOf({ client }: Exchange, head: Head): string {
  const index = head.find(NAME.host);
  const host = index === -1 ? '' : head.value(index);
  return host === '' ? client.via.localAuthority() : host;
}
