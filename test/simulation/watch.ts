import { basename } from 'node:path';
import type { StepModules } from '../../host/dataflow/plan.ts';
import { checkManifest } from '../../host/runtime/encode-manifest.ts';
import type { Manifest } from '../../host/runtime/manifest.ts';
import { blobsOf } from '../../host/runtime/manifest-blobs.ts';
import type { JobEvent, JobReport } from '../../host/runtime/running-job.ts';
import type { Disk } from './disk.ts';
import { JOB_DIRECTORY, OUT_DIRECTORY } from './workload.ts';
import type { World } from './world.ts';

const MANIFEST = /^manifest-a\d+\.json$/;
const CHECKPOINTS = `${JOB_DIRECTORY}/checkpoints`;
const PENDING = /^\.[^.]+\.[^.]+\.(\d+)\.(\d+)\.(\d+)\.pending$/;
const PART = /^part-([a-z]+)-(\d+)-(\d+)(?:\.(\d+))?\.json$/;

/** A file that readers see. */
export interface PartName {
  readonly sink: string;
  readonly task: number;
  readonly checkpoint: number;
  readonly number: number;
}

export function readPartName(path: string): PartName | undefined {
  const match = PART.exec(basename(path));
  if (match === null) return undefined;
  const [, sink, task, checkpoint, number = '1'] = match;
  return { sink, task: Number(task), checkpoint: Number(checkpoint), number: Number(number) };
}

interface Attempt {
  readonly modules: StepModules;
  readonly swaps: { readonly step: string; readonly cut: number; readonly version: string }[];
}

/**
 * Looks on while a job runs, and holds what must be true at every moment:
 *
 * I1  What becomes visible is named by a manifest that no crash can take away any more.
 * I2  A checkpoint that was reported as completed is durable, with all its blobs and all its pending output.
 * I3  No attempt starts from less than the newest checkpoint that was reported.
 * I4  No two checkpoints that were completed have the same number.
 * I5  A manifest names the modules that run after its cut.
 * I6  A visible file never changes.
 */
export class Watch {
  readonly #world: World;
  readonly #disk: Disk;
  readonly #attempts = new Map<number, Attempt>();
  readonly #attemptOfPart = new Map<string, number>();
  #newest = 0;
  #latestAttempt = 0;
  /** The disk was full at some time. */
  sinksDeclined = false;
  /** Attempts that have completed a checkpoint, and so have tidied up. */
  readonly tidied = new Set<number>();

  constructor(world: World, disk: Disk) {
    this.#world = world;
    this.#disk = disk;
  }

  /** An attempt is asked to start. */
  begins(attempt: number): void {
    this.#latestAttempt = attempt;
  }

  /** An attempt runs; says what it was restored from. */
  started(attempt: number, report: JobReport): void {
    const restored = report.checkpoint?.checkpoint ?? 0;
    this.#attempts.set(attempt, { modules: report.modules, swaps: [] });
    this.#world.trace(`attempt ${attempt} runs from checkpoint ${restored}`);
    // One that was overtaken while it started may run on from what it knew, until its first checkpoint.
    if (restored >= this.#newest || attempt < this.#latestAttempt) return;
    this.#world.violate(
      `I3: attempt ${attempt} starts from checkpoint ${restored}, but ${this.#newest} was completed`,
    );
  }

  event(attempt: number, event: JobEvent): void {
    if (event.kind === 'update') {
      const { state, checkpoint, step, to } = event.update;
      this.#world.trace(`update of ${step} to ${to.digest} is ${state} at ${checkpoint ?? '-'}`);
      if (state !== 'armed' || checkpoint === undefined) return;
      this.#attempts.get(attempt)?.swaps.push({ step, cut: checkpoint, version: to.digest });
    }
    if (event.kind !== 'checkpoint') return;
    const { state, checkpoint, reason } = event.checkpoint;
    this.#world.trace(`checkpoint ${checkpoint} of attempt ${attempt} is ${state} ${reason}`);
    if (state === 'completed') this.#completed(attempt, checkpoint);
  }

  renamed(from: string, to: string, replaced: boolean): void {
    const part = readPartName(to);
    if (part === undefined) return;
    const pending = PENDING.exec(basename(from));
    if (pending !== null) this.#attemptOfPart.set(basename(to), Number(pending[2]));
    if (replaced) this.#world.violate(`I6: "${to}" is replaced`);
    if (this.#isPromised(part.sink, basename(from))) return;
    this.#world.violate(`I1: "${to}" is visible, but no durable manifest names it`);
  }

  /**
   * The versions of a step that may have made the records of a part: the one that ran between its barriers. While the disk is
   * full a sink declines and puts what it has into a later part, which then has records from both sides of a cut.
   */
  versionsOf(step: string, path: string): readonly (string | undefined)[] {
    const part = readPartName(path);
    const number = this.#attemptOfPart.get(basename(path));
    const attempt = this.#attempts.get(number ?? 0);
    if (part === undefined || attempt === undefined) return [];
    const earlier = [...this.#attemptOfPart].flatMap(([name, made]) => {
      const other = readPartName(name) as PartName;
      const same = other.sink === part.sink && other.task === part.task && made === number;
      return same && other.checkpoint < part.checkpoint ? [other.checkpoint] : [];
    });
    const first = this.sinksDeclined ? Math.max(0, ...earlier) : part.checkpoint - 1;
    const cuts = Array.from({ length: part.checkpoint - first }, (_, i) => first + i);
    return cuts.map((cut) => runsAfter(attempt, step, cut));
  }

