/**
 * Word count with Millrace in a process of its own, what `bench/plain/word-count.ts` is held against: a sandboxed function, keyed
 * state, a checkpoint each second, output committed with the last one. In the calling thread, or in as many worker threads as said,
 * each with a task of every step.
 *
 *     node bench/programs/word-count.ts INPUT OUTPUT-DIRECTORY MODULE.wasm [THREADS]
 */
import { checkPipeline } from '../../host/dataflow/pipeline.ts';
import '../../host/runtime/default-task-parts.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';
import { startStopwatch } from './stopwatch.ts';

const stopwatch = startStopwatch();
const [input, output, module, threads = '0'] = process.argv.slice(2);
const pipeline = checkPipeline({
  name: 'word-count',
  parallelism: Math.max(1, Number(threads)),
  checkpoint: { every: '1s' },
  modules: { text: module },
  sources: { lines: { connector: 'file', path: input, format: 'lines' } },
  steps: {
    words: { flatMap: 'text.words', from: 'lines' },
    counts: { reduce: 'text.sum', from: 'words', key: 'word', emit: 'end' },
  },
  sinks: { out: { from: 'counts', connector: 'file', path: output, format: 'json' } },
});
await runPipeline(pipeline, { threads: Number(threads) });
stopwatch.print();
