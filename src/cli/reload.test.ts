import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReloadReport } from '../control/operate/reloader.ts';
import { reportText } from './reload.ts';

const REPORT: ReloadReport = {
  changes: [{ path: 'load_balancing.servers', before: ['a:1', 'b:1'], after: ['b:1'] }],
  impact: {
    joining: [],
    leaving: ['a:1'],
    underWayAtLeaving: 0,
    underWay: 0,
    movedKeysPercent: 0,
    leavesNoServer: true,
    needRestart: [],
  },
  confirmBefore: null,
  warning: '',
};

test('a reload that leaves no server that works is warned of, before and after', () => {
  assert.match(reportText(REPORT, 'planned'), /warning: no working server would be left/);
  assert.match(reportText(REPORT, 'applied'), /warning: no working server is left/);
  const harmless = { ...REPORT, impact: { ...REPORT.impact, leavesNoServer: false } };
  assert.doesNotMatch(reportText(harmless, 'planned'), /warning/);
});
