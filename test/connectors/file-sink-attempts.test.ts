import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../host/clock.ts';
import { fileSink } from '../../host/connectors/file/file-sink.ts';
import { type SinkFiles, sinkFiles } from '../../host/connectors/file/sink-files.ts';
import type { Sink, SinkContext } from '../../host/connectors/sink.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { systemError } from '../kit/faulty-files.ts';
import { encodeBatch } from '../kit/rows.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

function sinkOf(files: SinkFiles = sinkFiles): Sink {
  const checked = fileSink({ path: 'out' }, { files, clock: systemClock });
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return checked.value;
}

function attemptIn(baseDirectory: string, attempt: number): SinkContext {
  return {
    schema: LINE_SCHEMA,
    id: 'out',
    job: 'job',
    attempt,
    task: 0,
    parallelism: 1,
    baseDirectory,
    wake() {},
    deliver() {},
  };
}

describe('a file sink, of two attempts at once', () => {
  test('an earlier attempt that begins late takes nothing from the later one', async () => {
    const baseDirectory = temporaryDirectory();
    const later = attemptIn(baseDirectory, 2);
    await sinkOf().recover(later, []);
    const writer = await sinkOf().open(later);
    writer.write(encodeBatch(LINE_SCHEMA, [{ text: 'a' }]));
    const transaction = await writer.preCommit(1);
    // Stopped before it looked at the directory, and resumed now.
    await sinkOf().recover(attemptIn(baseDirectory, 1), []);
    await writer.commit(transaction);
    await writer.close();
    expect(readdirSync(join(baseDirectory, 'out'))).toEqual(['part-out-0-1.json']);
  });

  test('what an attempt left while it tried the directory is removed by the next', async () => {
    const baseDirectory = temporaryDirectory();
    await sinkOf().recover(attemptIn(baseDirectory, 1), []);
    const directory = join(baseDirectory, 'out');
    for (const attempt of [1, 2, 3]) {
      sinkFiles.close(sinkFiles.create(join(directory, `.out.job.${attempt}.probe`)));
    }
    await sinkOf().recover(attemptIn(baseDirectory, 2), []);
    expect(readdirSync(directory)).toEqual(['.out.job.3.probe']);
  });
});

describe('a file sink whose directory takes no files', () => {
  const refusing = (errno: string): SinkFiles => ({
    ...sinkFiles,
    create() {
      throw systemError(errno);
    },
  });

  test.each([
    ['EIO', 1, 'STORAGE_FAILED'],
    ['EMFILE', 1, 'STORAGE_FAILED'],
    ['ENOSPC', 1, 'STORAGE_FAILED'],
    ['EROFS', 1, 'SINK_UNAVAILABLE'],
    ['EACCES', 1, 'SINK_UNAVAILABLE'],
    ['EROFS', 2, 'STORAGE_FAILED'],
    ['EACCES', 2, 'STORAGE_FAILED'],
  ] as const)('with %s in attempt %i: %s', async (errno, attempt, code) => {
    const context = attemptIn(temporaryDirectory(), attempt);
    await expect(sinkOf(refusing(errno)).recover(context, [])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(new RegExp(`sink "out" cannot write to .*${errno}`)),
      hint: expect.stringMatching(/./),
    });
    // The fault ends, and the same attempt goes through.
    await sinkOf().recover(context, []);
  });
});
