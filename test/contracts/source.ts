import { describe, expect, test } from 'vitest';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import type { Split } from '../../host/connectors/source.ts';
import { openReading, readAll, type SourceSetup } from '../kit/source-reading.ts';

/** Bytes asked for per poll: small, so that a source of a few hundred rows gives many places to stop. */
const BYTES_MAX = 256;

/**
 * What every source promises (`host/connectors/source.ts`). `create` makes a bounded source with at least two splits and
 * at least twenty records; it is called for each test, and every call yields the same records.
 */
export function sourceContract(name: string, create: () => Promise<SourceSetup>): void {
  describe(`source contract: ${name}`, () => {
    test('lists the same splits every time, each with an id of its own and no position', async () => {
      const { source, baseDirectory } = await create();
      const splits = await source.splits(baseDirectory);
      expect(await source.splits(baseDirectory)).toEqual(splits);
      expect(splits.length).toBeGreaterThan(1);
      expect(new Set(splits.map((split) => split.id)).size).toBe(splits.length);
      expect(splits.every((split) => split.position === undefined)).toBe(true);
    });

    test('yields valid rows of its schema without tags', async () => {
      const setup = await create();
      const rows = await readAll(setup);
      expect(rows.length).toBeGreaterThanOrEqual(20);
      const validate = createRowValidator(setup.schema);
      const bytes = new Uint8Array(Buffer.from(rows.join(''), 'latin1'));
      expect(validate(bytes, rows.length)).toBeUndefined();
    });

    test('yields the same records at any parallelism', async () => {
      const setup = await create();
      const expected = [...(await readAll(setup))].sort();
      const splits = await setup.source.splits(setup.baseDirectory);
      for (const parallelism of [2, 3, splits.length + 1]) {
        const rows: string[] = [];
        for (let task = 0; task < parallelism; task++) {
          const own = splits.filter((_, i) => i % parallelism === task);
          const reading = await openReading(setup, own, task);
          rows.push(...(await reading.rest()));
          await reading.reader.close();
        }
        expect(rows.sort()).toEqual(expected);
      }
    });

    test('goes on in each split exactly behind the records polled, in order, from every stop', async () => {
      const setup = await create();
      for (const split of await setup.source.splits(setup.baseDirectory)) {
        const { rows, stops } = await readWithStops(setup, [split]);
        for (const { taken, splits } of stops) {
          const reading = await openReading(setup, splits);
          expect(await reading.rest()).toEqual(rows.slice(taken));
          await reading.reader.close();
        }
      }
    });

    test('goes on in all splits exactly behind the records polled, from every stop', async () => {
      const setup = await create();
      const { rows, stops } = await readWithStops(setup);
      expect(stops.length).toBeGreaterThan(3);
      for (const { taken, splits } of stops) {
        const reading = await openReading(setup, splits);
        expect([...(await reading.rest())].sort()).toEqual(rows.slice(taken).sort());
        await reading.reader.close();
      }
    });

    test('lets other readers go on, one per split, from every stop', async () => {
      const setup = await create();
      const { rows, stops } = await readWithStops(setup);
      for (const { taken, splits } of stops) {
        const rest: string[] = [];
        for (const split of splits) {
          const reading = await openReading(setup, [split]);
          rest.push(...(await reading.rest()));
          await reading.reader.close();
        }
        expect(rest.sort()).toEqual(rows.slice(taken).sort());
      }
    });

    test('keeps all splits in its snapshots, in order, with their specs', async () => {
      const setup = await create();
      const splits = await setup.source.splits(setup.baseDirectory);
      const withoutPosition = ({ id, spec }: Split) => ({ id, spec });
      for (const stop of (await readWithStops(setup)).stops) {
        expect(stop.splits.map(withoutPosition)).toEqual(splits.map(withoutPosition));
      }
    });

    test('hands over about as many bytes as it is asked for', async () => {
      const setup = await create();
      const longest = Math.max(...(await readAll(setup)).map((row) => row.length));
      const reading = await openReading(setup, await setup.source.splits(setup.baseDirectory));
      for (let result = 'more'; result !== 'end'; ) {
        const polled = await reading.poll(BYTES_MAX);
        const bytes = polled.rows.reduce((sum, row) => sum + row.length, 0);
        expect(bytes).toBeLessThan(BYTES_MAX + longest);
        result = polled.result;
      }
      await reading.reader.close();
    });

    test('stays at its end', async () => {
      const setup = await create();
      const reading = await openReading(setup, await setup.source.splits(setup.baseDirectory));
      await reading.rest();
      expect(await reading.poll()).toEqual({ result: 'end', rows: [] });
      const again = await openReading(setup, overJson(reading.reader.snapshot()));
      expect(await again.rest()).toEqual([]);
      await reading.reader.close();
      await again.reader.close();
    });

    test('ends at once without splits', async () => {
      const reading = await openReading(await create(), []);
      expect(await reading.poll()).toEqual({ result: 'end', rows: [] });
      expect(reading.reader.snapshot()).toEqual([]);
      await reading.reader.close();
    });

    test('reports a lag that falls to zero, where it knows one', async () => {
      const setup = await create();
      const reading = await openReading(setup, await setup.source.splits(setup.baseDirectory));
      let lag = reading.reader.lagBytes?.();
      if (lag !== undefined) expect(lag).toBeGreaterThan(0);
      for (let result = 'more'; result !== 'end'; ) {
        result = (await reading.poll(BYTES_MAX)).result;
        const next = reading.reader.lagBytes?.();
        if (lag !== undefined) expect(next).toBeLessThanOrEqual(lag);
        lag = next;
      }
      if (lag !== undefined) expect(lag).toBe(0);
      await reading.reader.close();
    });
  });
}

/** All rows in order, and for the start and after each poll how many were taken and what the snapshot was. */
async function readWithStops(setup: SourceSetup, only?: readonly Split[]) {
  const all = await setup.source.splits(setup.baseDirectory);
  const reading = await openReading(setup, only ?? all);
  const rows: string[] = [];
  const stops = [{ taken: 0, splits: overJson(reading.reader.snapshot()) }];
  for (let result = 'more'; result !== 'end'; ) {
    const polled = await reading.poll(BYTES_MAX);
    rows.push(...polled.rows);
    stops.push({ taken: rows.length, splits: overJson(reading.reader.snapshot()) });
    result = polled.result;
  }
  await reading.reader.close();
  return { rows, stops };
}

/** Splits as a manifest brings them back. */
function overJson(splits: readonly Split[]): readonly Split[] {
  return JSON.parse(JSON.stringify(splits));
}
