/** Who listens where, and which servers there are. */
import { parseAddress } from '../../base/address.ts';
import { formatPath, type Path } from '../walk.ts';
import { at, type CheckContext, isEvery, isLoopback, type Report } from './check.ts';

export function listeners({ settings, written }: CheckContext, report: Report): void {
  const { listen, enabled, proxy_protocol, trusted_proxies, trusted_header, security } =
    settings.load_balancing;
  if (!enabled && written(at('enabled'))) {
    report('warning', [at('enabled')], 'the load balancer is off; no listener is opened');
  }
  const taken: { address: string; path: Path }[] = [];
  const places = listen.map((address, index) => ({ address, path: at('listen', index) as Path }));
  const redirect = security.tls.redirect_http;
  if (redirect !== undefined) {
    places.push({ address: redirect, path: at('security', 'tls', 'redirect_http') });
  }
  places.push({ address: settings.admin.listen, path: ['admin', 'listen'] });
  for (const { address, path } of places) {
    const other = taken.find((one) => overlap(one.address, address));
    if (other !== undefined) {
      const shown = written(path) ? path : other.path;
      const rest = shown === path ? other : { address, path };
      report(
        'error',
        [shown, rest.path],
        `${address} is also taken by ${formatPath(rest.path)} (${rest.address})`,
        'give one of them a different port',
      );
    }
    taken.push({ address, path });
  }
  if (proxy_protocol && trusted_proxies.length === 0) {
    report(
      'error',
      [at('proxy_protocol'), at('trusted_proxies')],
      'no client is trusted to send a PROXY header, so no connection could be served',
      'list the proxies in load_balancing.trusted_proxies',
    );
  }
  if (trusted_header === 'proxy' && !proxy_protocol) {
    report(
      'error',
      [at('trusted_header')],
      "PROXY headers are not read, so every client would have the proxy's address",
      'set load_balancing.proxy_protocol to true, or name the header that the proxy writes',
    );
  }
}

export function servers({ settings }: CheckContext, report: Report): void {
  const { servers: list, weights: weighted, listen } = settings.load_balancing;
  const seen = new Map<string, number>();
  const names = new Map<string, number>();
  for (const [index, server] of list.entries()) {
    const path = at('servers', index, 'address');
    const first = seen.get(server.address);
    if (first === undefined) seen.set(server.address, index);
    else {
      report(
        'warning',
        [path, at('servers', first)],
        `${server.address} is listed twice; only the first is used`,
        'remove one of them',
      );
    }
    if (server.name !== undefined) {
      const other = names.get(server.name);
      if (other !== undefined) {
        report(
          'error',
          [at('servers', index, 'name'), at('servers', other, 'name')],
          `two servers have the name "${server.name}"`,
          'give each server its own name',
        );
      }
      names.set(server.name, index);
    }
    if (listen.some((address) => isSelf(address, server.address))) {
      report(
        'error',
        [path, at('listen')],
        `${server.address} is the address that openclaw itself listens on`,
        'set the address of the server behind it',
      );
    }
  }
  if (list.length === 0 && weighted.length === 0) {
    report(
      'warning',
      [at('servers'), at('weights')],
      'there are no servers; every request gets 503',
      'add one: openclaw config set load_balancing.servers[0] 127.0.0.1:3000',
    );
  } else if (weighted.length === 0 && list.every((server) => server.backup)) {
    report('warning', [at('servers')], 'every server is a backup; there is no primary');
  }
}

export function adminApi({ settings }: CheckContext, report: Report): void {
  const { listen, token } = settings.admin;
  const parsed = parseAddress(listen);
  if (!parsed.ok || parsed.value.kind === 'unix' || token !== undefined) return;
  if (isLoopback(parsed.value.host)) return;
  report(
    'warning',
    [
      ['admin', 'listen'],
      ['admin', 'token'],
    ],
    'without admin.token it answers only clients on this machine',
    'set admin.token, for example from the environment',
  );
}

/** Whether both cannot be listened on: the same port on the same or on every interface. */
function overlap(one: string, other: string): boolean {
  if (one === other) return true;
  const [a, b] = [parseAddress(one), parseAddress(other)];
  if (!a.ok || !b.ok || a.value.kind !== 'tcp' || b.value.kind !== 'tcp') return false;
  if (a.value.port !== b.value.port) return false;
  return isEvery(a.value.host) || isEvery(b.value.host);
}

function isSelf(listen: string, server: string): boolean {
  const [a, b] = [parseAddress(listen), parseAddress(server)];
  if (!a.ok || !b.ok) return false;
  if (a.value.kind === 'unix' || b.value.kind === 'unix') return listen === server;
  if (a.value.port !== b.value.port) return false;
  return a.value.host === b.value.host || (isEvery(a.value.host) && isLoopback(b.value.host));
}
