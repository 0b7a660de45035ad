import type { Clock } from '../../clock.ts';
import { partitionDirectory } from '../../connectors/http/log-directory.ts';
import type { LogFiles } from '../../connectors/http/log-files.ts';
import { openIngestLog } from '../../connectors/http/open-ingest-log.ts';
import type { SourceSpec } from '../../dataflow/plan.ts';
import { MillraceError } from '../../errors.ts';
import { HTTP_TRIM_INTERVAL_MS } from '../../server-limits.ts';
import { isFinal, type StoredJob } from '../stored-job.ts';
import type { Ingest } from './ingest.ts';
import type { RetainedPositions } from './retained-positions.ts';
import { optionsOf, SourceLogs } from './source-logs.ts';

export interface IngestOptions {
  readonly directoryOf: (job: string) => string;
  readonly clock: Clock;
  readonly files: LogFiles;
  readonly retained: RetainedPositions;
  log(level: 'info' | 'warn' | 'error', text: string): void;
}

type JobLogs = ReadonlyMap<string, SourceLogs>;

/** The ingest of one data directory. */
export function openIngest(options: IngestOptions): Ingest {
  const { directoryOf, clock, log, retained } = options;
  const open = new Map<string, Promise<JobLogs>>();
  let cancelTimer: (() => void) | undefined;
  let closed = false;

  const logsOf = (job: StoredJob): Promise<JobLogs> => {
    const known = open.get(job.id);
    if (known !== undefined) return known;
    const opening = openLogs(job, options);
    open.set(job.id, opening);
    // A disk that is well again is asked again.
    opening.catch(() => open.delete(job.id));
    return opening;
  };
  const sourceOf = async (job: StoredJob, source: string): Promise<SourceLogs> => {
    assertTakesRecords(job, source);
    const found = (await logsOf(job)).get(source);
    if (found === undefined) throw notFound(job, source);
    return found;
  };
  const closeLogs = async (job: string): Promise<void> => {
    const opened = await open.get(job)?.catch(() => undefined);
    open.delete(job);
    for (const source of opened?.values() ?? []) await source.close();
  };
  const trimJob = async (id: string, logs: JobLogs): Promise<void> => {
    if (![...logs.values()].some((source) => source.trimmable)) return;
    const splitsOf = await retained(directoryOf(id), id);
    if (splitsOf === undefined) return;
    for (const [name, source] of logs) await source.trim(id, splitsOf(name));
  };
  const ingest: Ingest = {
    async open(job) {
      if (httpSources(job).length > 0 && !isFinal(job.state)) await logsOf(job);
    },
    accept: async (job, request) => (await sourceOf(job, request.source)).append(request),
    finish: async (job, source) => (await sourceOf(job, source)).finish(),
    async trim() {
      for (const [id, opening] of [...open]) {
        try {
          await trimJob(id, await opening);
        } catch (thrown) {
          const { code, message } = MillraceError.from(thrown);
          log('warn', `the ingest logs of job "${id}" could not be trimmed: ${code}: ${message}`);
        }
      }
    },
    forget: closeLogs,
    async close() {
      closed = true;
      cancelTimer?.();
      await Promise.all([...open.keys()].map(closeLogs));
    },
  };
  const trimLater = () => {
    cancelTimer = clock.after(HTTP_TRIM_INTERVAL_MS, async () => {
      await ingest.trim();
      if (!closed) trimLater();
    });
  };
  trimLater();
  return ingest;
}

async function openLogs(
  job: StoredJob,
  { directoryOf, clock, files }: IngestOptions,
): Promise<JobLogs> {
  const logs = new Map<string, SourceLogs>();
  for (const spec of httpSources(job)) {
    const partitions = Array.from({ length: optionsOf(spec).partitions }, (_, partition) =>
      openIngestLog(partitionDirectory(directoryOf(job.id), spec.id, partition), { files, clock }),
    );
    logs.set(spec.id, new SourceLogs(spec, await Promise.all(partitions)));
  }
  return logs;
}

function httpSources(job: StoredJob): readonly SourceSpec[] {
  return job.plan.chains
    .flatMap((chain) => chain.operators)
    .filter((operator): operator is SourceSpec => operator.kind === 'source')
    .filter((source) => source.connector === 'http');
}

function assertTakesRecords(job: StoredJob, source: string): void {
  if (!httpSources(job).some(({ id }) => id === source)) throw notFound(job, source);
  const ending = job.desired === 'stopped' || job.desired === 'cancelled';
  if (!ending && !isFinal(job.state)) return;
  const state = isFinal(job.state) ? job.state : `being ${job.desired}`;
  throw new MillraceError('JOB_STATE', `job "${job.id}" is ${state} and takes no records`, {
    hint: 'submit another job, or begin one with a savepoint of this one',
  });
}

function notFound(job: StoredJob, source: string): MillraceError {
  const names = httpSources(job).map(({ id }) => id);
  const name = JSON.stringify(source.slice(0, 80));
  return new MillraceError(
    'SOURCE_NOT_FOUND',
    `job "${job.id}" has no source ${name} of connector "http"`,
    {
      hint: names.length === 0 ? 'it takes no records over HTTP' : `it has ${names.join(', ')}`,
    },
  );
}
