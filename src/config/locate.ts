/** Where the configuration, the state and the runtime files of an instance are. */
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Settings } from './schema.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export interface LocateOptions {
  /** What `--config` said. */
  config?: string | undefined;
  env: Env;
  cwd: string;
  exists: (path: string) => boolean;
}

export type Located =
  | { found: true; file: string }
  /** What `--config` or the environment names is taken even if it is not there yet. */
  | { found: false; file: string; asked: true }
  | { found: false; tried: string[]; asked: false };

/**
 * `--config`, `$OPENCLAW_CONFIG`, `./openclaw.yml`, `$XDG_CONFIG_HOME/openclaw/openclaw.yml`,
 * `/etc/openclaw/openclaw.yml`: the first that is given, or of the last three the first that exists.
 */
export function locateConfig({ config, env, cwd, exists }: LocateOptions): Located {
  const asked = config ?? (env.OPENCLAW_CONFIG || undefined);
  if (asked !== undefined) {
    const file = resolve(cwd, asked);
    return exists(file) ? { found: true, file } : { found: false, file, asked: true };
  }
  const tried = searchPath(env, cwd);
  const file = tried.find(exists);
  return file === undefined ? { found: false, tried, asked: false } : { found: true, file };
}

function searchPath(env: Env, cwd: string): string[] {
  const configHome = env.XDG_CONFIG_HOME || join(homeOf(env), '.config');
  return [
    join(cwd, 'openclaw.yml'),
    join(configHome, 'openclaw', 'openclaw.yml'),
    '/etc/openclaw/openclaw.yml',
  ];
}

/** For keys and logs, which instances may share: `$STATE_DIRECTORY` of systemd, else as XDG says. */
export function stateDirectory(env: Env): string {
  const given = env.OPENCLAW_STATE || env.STATE_DIRECTORY?.split(':')[0];
  if (given) return given;
  return join(env.XDG_STATE_HOME || join(homeOf(env), '.local', 'state'), 'openclaw');
}

/**
 * For what belongs to the instances of one configuration file alone: its history, and what operators
 * said of its servers.
 *
 * @param file its real path; '' where the instance runs without a file
 */
export function instanceDirectory(env: Env, file: string): string {
  if (file === '') return join(stateDirectory(env), 'instances', 'demo');
  const mark = createHash('sha256').update(file).digest('hex').slice(0, 12);
  const folder = `${basename(file).slice(0, 100)}-${mark}`;
  return join(stateDirectory(env), 'instances', folder);
}

/** For the admin socket: `$RUNTIME_DIRECTORY` of systemd, else as XDG says, else the state directory. */
export function runtimeDirectory(env: Env): string {
  const given = env.OPENCLAW_RUNTIME || env.RUNTIME_DIRECTORY?.split(':')[0];
  if (given) return given;
  if (env.XDG_RUNTIME_DIR) return join(env.XDG_RUNTIME_DIR, 'openclaw');
  return join(stateDirectory(env), 'run');
}

export function adminSocket(settings: Settings, env: Env): string {
  return settings.admin.socket ?? join(runtimeDirectory(env), 'openclaw.sock');
}

export function logFile(settings: Settings, env: Env): string {
  return settings.log.file ?? join(stateDirectory(env), 'openclaw.log');
}

function homeOf(env: Env): string {
  return env.HOME || homedir();
}
