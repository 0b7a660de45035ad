/**
 * JSON lines → filter → map → JSON lines with Millrace in a process of its own, what `bench/plain/trades.ts` is held against: one
 * thread, two sandboxed functions, a checkpoint each second, output committed with the last one.
 *
 *     node bench/programs/trades.ts INPUT OUTPUT-DIRECTORY MODULE.wasm
 */
import { checkPipeline } from '../../host/dataflow/pipeline.ts';
import '../../host/runtime/default-task-parts.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';
import { startStopwatch } from './stopwatch.ts';

const stopwatch = startStopwatch();
const [input, output, module] = process.argv.slice(2);
const pipeline = checkPipeline({
  name: 'trades',
  parallelism: 1,
  checkpoint: { every: '1s' },
  modules: { trades: module },
  sources: { in: { connector: 'file', path: input, format: 'json' } },
  steps: {
    large: { filter: 'trades.large', from: 'in' },
    valued: { map: 'trades.valued', from: 'large' },
  },
  sinks: { out: { from: 'valued', connector: 'file', path: output, format: 'json' } },
});
await runPipeline(pipeline, { threads: 0 });
stopwatch.print();
