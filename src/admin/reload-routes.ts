/** What the admin API offers for taking a changed configuration over. */
import { parseDuration } from '../base/units.ts';
import { type Path, parsePath, schemaAt } from '../config/walk.ts';
import { CONFIRM_MS_MAX, type Reloader } from '../control/operate/reloader.ts';
import { type AdminRoute, type Call, ok, type Reply, wrong } from './routes.ts';

export function reloadRoutes(reloader: Reloader): AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/config/plan',
      help: 'what a reload would do; ?section=PATH for a part',
      handle: (call) => withSection(call, (section) => ok(reloader.plan(section))),
    },
    {
      method: 'POST',
      path: '/config/reload',
      help: 'apply the file; ?section=PATH for a part, ?confirm=60s to undo it unless confirmed',
      handle: (call) => {
        const confirm = call.query.get('confirm') ?? '0s';
        const parsed = parseDuration(confirm);
        if (!parsed.ok) return wrong(400, 'bad_duration', `?confirm=60s: ${parsed.reason}`);
        if (parsed.value > CONFIRM_MS_MAX) {
          return wrong(400, 'bad_duration', '?confirm is at most one day');
        }
        return withSection(call, async (section) =>
          ok(await reloader.reload(section, parsed.value)),
        );
      },
    },
    {
      method: 'POST',
      path: '/config/confirm',
      help: 'confirm the pending reload',
      handle: () =>
        reloader.confirm()
          ? ok({ confirmed: true })
          : wrong(409, 'nothing_to_confirm', 'no reload is waiting for confirmation'),
    },
  ];
}

/** What is wrong with the file, or keeps it from being applied, is the caller's to mend: 422. */
async function withSection(
  { query }: Call,
  handle: (section: Path) => Reply | Promise<Reply>,
): Promise<Reply> {
  const text = query.get('section') ?? '';
  const section = text === '' ? [] : parsePath(text);
  if (schemaAt(section) === undefined) {
    return wrong(400, 'unknown_section', `there is no setting "${text}"`);
  }
  try {
    return await handle(section);
  } catch (error) {
    return wrong(422, 'not_applied', error instanceof Error ? error.message : String(error));
  }
}
