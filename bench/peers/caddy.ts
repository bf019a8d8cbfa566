/** Caddy on one processor, with as many kept-alive connections to the server as there are clients. */
import { versionOf } from '../processes.ts';
import type { Peer, PeerAsk } from './peer.ts';

export const caddy: Peer = {
  name: 'caddy',
  install: 'apt-get install caddy',
  speaksTls: false,
  version: () => versionOf('caddy', ['version'], /v?(\d\S*)/),
  command: (ask) => ({
    argv: ['caddy', 'run', '--adapter', 'caddyfile', '--config', `${ask.folder}/Caddyfile`],
    env: {
      GOMAXPROCS: '1',
      HOME: ask.folder,
      XDG_CONFIG_HOME: ask.folder,
      XDG_DATA_HOME: ask.folder,
    },
    files: { Caddyfile: config(ask) },
  }),
};

function config(ask: PeerAsk): string {
  return `
{
  admin off
  auto_https off
  grace_period 1s
  log {
    level ERROR
  }
}

http://:${ask.port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${ask.backendPort} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`;
}
