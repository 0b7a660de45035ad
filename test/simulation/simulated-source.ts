import { encodeObject } from '../../host/abi/row-object.ts';
import type { Connector } from '../../host/connectors/connector.ts';
import type { Source, SourceReader, Split } from '../../host/connectors/source.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { Random } from './random.ts';
import type { Event } from './workload.ts';
import type { Actor, World } from './world.ts';

export interface SourceWorld {
  readonly world: World;
  readonly actor: Actor;
  readonly random: Random;
  readonly input: ReadonlyMap<string, readonly (readonly Event[])[]>;
  /** Lets a planted bug lie about positions. */
  readonly position: (next: number) => number;
}

/** A source that replays given records: a few at a time, in any order of its splits, with pauses. */
export function simulatedSource(schema: RecordSchema): {
  /** For planning only. */
  readonly planned: Connector;
  readonly connector: (around: SourceWorld) => Connector;
} {
  const source = (name: string, around: SourceWorld | undefined): Source => ({
    schema,
    guarantee: 'replayable',
    async splits() {
      if (around === undefined) throw new Error('a planned source is not read');
      await around.world.elapsed(around.actor, around.random.delay(0.2));
      const lists = around.input.get(name) ?? [];
      return lists.map((_, i) => ({ id: `${name}-${i}`, spec: i, position: undefined }));
    },
    async open(splits, context) {
      if (around === undefined) throw new Error('a planned source is not read');
      await around.world.elapsed(around.actor, around.random.delay(0.2));
      return reader(around, splits, { schema, name, wake: () => context.wake() });
    },
  });
  const connector = (around: SourceWorld | undefined): Connector => ({
    name: 'events',
    source: (options) => ({ ok: true, value: source(String(options.of), around) }),
  });
  return { planned: connector(undefined), connector };
}

function reader(
  around: SourceWorld,
  splits: readonly Split[],
  of: { readonly schema: RecordSchema; readonly name: string; readonly wake: () => void },
): SourceReader {
  const { world, actor, random } = around;
  const lists = splits.map((split) => (around.input.get(of.name) ?? [])[Number(split.spec)]);
  const next = splits.map((split) => Number(split.position ?? 0));
  let waits = false;
  return {
    poll(out) {
      const open = lists.flatMap((list, i) => (next[i] < list.length ? [i] : []));
      if (open.length === 0) return 'end';
      if (waits) return 'idle';
      if (random.chance(0.3)) {
        waits = true;
        world.schedule(actor, random.delay(6), () => {
          waits = false;
          of.wake();
        });
        return 'idle';
      }
      const i = random.pick(open);
      for (let left = random.between(1, 4); left > 0 && next[i] < lists[i].length; left -= 1) {
        encodeObject(of.schema, { ...lists[i][next[i]] }, out);
        next[i] += 1;
      }
      return 'more';
    },
    snapshot: () => splits.map((split, i) => ({ ...split, position: around.position(next[i]) })),
    async close() {},
  };
}
