import { isMainThread } from 'node:worker_threads';

// Loaded into a runner: its worker thread ends a while after it began, without a word.

const afterMs = Number(process.env.MILLRACE_CHAOS_WORKER_MS);
if (!isMainThread && afterMs >= 0) setTimeout(() => process.exit(1), afterMs).unref();
