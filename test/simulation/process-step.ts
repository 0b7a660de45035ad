import { ProcessTimers } from '../../host/dataflow/operators/process/process-timers.ts';
import { entryRecord, stateRecord } from '../../host/model/process-description.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { FakeContext, FakeProcess } from '../kit/fake-process.ts';
import type { FakeFunction } from '../kit/fake-sandbox.ts';
import type { PlantedBug } from './planted-bugs.ts';

/** Behind all records: a timer that fires when the input has ended. */
const END_MS = 10 ** 15;

/**
 * What the reducing step of the workload does, as process functions: `each` emits after every record, `last` by a timer at the end. The
 * last record of a key is a value state, what its records come to are entries of a map state.
 */
export function processFunctions(
  event: RecordSchema,
  { digest, reset }: { readonly digest: string; readonly reset: number },
): FakeFunction[] {
  const states = [
    { name: 'last', kind: 'value', type: { kind: 'record', record: event }, ttlMs: undefined },
  ] as const;
  const maps = [
    {
      name: 'totals',
      entry: entryRecord({ kind: 'string' }, { kind: 'i64' }),
      ...{ broadcast: false, ttlMs: undefined },
    },
  ];
  const process = { second: undefined, states, maps, sides: [], metrics: [] };
  const fold: FakeProcess['process'] = (record, context) => {
    const last = context.get('last') as { readonly value: number } | null;
    if (last?.value === reset)
      for (const [name] of totals(context).entries()) totals(context).delete(name);
    const count = add(context, 'count', 1);
    const sum = add(context, 'sum', Number(record.value));
    context.set('last', { ...record, count, sum, by: digest });
  };
  const body = (emitEach: boolean): FakeProcess => ({
    kind: 'process',
    process(record, context) {
      if (!emitEach && context.get('last') === null) context.setTimer(END_MS);
      fold(record, context);
      if (emitEach) context.emit(context.get('last') as never);
    },
    onTimer: (_, __, context) => context.emit(context.get('last') as never),
  });
  const described = { input: event, output: event, state: stateRecord(states), process };
  return [
    { ...described, name: 'each', body: { process: body(true) } },
    { ...described, name: 'last', body: { process: body(false) } },
  ];
}

function totals(context: FakeContext) {
  return context.map('totals');
}

function add(context: FakeContext, name: string, by: number): number {
  const total = Number(totals(context).get(name) ?? 0) + by;
  totals(context).set(name, BigInt(total));
  return total;
}

export const PLANTED_PROCESS_BUGS: readonly PlantedBug[] = [
  {
    name: 'timers are not restored',
    patch() {
      const { restore } = ProcessTimers.prototype;
      ProcessTimers.prototype.restore = () => {};
      return () => {
        ProcessTimers.prototype.restore = restore;
      };
    },
  },
];
