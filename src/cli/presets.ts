/** Configurations to begin with, for `openclaw init`. */
import { SCHEMA_URL } from '../config/schema-url.ts';

export interface PresetAnswers {
  listen: string;
  servers: readonly string[];
}

export interface Preset {
  summary: string;
  answers: PresetAnswers;
  body: (answers: PresetAnswers) => string;
}

export const PRESETS: Record<string, Preset> = {
  web: {
    summary: 'web sites and APIs: plain requests to identical servers',
    answers: { listen: '0.0.0.0:8080', servers: ['127.0.0.1:3000', '127.0.0.1:3001'] },
    body: (answers) => `load_balancing:
${common(answers)}
  # The server with the fewest requests under way gets the next one.
  strategy: least_connections

  health_check:
    endpoint: /
    interval: 5s
    timeout: 2s
    http:
      expected_status: 200-399

  failover:
    circuit_breaker:
      failure_threshold: 5
      recovery_timeout: 30s
`,
  },
  websocket: {
    summary: 'long-lived connections: WebSockets and event streams, one server for each client',
    answers: { listen: '0.0.0.0:8080', servers: ['127.0.0.1:3000', '127.0.0.1:3001'] },
    body: (answers) => `load_balancing:
${common(answers)}
  strategy: least_connections

  timeout:
    # Silence on a WebSocket or an event stream; pings of either side count as life.
    stream: 1h
    # A reload or a stop waits this long for open connections.
    drain: 2m

  health_check:
    endpoint: /
    http:
      expected_status: 200-399

  # A client that connects again comes back to its server.
  session_persistence:
    type: cookie
    cookie:
      name: openclaw_session
      expires: 24h

  failover:
    slow_start: 30s
`,
  },
  'agent-gateway': {
    summary: 'several OpenClaw gateways or other AI agents: long streams, sticky sessions',
    answers: { listen: '0.0.0.0:8080', servers: ['127.0.0.1:18789', '127.0.0.1:19789'] },
    body: (
      answers,
    ) => `# Each gateway needs our address in its gateway.trustedProxies: docs/agent-gateways.md
load_balancing:
${common(answers)}
  # A session lives in one gateway, and its client must come back to it: programs keep no cookie
  # and are known by their address, browsers by the cookie wherever they are.
  strategy: ip_hash
  session_persistence:
    type: cookie
    cookie:
      name: openclaw_session
      expires: 7d

  timeout:
    # An agent may think for a long time before its first byte.
    read: 10m
    # Silence on a WebSocket or an event stream; the ticks of a gateway count as life.
    stream: 6h
    # A stop closes open WebSockets in order, spread over this time.
    drain: 5m

  health_check:
    # Not ready: it starts, it ends, or one of its channels is broken. /healthz asks for life alone.
    endpoint: /readyz
    interval: 5s
    timeout: 2s
    # Where none is ready, they are used all the same.
    panic_threshold: 1

  performance:
    rate_limiting:
      max_connections_per_ip: 200
      max_requests_per_second_per_ip: 100

  failover:
    # A prompt that was sent is not sent twice.
    retries: 1
`,
  },
};

/** The whole file; its first line tells editors where the schema is. */
export function presetText(preset: Preset, answers: PresetAnswers): string {
  return `# yaml-language-server: $schema=${SCHEMA_URL}\n${preset.body(answers)}`;
}

function common({ listen, servers }: PresetAnswers): string {
  const list = servers.map((server) => `    - ${JSON.stringify(server)}`).join('\n');
  return `  listen: ${JSON.stringify(listen)}\n  servers:\n${list}\n`;
}
