/** Every proxy that the bench can run. To add one: its file, and its line here. */
import { caddy } from './caddy.ts';
import { haproxy } from './haproxy.ts';
import { httpProxy3 } from './http-proxy-3.ts';
import { nginx } from './nginx.ts';
import type { Peer } from './peer.ts';

export const PEERS: readonly Peer[] = [nginx, haproxy, caddy, httpProxy3];
