import { parseAddress } from '../../base/address.ts';

/** Of a listener or a server; `path` of a unix socket, else ''. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** @param text canonical, as the settings hold it @throws TypeError where it is not */
export function canonicalAddress(text: string): HostAndPort {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new TypeError(`${text}: ${parsed.reason}`);
  const address = parsed.value;
  if (address.kind === 'unix') return { host: '', port: 0, path: address.path };
  return { host: address.host, port: address.port, path: '' };
}
