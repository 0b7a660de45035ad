import { connect, type Socket } from 'node:net';
import { MillraceError } from '../errors.ts';
import {
  RUNNER_GREETING_TIMEOUT_MS,
  RUNNER_PING_INTERVAL_MS,
  RUNNER_UNANSWERED_MAX,
} from '../limits.ts';
import type { CheckpointRecord } from './checkpoint-record.ts';
import { bareRemains, createEndedJob, type JobRemains } from './ended-job.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { JobSpec } from './job-spec.ts';
import type { PeekedRows, PeekRequest } from './peek.ts';
import {
  createMessageReader,
  encodeMessage,
  type RunnerMessage,
  type RunnerMethod,
  type RunnerRequest,
} from './runner-protocol.ts';
import type { JobEvent, JobOutcome, JobReport, RunningJob, UpdateRequest } from './running-job.ts';
import type { SavepointRecord, SavepointRequest } from './savepoint.ts';
import type { UpdateRecord } from './update-record.ts';

export interface RunnerAddress {
  readonly socket: string;
  /** Who must answer; anyone else is not the runner that is looked for. */
  readonly spec: Pick<JobSpec, 'id' | 'attempt' | 'modules'>;
  /** What the attempt left, once it has ended. */
  readonly remains: () => JobRemains | undefined;
}

/** A job in a runner process. Its life goes on when this process ends. */
export interface RunnerClient extends RunningJob {
  /** Closes the connection and leaves the runner to itself. `ended` then never settles. */
  detach(): void;
}

type RequestArguments = Pick<RunnerRequest, 'update' | 'savepoint' | 'peek'>;

interface PendingRequest {
  readonly method: RunnerMethod;
  readonly arguments: RequestArguments;
  resolve(result: unknown): void;
  reject(error: MillraceError): void;
}

/**
 * Connects to a runner's socket. Resolves when the runner has said who it is; throws `RUNNER_LOST` when nobody answers,
 * or somebody else does.
 */
export async function connectRunner(address: RunnerAddress): Promise<RunnerClient> {
  const link = new RunnerLink(address);
  await link.greeted;
  const ask = <T>(method: RunnerMethod, given?: RequestArguments) =>
    link.ask(method, given) as Promise<T>;
  return {
    status: () => ask<JobReport>('status'),
    checkpoint: () => ask<CheckpointRecord>('checkpoint'),
    savepoint: (savepoint) => ask<SavepointRecord>('savepoint', { savepoint }),
    stop: (savepoint) => ask<CheckpointRecord>('stop', { savepoint }),
    cancel: async () => {
      await ask('cancel');
    },
    update: (update) => ask<UpdateRecord>('update', { update }),
    metrics: () => ask<JobMetrics>('metrics'),
    peek: (peek) => ask<PeekedRows>('peek', { peek }),
    pause: async () => {
      await ask('pause');
    },
    resume: async () => {
      await ask('resume');
    },
    subscribe: (listener) => link.subscribe(listener),
    ended: link.ended,
    detach: () => link.detach(),
  };
}

/**
 * One connection to a runner.
 *
 * L1  `ended` settles once: with the outcome the runner told or wrote, or with `RUNNER_LOST`.
 * L2  When the connection is gone, what is under way and what is asked later is answered from the job's remains; if it
 *     left none, it is refused with `RUNNER_LOST`.
 * L3  A runner that leaves `RUNNER_UNANSWERED_MAX` questions unanswered (stopped, hung) counts as gone.
 */
class RunnerLink {
  readonly greeted: Promise<void>;
  readonly ended: Promise<JobOutcome>;
  readonly #address: RunnerAddress;
  readonly #socket: Socket;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #listeners = new Set<(event: JobEvent) => void>();
  readonly #pings: NodeJS.Timeout;
  #resolveGreeted!: () => void;
  #rejectGreeted!: (error: MillraceError) => void;
  #resolveEnded!: (outcome: JobOutcome) => void;
  #rejectEnded!: (error: MillraceError) => void;
  #unanswered = 0;
  #nextId = 1;
  /** Why nobody answers any more. */
  #gone: MillraceError | undefined;
  #outcome: JobOutcome | undefined;
  #detached = false;

  constructor(address: RunnerAddress) {
    this.#address = address;
    this.greeted = new Promise((resolve, reject) => {
      this.#resolveGreeted = resolve;
      this.#rejectGreeted = reject;
    });
    this.ended = new Promise((resolve, reject) => {
      this.#resolveEnded = resolve;
      this.#rejectEnded = reject;
    });
    // Both are told through other ways as well; a caller that does not look is no fault.
    this.greeted.catch(() => {});
    this.ended.catch(() => {});
    this.#socket = connect(address.socket);
    const greeting = setTimeout(() => {
      this.#socket.destroy(this.#lost(`no greeting in ${RUNNER_GREETING_TIMEOUT_MS} ms`));
    }, RUNNER_GREETING_TIMEOUT_MS);
    this.greeted.finally(() => clearTimeout(greeting)).catch(() => {});
    this.#pings = setInterval(() => this.#ping(), RUNNER_PING_INTERVAL_MS).unref();
    this.#listen();
  }

