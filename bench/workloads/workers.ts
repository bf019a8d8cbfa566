/** Two workers against one, under the same load: openclaw and, to see what the machine lets it, nginx. */
import { nginxPeer } from '../peers/nginx.ts';
import { openclaws } from '../peers/openclaw.ts';
import { httpWorkload } from './http.ts';
import type { Workload } from './workload.ts';

const TITLES = ['1 worker', '2 workers'] as const;

export const workers: Workload = {
  ...httpWorkload(
    'workers',
    '128 kept-alive connections, answers of 130 bytes, two workers against one',
    { path: '/small', connections: 128 },
  ),
  note:
    'With fewer than four cores, proxy, load and backend share two: a second worker cannot answer ' +
    'twice as many then, and the CPU time of a request is the figure to read. With a core for each ' +
    'worker, two answer 2 / (ratio of CPU µs) times as many as one.',
  needsTwoCores: true,
  contest: (ios) => {
    const [one, two] = [1, 2].map((count) => [
      ...openclaws(ios, { workers: count }, ` ${TITLES[count - 1]}`),
      nginxPeer(`nginx ${TITLES[count - 1]}`, count),
    ]) as [ReturnType<typeof openclaws>, ReturnType<typeof openclaws>];
    return {
      peers: one.flatMap((peer, at) => [peer, two[at]!]),
      comparisons: one.map((peer, at) => [two[at]!.name, peer.name] as const),
    };
  },
};
