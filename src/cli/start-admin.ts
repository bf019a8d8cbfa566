import { AdminServer, type AdminServerOptions } from '../admin/admin-server.ts';
import { parseAddress } from '../base/address.ts';
import { printableLines } from '../base/printable.ts';
import { adminSocket } from '../config/locate.ts';
import type { Settings } from '../config/schema.ts';
import { refusal } from './start-config.ts';

/**
 * Opens the admin API on its TCP address and its unix socket.
 *
 * @throws CommandError when the TCP address cannot be opened
 */
export async function openAdmin(
  settings: Settings,
  options: AdminServerOptions,
): Promise<AdminServer> {
  const { listen } = settings.admin;
  const admin = new AdminServer(options);
  try {
    await admin.listen(hostAndPort(listen));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw refusal(
      code === 'EADDRINUSE'
        ? `cannot listen on ${listen} for the admin API: another program is already listening there, perhaps another openclaw. Set another address in admin.listen.`
        : `cannot listen on ${listen} for the admin API: ${code ?? error}. Set another address in admin.listen.`,
    );
  }
  await openSocket(settings, admin);
  return admin;
}

function hostAndPort(address: string): { host: string; port: number } {
  const parsed = parseAddress(address);
  if (!parsed.ok || parsed.value.kind !== 'tcp') {
    throw refusal('admin.listen is a TCP address', 'for a unix socket there is admin.socket');
  }
  return parsed.value;
}

/** The commands can talk to the TCP address too, so an instance does without its socket. */
async function openSocket(settings: Settings, admin: AdminServer): Promise<void> {
  const path = adminSocket(settings, process.env);
  try {
    await admin.listenUnix(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message =
      code === 'EADDRINUSE'
        ? `openclaw: another instance is listening on ${path}: use --config FILE to reach this one by its TCP address. Give each instance its own path in admin.socket.\n`
        : `openclaw: cannot open the admin socket ${path}: ${code ?? error}. Set another path in admin.socket.\n`;
    process.stderr.write(printableLines(message));
  }
}
