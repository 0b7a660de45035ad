import type { Connector } from '../../host/connectors/connector.ts';
import type { Sink } from '../../host/connectors/sink.ts';
import type { Source } from '../../host/connectors/source.ts';
import type { PlannedModule } from '../../host/dataflow/planned-module.ts';
import type { FunctionDescription } from '../../host/model/module-description.ts';
import { LINE_SCHEMA, type RecordSchema } from '../../host/model/schema.ts';
import { MEAN, SUM, WORD } from './word-functions.ts';

/** A record with a field of every kind that matters to keys and times. */
export const READING: RecordSchema = {
  name: 'Reading',
  fields: [
    { name: 'sensor', type: { kind: 'string' } },
    { name: 'at', type: { kind: 'timestamp' } },
    { name: 'value', type: { kind: 'f64' } },
    { name: 'tags', type: { kind: 'list', of: { kind: 'string' } } },
    { name: 'room', type: { kind: 'optional', of: { kind: 'i32' } } },
  ],
};

const FUNCTIONS: readonly FunctionDescription[] = [
  { name: 'upper', kind: 'map', input: LINE_SCHEMA, output: LINE_SCHEMA, state: undefined },
  { name: 'long', kind: 'filter', input: LINE_SCHEMA, output: LINE_SCHEMA, state: undefined },
  { name: 'words', kind: 'flatMap', input: LINE_SCHEMA, output: WORD, state: undefined },
  { name: 'sum', kind: 'reduce', input: WORD, output: WORD, state: WORD },
  { name: 'mean', kind: 'aggregate', input: WORD, output: MEAN, state: SUM },
  { name: 'warm', kind: 'filter', input: READING, output: READING, state: undefined },
  { name: 'hottest', kind: 'reduce', input: READING, output: READING, state: READING },
];

/** A module with a function of every kind, as the planner gets it. */
export const TEXT_MODULE: PlannedModule = {
  ref: 'text@1',
  digest: 'text-digest',
  description: {
    abi: 1,
    sdk: 'fake',
    records: [LINE_SCHEMA, WORD, SUM, MEAN, READING],
    functions: FUNCTIONS,
  },
};

/** Connectors for plans that are never run: they look at their options and cannot be opened. */
export const PAPER_CONNECTORS: ReadonlyMap<string, Connector> = new Map(
  [paper('file', undefined), paper('console', 1)].map((connector) => [connector.name, connector]),
);

function paper(name: string, parallelismMax: number | undefined): Connector {
  const bound = parallelismMax === undefined ? {} : { parallelismMax };
  const missing = { ok: false, findings: [{ path: ['path'], message: 'is missing' }] } as const;
  const unopened = () => Promise.reject(new Error('a paper connector is never opened'));
  return {
    name,
    source(options) {
      if (options.path === undefined && name === 'file') return missing;
      const schema = options.format === 'lines' ? LINE_SCHEMA : undefined;
      const parts = { schema, guarantee: 'replayable', ...bound } as const;
      const value: Source = { ...parts, splits: unopened, open: unopened };
      return { ok: true, value };
    },
    sink(options) {
      if (options.path === undefined && name === 'file') return missing;
      const value: Sink = {
        guarantee: 'exactly-once',
        ...bound,
        recover: unopened,
        open: unopened,
      };
      return { ok: true, value };
    },
  };
}
