/**
 * Names of blobs of a job. Each carries the number of the attempt that writes it, and an attempt has a number that no other process
 * has: so whatever an attempt that is over still does, it touches nothing that a later one wrote.
 *
 *     checkpoints/<n>/<operator>-<task>-<i>-a<attempt>.state    a state of a task
 *     checkpoints/<n>/dead-letters-a<attempt>.jsonl
 *     checkpoints/<n>/manifest-a<attempt>.json                  last: makes the checkpoint exist
 *     attempts/<attempt>.fence                                  the attempt has begun
 *     attempts/<attempt>.json                                   which earlier checkpoints count for it
 */
export interface CheckpointName {
  readonly checkpoint: number;
  /** Whose it is. */
  readonly attempt: number;
}

const MANIFEST = /^checkpoints\/(\d+)\/manifest-a(\d+)\.json$/;
const NUMBER = /^checkpoints\/(\d+)\//;
const ATTEMPT = /-a(\d+)\.[a-z]+$/;

/** Blobs of one checkpoint, and nothing else, have names that start so. */
export function checkpointPrefix(checkpoint: number): string {
  return `checkpoints/${checkpoint}/`;
}

export function manifestName({ checkpoint, attempt }: CheckpointName): string {
  return `${checkpointPrefix(checkpoint)}manifest-a${attempt}.json`;
}

export function deadLettersName({ checkpoint, attempt }: CheckpointName): string {
  return `${checkpointPrefix(checkpoint)}dead-letters-a${attempt}.jsonl`;
}

/** Whose manifest of which checkpoint a blob is; undefined when it is none. */
export function readManifestName(blob: string): CheckpointName | undefined {
  const match = MANIFEST.exec(blob);
  return match === null ? undefined : { checkpoint: Number(match[1]), attempt: Number(match[2]) };
}

/** The number of the checkpoint that a blob belongs to. */
export function checkpointOf(blob: string): number | undefined {
  const match = NUMBER.exec(blob);
  return match === null ? undefined : Number(match[1]);
}

/** The attempt that wrote a blob; 0 for a name that says nothing of it. */
export function attemptOf(blob: string): number {
  return Number(ATTEMPT.exec(blob)?.[1] ?? 0);
}
