import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const MANIFEST = /^manifest-a\d+\.json$/;

/** Numbers of the checkpoints in a job's directory that have a manifest, as text. Others may be there with state that these build on. */
export function completedCheckpoints(directory: string): readonly string[] {
  const checkpoints = join(directory, 'checkpoints');
  return readdirSync(checkpoints)
    .filter((number) => readdirSync(join(checkpoints, number)).some((name) => MANIFEST.test(name)))
    .sort((a, b) => Number(a) - Number(b));
}
