import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Census } from './input.ts';

/** What one version of the function did, read from the output alone. */
export interface VersionTally {
  lines: number;
  words: number;
}

export interface Proof {
  readonly versions: ReadonlyMap<number, VersionTally>;
  /** Lines of the input that the output lacks. */
  readonly lost: number;
  /** Lines that the output has more than once, or under two versions. */
  readonly repeated: number;
  /** Words whose counts over both versions do not add up to the independent count. */
  readonly wrong: number;
  /** Words in the output that the input does not have. */
  readonly invented: number;
}

/** A row of the job's output: how often one version of the function saw a word. */
interface OutputRow {
  readonly word: string;
  readonly version: number;
  readonly count: number;
}

/** Holds the job's committed output against the independent count. */
export async function prove(output: string, census: Census): Promise<Proof> {
  const totals = new Map<string, number>();
  const versions = new Map<number, VersionTally>();
  let repeated = 0;
  for await (const row of outputRows(output)) {
    const tally = versions.get(row.version) ?? { lines: 0, words: 0 };
    versions.set(row.version, tally);
    tally.words += row.count;
    if (row.word.startsWith('#') && census.counts.get(row.word) === 1) {
      tally.lines++;
      if (row.count !== 1 || totals.has(row.word)) repeated++;
    }
    totals.set(row.word, (totals.get(row.word) ?? 0) + row.count);
  }
  let lost = 0;
  let wrong = 0;
  for (const [word, count] of census.counts) {
    const total = totals.get(word);
    if (total === undefined && word.startsWith('#')) lost++;
    if (total !== count) wrong++;
  }
  const invented = [...totals.keys()].filter((word) => !census.counts.has(word)).length;
  return { versions, lost, repeated, wrong, invented };
}

/** Whether every record was counted once, and both versions took part. */
export function holds(proof: Proof): boolean {
  const faults = proof.lost + proof.repeated + proof.wrong + proof.invented;
  return faults === 0 && proof.versions.size === 2;
}

async function* outputRows(folder: string): AsyncIterable<OutputRow> {
  for (const name of (await readdir(folder)).filter((part) => !part.startsWith('.'))) {
    for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
      yield JSON.parse(line) as OutputRow;
    }
  }
}