  #completed(attempt: number, checkpoint: number): void {
    if (checkpoint <= this.#newest) {
      this.#world.violate(`I4: checkpoint ${checkpoint} is completed after ${this.#newest}`);
    }
    this.#newest = Math.max(this.#newest, checkpoint);
    this.tidied.add(attempt);
    const manifest = this.#durableManifests(checkpoint).find((one) => one.attempt === attempt);
    if (manifest === undefined) {
      this.#world.violate(`I2: the manifest of checkpoint ${checkpoint} is not durable`);
      return;
    }
    this.#holdDurable(manifest);
    const known = this.#attempts.get(attempt);
    for (const [step, { digest }] of Object.entries(manifest.modules)) {
      const runs = known && runsAfter(known, step, checkpoint);
      if (runs === undefined || runs === digest) continue;
      this.#world.violate(
        `I5: manifest ${checkpoint} says ${digest} at step "${step}", where ${runs} runs`,
      );
    }
  }

  #holdDurable(manifest: Manifest): void {
    for (const { blob } of manifest.inFlight ?? []) {
      this.#holdPath(`${JOB_DIRECTORY}/${blob}`, manifest.checkpoint);
    }
    for (const [id, { snapshots, transactions }] of Object.entries(manifest.operators)) {
      const blobs = snapshots.flatMap((one) => one.states.map(({ blob }) => blob));
      const parts = transactions.flatMap((one) => partsOf(one).map(({ pending }) => pending));
      const paths = [
        ...blobs.map((blob) => `${JOB_DIRECTORY}/${blob}`),
        ...parts.map((pending) => `${OUT_DIRECTORY}/${id}/${pending}`),
      ];
      for (const path of paths) this.#holdPath(path, manifest.checkpoint);
    }
  }

  #holdPath(path: string, checkpoint: number): void {
    if (this.#disk.durable(path) !== undefined) return;
    this.#world.violate(`I2: "${path}" of checkpoint ${checkpoint} is not durable`);
  }

  #isPromised(sink: string, pending: string): boolean {
    return this.#disk.durableNames(CHECKPOINTS).some((name) =>
      this.#durableManifests(Number(name))
        .flatMap((manifest) => manifest.operators[sink]?.transactions ?? [])
        .some((one) => partsOf(one).some((part) => part.pending === pending)),
    );
  }

  /** Of any attempt. */
  #durableManifests(checkpoint: number): readonly Manifest[] {
    const directory = `${CHECKPOINTS}/${checkpoint}`;
    const names = this.#disk.durableNames(directory).filter((name) => MANIFEST.test(name));
    return names.flatMap((name) => {
      const text = checkManifest(this.#disk.durable(`${directory}/${name}`) ?? new Uint8Array(0));
      return text === undefined ? [] : [JSON.parse(text) as Manifest];
    });
  }
}

function runsAfter(attempt: Attempt, step: string, checkpoint: number): string | undefined {
  const swaps = attempt.swaps.filter((one) => one.step === step && one.cut <= checkpoint);
  return swaps.at(-1)?.version ?? attempt.modules[step]?.digest;
}

function partsOf(transaction: unknown): readonly { readonly pending: string }[] {
  return (transaction as { readonly parts: { readonly pending: string }[] } | null)?.parts ?? [];
}

/** The parts in a sink's directory, in the order in which they were made. */
export function visibleParts(disk: Disk, sink: string): readonly string[] {
  const directory = `${OUT_DIRECTORY}/${sink}`;
  return disk
    .names(directory)
    .filter((name) => readPartName(name) !== undefined)
    .sort((a, b) => {
      const [x, y] = [readPartName(a) as PartName, readPartName(b) as PartName];
      return x.checkpoint - y.checkpoint || x.task - y.task || x.number - y.number;
    })
    .map((name) => `${directory}/${name}`);
}

/** Names of files that wait for a checkpoint, or were left behind. */
export function pendingFiles(disk: Disk, sink: string): readonly string[] {
  return disk.names(`${OUT_DIRECTORY}/${sink}`).filter((name) => PENDING.test(name));
}

/**
 * Checkpoints of which anything is there that no other one builds on; but for temporary files, which a later start removes.
 */
export function leftCheckpoints(disk: Disk): readonly string[] {
  const needed = new Set<string>();
  const numbers = disk.names(CHECKPOINTS);
  for (const number of numbers) {
    for (const { blob } of manifestsOn(disk, number).flatMap(blobsOf)) {
      if (!blob.startsWith(`checkpoints/${number}/`)) needed.add(`${JOB_DIRECTORY}/${blob}`);
    }
  }
  return numbers.filter((number) =>
    disk.names(`${CHECKPOINTS}/${number}`).some((name) => {
      return !name.startsWith('.') && !needed.has(`${CHECKPOINTS}/${number}/${name}`);
    }),
  );
}

function manifestsOn(disk: Disk, number: string): readonly Manifest[] {
  const directory = `${CHECKPOINTS}/${number}`;
  return disk
    .names(directory)
    .filter((name) => MANIFEST.test(name))
    .flatMap((name) => {
      const node = disk.node(`${directory}/${name}`);
      const text = node.kind === 'file' ? checkManifest(node.bytes) : undefined;
      return text === undefined ? [] : [JSON.parse(text) as Manifest];
    });
}
