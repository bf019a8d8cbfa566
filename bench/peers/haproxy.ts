/** HAProxy with one thread and its connections to the server shared by all clients. */
import { versionOf } from '../processes.ts';
import { PEER_CONNECTIONS_MAX, type Peer, type PeerAsk } from './peer.ts';

export const haproxy: Peer = {
  name: 'haproxy',
  install: 'apt-get install haproxy',
  speaksTls: true,
  version: () => versionOf('haproxy', ['-v'], /version (\S+)/),
  command: (ask) => ({
    argv: ['haproxy', '-db', '-f', `${ask.folder}/haproxy.cfg`],
    files: { 'haproxy.cfg': config(ask) },
  }),
};

function config(ask: PeerAsk): string {
  return `
global
  nbthread 1
  maxconn ${PEER_CONNECTIONS_MAX}
  # It asks for two files a connection, which the limit may not allow and no workload needs.
  no strict-limits

defaults
  mode http
  maxconn ${PEER_CONNECTIONS_MAX}
  timeout connect 5s
  timeout client 300s
  timeout server 60s
  timeout http-keep-alive 300s
  timeout tunnel 1h
  http-reuse always
  option forwardfor

frontend clients
  bind 127.0.0.1:${ask.port} backlog 4096${ask.tls === undefined ? '' : ` ssl crt ${ask.tls.both} alpn h2,http/1.1 ssl-min-ver TLSv1.2`}
  default_backend servers

backend servers
  server one 127.0.0.1:${ask.backendPort}
`;
}
