/** nginx as one who knows it would set it up: kept-alive upstreams, no disk, room for large answers. */
import { userInfo } from 'node:os';
import { versionOf } from '../processes.ts';
import { type Certificate, PEER_FILES_MAX, type Peer, type PeerAsk } from './peer.ts';

export const nginx: Peer = nginxPeer('nginx', 1);

export function nginxPeer(name: string, workers: number): Peer {
  return {
    name,
    install: 'apt-get install nginx',
    speaksTls: true,
    version: () => versionOf('nginx', ['-v'], /nginx\/(\S+)/),
    command: (ask) => ({
      argv: ['nginx', '-e', 'stderr', '-p', ask.folder, '-c', `${ask.folder}/nginx.conf`],
      files: { 'nginx.conf': config(ask, workers) },
    }),
  };
}

function config(ask: PeerAsk, workers: number): string {
  return `
${nginxMain(ask.folder, workers)}
events { worker_connections ${PEER_FILES_MAX}; }
http {
  ${nginxHttp(ask.folder)}
  upstream servers {
    server 127.0.0.1:${ask.backendPort};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  proxy_http_version 1.1;
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header Connection "";
  proxy_max_temp_file_size 0;
  server {
    listen 127.0.0.1:${ask.port} backlog=4096${workers > 1 ? ' reuseport' : ''}${ask.tls === undefined ? '' : ' ssl http2'};
    ${ask.tls === undefined ? '' : tlsLines(ask.tls)}
    location / {
      proxy_pass http://servers;
    }
    location /large/ {
      proxy_pass http://servers;
      # The best of seven sizes that were tried, for answers of 64 KB and of 1 MB.
      proxy_buffer_size 256k;
      proxy_buffers 4 256k;
      proxy_busy_buffers_size 512k;
    }
    location /websocket {
      proxy_pass http://servers;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}
`;
}

/** Mozilla's intermediate profile, and a cache of sessions. */
function tlsLines({ cert, key }: Certificate): string {
  return `
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    ssl_session_cache shared:sessions:10m;`;
}

/** The main section of an nginx that keeps to its folder; the backend's too. */
export function nginxMain(folder: string, workers = 1): string {
  const user = userInfo();
  return `
worker_processes ${workers};
${user.uid === 0 ? `user ${user.username};` : ''}
daemon off;
pid ${folder}/nginx.pid;
error_log stderr crit;
worker_rlimit_nofile ${PEER_FILES_MAX};`;
}

/** What every http section of the bench says; the backend's too. */
export function nginxHttp(folder: string): string {
  return `
  access_log off;
  default_type text/plain;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  client_body_buffer_size 64k;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;`;
}