  ask(method: RunnerMethod, given: RequestArguments = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request: PendingRequest = { method, arguments: given, resolve, reject };
      if (this.#gone !== undefined) return this.#answerWithoutRunner(request, this.#gone);
      const id = this.#nextId++;
      this.#pending.set(id, request);
      this.#socket.write(encodeMessage({ kind: 'request', id, method, ...given }));
    });
  }

  subscribe(listener: (event: JobEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  detach(): void {
    this.#detached = true;
    this.#socket.destroy();
  }

  #listen(): void {
    const read = createMessageReader<RunnerMessage>((message) => this.#receive(message));
    let failure: unknown;
    this.#socket.on('data', (chunk) => {
      this.#unanswered = 0;
      try {
        read(chunk as Buffer);
      } catch (thrown) {
        this.#socket.destroy(thrown as Error);
      }
    });
    this.#socket.on('error', (error) => {
      failure = error;
    });
    this.#socket.on('close', () => this.#close(failure));
  }

  #receive(message: RunnerMessage): void {
    switch (message.kind) {
      case 'hello':
        this.#greet(message.job, message.attempt);
        break;
      case 'answer':
        this.#settle(message.id, (request) => request.resolve(message.result));
        break;
      case 'refusal':
        this.#settle(message.id, (request) =>
          request.reject(MillraceError.fromReport(message.error)),
        );
        break;
      case 'event':
        this.#tell(message.event);
        break;
      default:
        message satisfies never;
    }
  }

  #greet(job: string, attempt: number): void {
    const { spec } = this.#address;
    if (job !== spec.id || attempt !== spec.attempt) {
      throw this.#lost(`job "${job}", attempt ${attempt}, answers on its socket`);
    }
    this.#resolveGreeted();
  }

  #settle(id: number, how: (request: PendingRequest) => void): void {
    const request = this.#pending.get(id);
    this.#pending.delete(id);
    if (request !== undefined) how(request);
  }

  #tell(event: JobEvent): void {
    if (event.kind === 'ended') {
      this.#outcome = event.outcome;
      this.#resolveEnded(event.outcome);
    }
    for (const listener of this.#listeners) listener(event);
  }

  #ping(): void {
    // Questions are counted, not seconds: when this process itself stood still, the runner is not to blame.
    if (this.#unanswered >= RUNNER_UNANSWERED_MAX) {
      this.#socket.destroy(this.#lost(`${this.#unanswered} questions without an answer`));
      return;
    }
    this.#unanswered++;
    this.ask('ping').catch(() => {});
  }

  #close(failure: unknown): void {
    clearInterval(this.#pings);
    const gone = this.#lost('the connection closed', failure);
    this.#gone = failure instanceof MillraceError ? failure : gone;
    this.#rejectGreeted(this.#gone);
    // The runner writes what is left before it says a word of it: it may have died, or we were cut off, in between.
    const outcome = this.#outcome ?? this.#address.remains()?.outcome;
    if (this.#outcome === undefined && !this.#detached) {
      if (outcome === undefined) this.#rejectEnded(this.#gone);
      else this.#tell({ kind: 'ended', outcome });
    }
    for (const request of this.#pending.values()) this.#answerWithoutRunner(request, this.#gone);
    this.#pending.clear();
  }

  #answerWithoutRunner(request: PendingRequest, gone: MillraceError): void {
    const { method } = request;
    if (this.#outcome === undefined || method === 'ping') {
      request.reject(gone);
      return;
    }
    const { spec, remains } = this.#address;
    const job = createEndedJob(remains() ?? bareRemains({ ...spec, pid: 0 }, this.#outcome));
    const { update, savepoint, peek } = request.arguments;
    const ask = (): Promise<unknown> => {
      if (method === 'update') return job.update(update as UpdateRequest);
      if (method === 'savepoint') return job.savepoint(savepoint as SavepointRequest);
      if (method === 'peek') return job.peek(peek as PeekRequest);
      return job[method]();
    };
    ask().then(request.resolve, request.reject);
  }

  #lost(reason: string, cause?: unknown): MillraceError {
    const { id, attempt } = this.#address.spec;
    return new MillraceError(
      'RUNNER_LOST',
      `runner of job "${id}", attempt ${attempt}: ${reason}`,
      {
        hint: 'the job is started again from its last checkpoint; runner.log in its directory may say more',
        cause,
      },
    );
  }
}
