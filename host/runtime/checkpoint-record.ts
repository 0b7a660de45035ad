/** One checkpoint as `checkpoints J` and the HTTP API show it. */
export interface CheckpointRecord {
  /** Counts up over all attempts of a job. */
  readonly checkpoint: number;
  readonly state: 'running' | 'completed' | 'failed';
  readonly triggeredAtMs: number;
  /** Trigger to durable manifest; 0 while running. */
  readonly durationMs: number;
  /** Bytes of state written. */
  readonly bytes: number;
  /** Longest time any task stood still for its synchronous part. */
  readonly pauseMs: number;
  /** Why it failed; empty otherwise. */
  readonly reason: string;
  /** Sources were at their end: nothing follows this checkpoint. */
  readonly final: boolean;
}
