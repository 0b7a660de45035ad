import { open, readFile, unlink } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { sinkFiles } from '../../../host/connectors/file/sink-files.ts';

// Loaded into a runner: parts become visible piece by piece.

sinkFiles.rename = async (from, to) => {
  const bytes = await readFile(from);
  const file = await open(to, 'w');
  await file.write(bytes.subarray(0, bytes.length >> 1));
  await setTimeout(20);
  await file.write(bytes.subarray(bytes.length >> 1));
  await file.close();
  await unlink(from);
};
