/**
 * What does it cost that a guest's work is counted?
 *
 * Six kernels from AssemblyScript at full optimisation, as they were compiled and as the gate rewrites them: rows walked,
 * rows copied, SHA-256, n-body, recursion, JSON. Turn by turn in one process, results compared.
 *
 * Not measured here: the host's part of a call (see `boundary`), code that no compiler optimised, how long rewriting takes.
 */
import { join } from 'node:path';
import { compileAssembly } from '../host/abi/kernel/compile-assembly.ts';
import { type MeteredInstance, meteredInstance } from '../test/kit/metered-run.ts';
import { compare, type Line, nanosecondsPer, readOptions, report } from './kit.ts';

/** What each is asked to do at a time: a millisecond or a few, below the most fuel that a call may have. */
const KERNELS = [
  ['rowWalk', 8_000, 100],
  ['rowCopy', 8_000, 10],
  ['sha256', 2_000, 4],
  ['nBody', 4_000, 4],
  ['recursion', 25, 8],
  ['json', 4_000, 8],
] as const;
const FUEL = 2 ** 31 - 1;
const TURNS = 15;
const QUICK_DIVISOR = 100;

type Call = (amount: number) => unknown;

const options = readOptions();
const wasm = await compileAssembly(join(import.meta.dirname, 'guests/fuel-kernels.ts'));
const plain = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(wasm))).exports;
const metered = meteredInstance(wasm);
(plain.prepare as Call)(8_000);
metered.run('prepare', [8_000], FUEL);

const lines = KERNELS.map(([name, amount, repeats]) => {
  const scaled = options.quick ? Math.max(2, Math.ceil(amount / QUICK_DIVISOR)) : amount;
  return measure(name, scaled, options.quick ? 1 : repeats);
});
const product = lines.reduce((all, { ratio }) => all * Number(ratio), 1);
const mean: Line = { kernel: 'geometric mean', ratio: product ** (1 / lines.length) };
report('fuel: metered ÷ plain', [...lines, mean], options);

function measure(name: string, amount: number, repeats: number): Line {
  const call = plain[name] as Call;
  const expected = String(call(amount));
  const { outcome, fuel } = metered.run(name, [amount], FUEL);
  if (name !== 'nBody' && String(outcome) !== expected) {
    throw new Error(`${name}: ${expected} became ${String(outcome)}`);
  }
  const work = (one: () => void) => () =>
    nanosecondsPer(repeats, () => {
      for (let i = 0; i < repeats; i++) one();
    });
  const turns = options.quick ? 5 : TURNS;
  const [bare, counted] = compare(
    [
      { name: 'plain', turn: work(() => call(amount)) },
      { name: 'metered', turn: work(() => run(metered, name, amount)) },
    ],
    turns,
  );
  const ratio = counted.best / bare.best;
  return { kernel: name, plainUs: bare.best / 1_000, meteredUs: counted.best / 1_000, fuel, ratio };
}

function run(instance: MeteredInstance, name: string, amount: number): void {
  if (instance.run(name, [amount], FUEL).fuelLeft < 0) throw new Error(`${name} ran out of fuel`);
}
