/**
 * The corpus: files named for a class, `.attacks.txt` and `.harmless.txt`, a specimen a line. What
 * stands `everywhere` is four specimens: a value of a query, of a form, of JSON and of multipart.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Case {
  readonly file: string;
  readonly kind: 'attacks' | 'harmless';
  readonly specimen: string;
}

/** Every line of the files in a folder of the corpus. */
export function loadCorpus(folder: string): Case[] {
  const cases: Case[] = [];
  for (const file of readdirSync(folder).sort()) {
    const kind = /\.(attacks|harmless)\.txt$/.exec(file)?.[1] as Case['kind'] | undefined;
    if (!kind) continue;
    for (const specimen of readFileSync(join(folder, file), 'utf8').split('\n')) {
      if (specimen === '' || specimen.startsWith('# ')) continue;
      for (const each of places(specimen)) cases.push({ file, kind, specimen: each });
    }
  }
  return cases;
}

const EVERYWHERE = 'everywhere';

function places(specimen: string): string[] {
  if (!specimen.startsWith(EVERYWHERE)) return [specimen];
  const rest = specimen.slice(EVERYWHERE.length);
  return ['query', 'form', 'json', 'multipart'].map((place) => place + rest);
}

/** The same of the folder and of each folder within it: sets that were written one after the other. */
export function loadSets(folder: string): Case[] {
  const sets = readdirSync(folder, { withFileTypes: true }).filter((it) => it.isDirectory());
  return [folder, ...sets.map((it) => join(folder, it.name))].flatMap(loadCorpus);
}
