/**
 * Millrace as a library.
 *
 *     import { file, pipeline, runPipeline } from 'millrace';
 */

export type { RowObject } from './abi/row-object.ts';
export { createServer, type ServerOptions } from './control/create-server.ts';
export { type RunningServer, type ServeOptions, serve } from './control/serve.ts';
export { type ModuleTypes, module, type TypedModule } from './dataflow/builder/module-types.ts';
export { type FileOptions, file, pipeline } from './dataflow/builder/pipeline-builder.ts';
export { checkPipeline, type Pipeline, readPipeline } from './dataflow/pipeline.ts';
export {
  ERRORS,
  type ErrorCode,
  type ErrorReport,
  type ErrorScope,
  MillraceError,
} from './errors.ts';
export type { CheckpointRecord } from './runtime/checkpoint-record.ts';
export type { JobMetrics, OperatorMetrics } from './runtime/job-metrics.ts';
export { type PipelineRun, type RunPipelineOptions, runPipeline } from './runtime/run-pipeline.ts';
export type {
  JobEvent,
  JobOutcome,
  JobReport,
  RunningJob,
  UpdateRequest,
} from './runtime/running-job.ts';
export type { UpdateRecord } from './runtime/update-record.ts';
