import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeadLetterFile, latestDeadLetters } from '../../../host/runtime/dead-letter-file.ts';
import { readSpec } from '../../../host/runtime/runner-directory.ts';

// Loaded into a runner: what was put out after the checkpoint that is restored stays.

DeadLetterFile.prototype.restore = async function (this: DeadLetterFile, _checkpoint, lines) {
  const directory = process.cwd();
  const latest = latestDeadLetters(directory);
  const attempt = readSpec(directory)?.attempt;
  if (latest !== undefined) copyFileSync(latest, join(directory, `dead-letters-${attempt}.jsonl`));
  if (lines !== '') this.append(lines);
};
