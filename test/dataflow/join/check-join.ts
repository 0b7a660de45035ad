import { expect } from 'vitest';
import type { JoinSpec } from '../../../host/dataflow/join-spec.ts';
import type { CreateStateTable } from '../../../host/state/state-table.ts';
import { createJoinBench, type JoinRow, type Left } from '../../kit/join-bench.ts';
import type { JoinInput } from '../../kit/join-input.ts';
import type { Said } from './join-oracle.ts';

/** What says what a join should put out. */
export interface Oracle {
  rows(side: 0 | 1, rows: readonly JoinRow[]): Said[];
  watermark(timeMs: number): Said[];
  end(): Said[];
}

/** Drives the operator and the oracle in step and compares what each event gives rise to. */
export function checkJoin(
  spec: JoinSpec,
  oracle: Oracle,
  { parallelism, events }: JoinInput,
  createStateTable: CreateStateTable,
): void {
  let bench = createJoinBench({ spec, parallelism, createStateTable });
  for (const event of events) {
    if (event.kind === 'restore') {
      bench = bench.restored(event.parallelism);
      continue;
    }
    const [left, said] =
      event.kind === 'rows'
        ? [bench.rows(event.side, event.rows), oracle.rows(event.side, event.rows)]
        : [bench.watermark(event.timeMs), oracle.watermark(event.timeMs)];
    expect(left.map(leftText).sort()).toEqual(said.map(saidText).sort());
  }
  expect(bench.end().map(leftText).sort()).toEqual(oracle.end().map(saidText).sort());
  // What has been said is not said again by those who come back from here.
  expect(bench.restored(1).end()).toEqual([]);
}

function leftText({ side, record, time }: Left): string {
  const isPair = 'left' in record;
  const isRight = side === 'lateRight';
  const left = isPair ? record.left : isRight ? null : record.id;
  const right = isPair ? record.right : isRight ? record.id : null;
  return `${side} ${left ?? '-'} ${right ?? '-'} @${time ?? '-'}`;
}

function saidText({ side, left, right, time }: Said): string {
  return `${side} ${left ?? '-'} ${right ?? '-'} @${time ?? '-'}`;
}
