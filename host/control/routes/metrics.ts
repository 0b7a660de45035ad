import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { JobMetrics } from '../../runtime/job-metrics.ts';
import { errorAnswer } from '../schemas/error-answer.ts';
import { metricsAnswer } from '../schemas/metrics-answer.ts';
import { jobPath } from '../schemas/parameters.ts';
import type { Server, ServerParts } from '../server-type.ts';
import type { SupervisedJob } from '../supervised-job.ts';
import { metricsView } from '../views/metrics-view.ts';

/** Totals of one operator as Prometheus reads them. A new attempt begins at zero, as Prometheus expects of a restart. */
const OPERATOR_TOTALS = {
  recordsIn: ['records_in_total', 'Records that came in'],
  recordsOut: ['records_out_total', 'Records that went out'],
  bytesIn: ['bytes_in_total', 'Bytes that came in'],
  bytesOut: ['bytes_out_total', 'Bytes that went out'],
  batches: ['batches_total', 'Batches that came in'],
  fuel: ['fuel_total', 'Fuel that guest functions used'],
  traps: ['traps_total', 'Guest calls that trapped or broke a limit'],
  skipped: ['skipped_total', 'Records skipped by the error policy'],
  deadLetters: ['dead_letters_total', 'Records that failed for good'],
  windowedRecords: ['windowed_records_total', 'Records that are in a window'],
  lateRecords: ['late_records_total', 'Records that came late and left by a side output'],
  droppedRecords: ['dropped_records_total', 'Records that came late and that nobody reads'],
  stateEntries: ['state_entries', 'Keys with state'],
  stateBytes: ['state_bytes', 'Bytes of keyed state'],
  lagBytes: ['lag_bytes', 'Bytes that a source has not read yet'],
  watermarkMs: ['watermark_ms', 'Lowest watermark of the tasks, ms since the epoch'],
} as const;

type OperatorTotal = keyof typeof OPERATOR_TOTALS;

/** Numbers: of one job as JSON, of all as Prometheus text. */
export async function metricsRoutes(server: Server, parts: ServerParts): Promise<void> {
  const ofServer = new Registry();
  collectDefaultMetrics({ register: ofServer, prefix: 'millrace_server_' });

  server.get(
    '/v1/jobs/:job/metrics',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['jobs'],
        summary: 'Totals of the latest attempt, per operator',
        params: jobPath,
        response: { 200: metricsAnswer, 404: errorAnswer, 409: errorAnswer },
      },
    },
    async (request) =>
      metricsView(await parts.of(request).supervisor.job(request.params.job).metrics()),
  );

  server.get(
    '/metrics',
    {
      config: { role: 'viewer' },
      schema: { tags: ['server'], summary: 'Server and jobs, for Prometheus' },
    },
    async (request, reply) => {
      const ofJobs = await collectJobs(parts.of(request).supervisor.list());
      const text = await Registry.merge([ofServer, ofJobs]).metrics();
      return reply.type(ofServer.contentType).send(text);
    },
  );
}

async function collectJobs(jobs: readonly SupervisedJob[]): Promise<Registry> {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: readonly string[]) =>
    new Gauge({ name: `millrace_${name}`, help, labelNames, registers: [registry] });
  const up = gauge('job_running', 'Whether the job has a runner now', ['job', 'state']);
  const restarts = gauge('job_restarts_total', 'Starts after a failure', ['job']);
  const completed = gauge('checkpoints_completed_total', 'Checkpoints completed', ['job']);
  const failed = gauge('checkpoints_failed_total', 'Checkpoints given up', ['job']);
  const memory = gauge('runner_resident_bytes', 'Resident memory of the runner', ['job']);
  const cpu = gauge('runner_cpu_seconds_total', 'CPU time of the runner', ['job']);
  const totals = new Map(
    (Object.keys(OPERATOR_TOTALS) as OperatorTotal[]).map((key) => {
      const [name, help] = OPERATOR_TOTALS[key];
      return [key, gauge(`operator_${name}`, help, ['job', 'operator'])];
    }),
  );
  const ofFunction = ['job', 'operator', 'name'];
  const user = {
    counter: gauge('user_counter_total', 'What functions count themselves', ofFunction),
    gauge: gauge('user_gauge', 'What functions measure themselves', ofFunction),
  };
  const readings = await Promise.all(jobs.map(readMetrics));
  for (const { job, metrics } of readings) {
    const { id, state } = job.stored;
    up.set({ job: id, state }, job.runner === undefined ? 0 : 1);
    restarts.set({ job: id }, job.stored.restarts);
    if (metrics === undefined) continue;
    completed.set({ job: id }, metrics.checkpoints.completed);
    failed.set({ job: id }, metrics.checkpoints.failed);
    memory.set({ job: id }, metrics.process.rssBytes);
    cpu.set({ job: id }, metrics.process.cpuMs / 1_000);
    for (const operator of metrics.operators) {
      for (const [key, total] of totals) {
        const value = operator[key];
        if (value !== undefined) total.set({ job: id, operator: operator.id }, value);
      }
      for (const { name, kind, value } of operator.userMetrics) {
        user[kind].set({ job: id, operator: operator.id, name }, value);
      }
    }
  }
  return registry;
}

/** A job that is over or has no runner now has no numbers to scrape. */
async function readMetrics(
  job: SupervisedJob,
): Promise<{ readonly job: SupervisedJob; readonly metrics: JobMetrics | undefined }> {
  try {
    return { job, metrics: await job.runner?.metrics() };
  } catch {
    return { job, metrics: undefined };
  }
}
