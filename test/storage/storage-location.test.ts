import { describe, expect, test } from 'vitest';
import { createMemoryBlobStore } from '../../host/storage/memory-blob-store.ts';
import { createSplitBlobStore } from '../../host/storage/split-blob-store.ts';
import { readStorageLocation } from '../../host/storage/storage-location.ts';
import { blobStoreContract } from '../contracts/blob-store.ts';

const KEYS = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'very/secret' };

describe('a place in S3', () => {
  test('is read from its URL, the rest from the environment', () => {
    expect(readStorageLocation('s3://jobs', KEYS)).toEqual({
      kind: 's3',
      bucket: 'jobs',
      prefix: '',
      region: 'us-east-1',
      endpoint: 'https://s3.us-east-1.amazonaws.com',
    });
    const environment = {
      ...KEYS,
      AWS_REGION: 'eu-central-1',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:8000',
    };
    expect(readStorageLocation('s3://jobs/team/one/', environment)).toEqual({
      kind: 's3',
      bucket: 'jobs',
      prefix: 'team/one',
      region: 'eu-central-1',
      endpoint: 'http://127.0.0.1:8000',
    });
    const text = 's3://jobs/x?endpoint=https://minio.local&region=default';
    expect(readStorageLocation(text, environment)).toMatchObject({
      region: 'default',
      endpoint: 'https://minio.local',
    });
  });

  test.each([
    ['jobs/x', 'is no place in S3'],
    ['https://jobs/x', 'is no place in S3'],
    ['s3:///x', 'is no place in S3'],
    ['s3://J/x', 'is no place in S3'],
    ['s3://jobs/../x%2F..', 'has a prefix that is not allowed'],
    ['s3://jobs/a//b', 'has a prefix that is not allowed'],
    ['s3://jobs/x?pathStyle=1', 'has the option "pathStyle"'],
  ])('%s is refused: it %s', (text, what) => {
    expect(() => readStorageLocation(text, KEYS)).toThrow(what);
  });

  test('holds no credentials, and none are told', () => {
    const told = (call: () => unknown) => {
      try {
        call();
      } catch (thrown) {
        return JSON.stringify((thrown as { report(): unknown }).report());
      }
      return 'nothing';
    };
    expect(told(() => readStorageLocation('s3://key:very-secret@jobs/x', KEYS))).toMatch(
      /^(?!.*very-secret).*must not hold credentials/,
    );
    expect(told(() => readStorageLocation('s3://jobs', { AWS_ACCESS_KEY_ID: 'AKID' }))).toContain(
      'AWS_SECRET_ACCESS_KEY in the environment',
    );
    expect(JSON.stringify(readStorageLocation('s3://jobs', KEYS))).not.toContain('secret');
  });
});

blobStoreContract('split between two', async () =>
  createSplitBlobStore({
    folders: ['checkpoints/', 'deep/'],
    there: createMemoryBlobStore(),
    here: createMemoryBlobStore(),
  }),
);

test('a split store keeps each folder where it belongs', async () => {
  const [there, here] = [createMemoryBlobStore(), createMemoryBlobStore()];
  const store = createSplitBlobStore({ folders: ['checkpoints/'], there, here });
  await store.put('checkpoints/1/a', new Uint8Array(1));
  await store.put('updates.json', new Uint8Array(1));
  expect(await there.list('')).toEqual(['checkpoints/1/a']);
  expect(await here.list('')).toEqual(['updates.json']);
  expect(await store.list('')).toEqual(['checkpoints/1/a', 'updates.json']);
  expect(await store.list('checkpoints/1')).toEqual(['checkpoints/1/a']);
});
