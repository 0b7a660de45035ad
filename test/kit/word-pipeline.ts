import { expect } from 'vitest';
import type { RowObject } from '../../host/abi/row-object.ts';
import type { Pipeline } from '../../host/dataflow/pipeline.ts';

const WORDS = ['the', 'mill', 'race', 'runs', 'on', 'and', 'water', 'wheel', 'sluice', 'grist'];
const WORDS_A_LINE = 6;

export interface WordPipelineOptions {
  readonly lines: number;
  /** Lines a second; as fast as they are taken unless given. */
  readonly rate?: number;
  /** Records after which each reader waits for `JobBench.openGate`, so that the job does not end before. */
  readonly hold?: number;
  readonly checkpoint?: Pipeline['checkpoint'];
}

/** Generated lines → words → counts by word, one result per word → memory sink `out`. */
export function wordPipeline(options: WordPipelineOptions): Omit<Pipeline, 'name'> {
  const { lines, rate, hold, checkpoint } = options;
  return {
    checkpoint: checkpoint ?? { every: 'off' },
    sources: {
      lines: {
        connector: hold === undefined ? 'generator' : 'gated',
        ...(hold === undefined ? {} : { hold }),
        count: lines,
        splits: 4,
        ...(rate === undefined ? {} : { rate }),
        fields: { text: { words: { of: WORDS, count: WORDS_A_LINE } } },
      },
    },
    steps: {
      words: { flatMap: 'text.words', from: 'lines' },
      counts: { reduce: 'text.sum', from: 'words', key: 'word' },
    },
    sinks: { out: { from: 'counts', connector: 'memory' } },
  };
}

/** Holds that every word was counted once and every count put out once: the results of a word are 1, 2, 3 … */
export function expectEveryCountOnce(records: readonly RowObject[], lines: number): void {
  const counts = new Map<unknown, number[]>();
  for (const { word, count } of records) {
    counts.set(word, [...(counts.get(word) ?? []), Number(count)]);
  }
  for (const [word, list] of counts) {
    const sorted = list.toSorted((a, b) => a - b);
    const gap = sorted.findIndex((count, i) => count !== i + 1);
    expect(gap, `counts of "${word}" go wrong after ${gap}: ${sorted.slice(gap, gap + 3)}`).toBe(
      -1,
    );
  }
  expect(records.length).toBe(lines * WORDS_A_LINE);
}
