import { readFile } from 'node:fs/promises';
import type { DeliveredRows } from './coordinator.ts';
import { type JobFiles, openJobFiles } from './job-files.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { JobSpec } from './job-spec.ts';
import { createLocalWorkers } from './local-workers.ts';
import type { CreateTaskParts, TaskParts } from './task-parts.ts';
import type { StartWorkers } from './worker-host.ts';

/** What a job is started with beside its spec. Everything has a real default; tests and the simulation put in theirs. */
export interface JobParts extends TaskParts {
  /**
   * File URL of a module that exports `createTaskParts`, by which the coordinator and every worker thread make their
   * `TaskParts`. Parts given beside it are the coordinator's alone when there are worker threads.
   */
  readonly taskPartsModule: string;
  readonly files: JobFiles;
  readonly readModule: (path: string) => Promise<Uint8Array>;
  readonly startWorkers: StartWorkers;
  /** Receives what `memory` sinks have committed. A `key` comes again when a commit is repeated. */
  readonly deliver: (sink: string, rows: DeliveredRows, key: string) => void;
  readonly usage: () => JobMetrics['process'];
  /** Keeps the process alive while the job runs; the returned function lets go. */
  readonly keepAlive: () => () => void;
}

/** Puts the real parts where none were given. */
export async function completeParts(spec: JobSpec, given: Partial<JobParts>): Promise<JobParts> {
  const taskPartsModule = given.taskPartsModule ?? defaultTaskParts();
  const tasks: TaskParts = {
    ...(isComplete(given) ? {} : await loadTaskParts(taskPartsModule, spec.directory)),
    ...given,
  } as TaskParts;
  return {
    taskPartsModule,
    files: given.files ?? openJobFiles(spec.directory, spec.attempt),
    readModule: (path) => readFile(path),
    startWorkers:
      given.startWorkers ??
      (spec.threads > 0
        ? (await import('./thread-workers.ts')).createThreadWorkers(taskPartsModule)
        : createLocalWorkers(tasks)),
    deliver: () => {},
    usage: processUsage,
    keepAlive,
    ...tasks,
    ...given,
  };
}

const TASK_PARTS = [
  'clock',
  'connectors',
  'sandbox',
  'kernel',
  'createStateTable',
  'createOperator',
  'storage',
  'yieldTurn',
] as const satisfies readonly (keyof TaskParts)[];

/** With all of them given, the real ones are not even loaded. */
function isComplete(given: Partial<JobParts>): boolean {
  return TASK_PARTS.every((name) => given[name] !== undefined);
}

async function loadTaskParts(module: string, directory: string): Promise<TaskParts> {
  const { createTaskParts } = (await import(module)) as {
    readonly createTaskParts: CreateTaskParts;
  };
  return await createTaskParts(directory);
}

/** File URL of the module with the real task parts. */
export function defaultTaskParts(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./default-task-parts.${extension}`, import.meta.url).href;
}

function processUsage(): JobMetrics['process'] {
  const { user, system } = process.cpuUsage();
  return { rssBytes: process.memoryUsage.rss(), cpuMs: Math.round((user + system) / 1000) };
}

/** Timers of the clock and threads that wait do not keep a process alive; a job that runs must. */
function keepAlive(): () => void {
  const timer = setInterval(() => {}, 2 ** 30);
  return () => clearInterval(timer);
}
