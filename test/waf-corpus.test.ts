/** Attacks a person would call attacks are stopped at level 1; of harmless look-alikes under 1%. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspectSpecimen } from '../src/waf/specimen.ts';
import { Waf } from '../src/waf/waf.ts';
import { loadCorpus, loadSets } from './corpus/waf/load.ts';

const FOLDER = join(import.meta.dirname, 'corpus/waf');
const classes = loadCorpus(FOLDER);
/** Those in folders were written after the rules: docs/waf.md tells how they fared at first sight. */
const cases = loadSets(FOLDER);
const waf = new Waf();
const attacks = cases.filter((it) => it.kind === 'attacks');
const harmless = cases.filter((it) => it.kind === 'harmless');
const chats = loadCorpus(join(FOLDER, 'fifteenth')).filter((it) => it.file.startsWith('chat'));

test('the corpus holds at least forty attacks and forty look-alikes of each class', () => {
  const files = Map.groupBy(classes, (it) => it.file);
  assert.equal(files.size, 22);
  for (const [file, lines] of files) assert.ok(lines.length >= 40, `${file}: ${lines.length}`);
});

test('every attack of the corpus is stopped at level 1 with the default threshold', () => {
  const missed = attacks
    .filter((it) => !waf.blocks(inspectSpecimen(waf, it.specimen)))
    .map((it) => `${it.file}: ${it.specimen}`);
  assert.deepEqual(missed, []);
});

test('fewer than one in a hundred harmless look-alikes is stopped', () => {
  const stopped = harmless
    .filter((it) => waf.blocks(inspectSpecimen(waf, it.specimen)))
    .map((it) => `${it.file}: ${it.specimen}`);
  assert.ok(stopped.length * 100 < harmless.length, stopped.join('\n'));
});

test('of whole bodies of chats and agents fewer than one in twenty is stopped', () => {
  const stopped = chats
    .filter((it) => waf.blocks(inspectSpecimen(waf, it.specimen)))
    .map((it) => it.specimen);
  assert.ok(chats.length >= 150);
  assert.ok(stopped.length * 20 < chats.length, stopped.join('\n'));
});
