/** The door for tests and benches outside of `test`: pieces that are not promised to anyone. */

export { createRowDecoder } from './abi/create-row-decoder.ts';
export { createRowEncoder } from './abi/create-row-encoder.ts';
export { createRowKernel } from './abi/create-row-kernel.ts';
export { builtinConnectors } from './connectors/registry.ts';
export { planPipeline } from './dataflow/plan-pipeline.ts';
export { attachRunner } from './runtime/attach-runner.ts';
export { spawnRunner } from './runtime/spawn-runner.ts';
export { startJob } from './runtime/start-job.ts';
export { createSandbox } from './sandbox/create-sandbox.ts';
export { gate } from './sandbox/gate.ts';
export { createStateTable } from './state/create-state-table.ts';
export { createLocalBlobStore } from './storage/local-blob-store.ts';
export { createS3BlobStore } from './storage/s3-blob-store.ts';
