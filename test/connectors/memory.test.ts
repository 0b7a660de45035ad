import { describe, expect, test } from 'vitest';
import { memoryConnector } from '../../host/connectors/memory/memory-connector.ts';
import type { Sink } from '../../host/connectors/sink.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { sinkContract } from '../contracts/sink.ts';
import { decodeBatch } from '../kit/rows.ts';

function memorySink(): Sink {
  const checked = memoryConnector.sink!({});
  if (!checked.ok) throw new Error('no options are wrong');
  return checked.value;
}

sinkContract('memory', async () => {
  const delivered = new Map<string, string[]>();
  return {
    start: memorySink,
    baseDirectory: '/',
    visible: async () => [...delivered.values()].flat(),
    deliver(rows, key) {
      if (delivered.has(key)) return;
      delivered.set(
        key,
        decodeBatch(LINE_SCHEMA, rows).map((record) => String(record.text)),
      );
    },
  };
});

describe('memory connector', () => {
  test('takes no options', () => {
    expect(memoryConnector.sink!({ limit: 5 })).toEqual({
      ok: false,
      findings: [{ path: ['limit'], message: 'there is no option "limit"' }],
    });
  });

  test('refuses a transaction that is not one of its own', async () => {
    const context = {
      schema: LINE_SCHEMA,
      id: 'out',
      job: 'job',
      attempt: 1,
      parallelism: 1,
      baseDirectory: '/',
      deliver() {},
    };
    for (const transaction of [7, { runs: 7 }, { runs: [{ key: 'k', count: 'many', rows: '' }] }]) {
      await expect(memorySink().recover(context, [transaction])).rejects.toMatchObject({
        code: 'CHECKPOINT_CORRUPT',
      });
    }
  });
});
