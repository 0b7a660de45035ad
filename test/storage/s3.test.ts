import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { S3_ATTEMPTS } from '../../host/limits.ts';
import { createS3BlobStore, type S3Options } from '../../host/storage/s3-blob-store.ts';
import { type SignedParts, sha256, signRequest } from '../../host/storage/s3-signature.ts';
import { blobStoreContract } from '../contracts/blob-store.ts';
import { type CephRgw, cephMissing, startCephRgw } from '../kit/ceph-rgw.ts';
import { type S3Fault, startFakeS3 } from '../kit/fake-s3.ts';
import { freePort } from '../kit/free-port.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

/** A clock whose pauses are over at once, and what they would have been. */
function impatientClock() {
  const pauses: number[] = [];
  return {
    pauses,
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after(delayMs: number, callback: () => void) {
      pauses.push(delayMs);
      const timer = setImmediate(callback);
      return () => clearImmediate(timer);
    },
  };
}

async function fakeStore(more: Partial<S3Options> = {}, settings = {}) {
  const server = await startFakeS3(settings);
  onTestFinished(() => server.stop());
  const clock = impatientClock();
  const store = createS3BlobStore(
    { ...server.options, ...more },
    { clock, random: (max) => max - 1 },
  );
  return { server, clock, store };
}

blobStoreContract('S3, in this process', async () => (await fakeStore()).store);
blobStoreContract('S3, three keys a list, below a prefix', async () => {
  const { store, server } = await fakeStore({ prefix: 'jobs/one' }, { pageKeys: 3 });
  server.objects.set('jobs/one-other', { body: Buffer.from('foreign'), headers: {} });
  return store;
});
blobStoreContract('S3, while every third request fails', async () => {
  const everyThird: readonly S3Fault[] = [
    { kind: 'status', status: 503, code: 'SlowDown' },
    { kind: 'reset', effect: true },
    { kind: 'status', status: 500, code: 'InternalError' },
    { kind: 'reset', effect: false },
    { kind: 'status', status: 502 },
  ];
  return (await fakeStore({}, { everyThird })).store;
});

describe('signature', () => {
  // The published examples of the S3 documentation.
  const signer = {
    credentials: {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    },
    region: 'us-east-1',
    nowMs: Date.UTC(2013, 4, 24),
  };
  const host = 'examplebucket.s3.amazonaws.com';

  test.each<{
    title: string;
    parts: Omit<SignedParts, 'bodySha256'>;
    body: string;
    signature: string;
  }>([
    {
      title: 'an object',
      parts: { method: 'GET', path: '/test.txt', query: [], headers: { host, range: 'bytes=0-9' } },
      body: '',
      signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    },
    {
      title: 'a write, its path escaped',
      parts: {
        method: 'PUT',
        path: '/test$file.text',
        query: [],
        headers: {
          host,
          date: 'Fri, 24 May 2013 00:00:00 GMT',
          'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        },
      },
      body: 'Welcome to Amazon S3.',
      signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    },
    {
      title: 'a list, its query sorted',
      parts: {
        method: 'GET',
        path: '/',
        query: [
          ['prefix', 'J'],
          ['max-keys', '2'],
        ],
        headers: { host },
      },
      body: '',
      signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    },
  ])('signs $title as the S3 documentation does', ({ parts, body, signature }) => {
    const signed = signRequest({ ...parts, bodySha256: sha256([bytes(body)]) }, signer);
    expect(signed.headers.authorization).toContain(`Signature=${signature}`);
  });

  test('signs and sends the token of credentials that expire', () => {
    const parts = {
      method: 'GET',
      path: '/',
      query: [],
      headers: { host },
      bodySha256: sha256([]),
    };
    const credentials = { ...signer.credentials, sessionToken: 'token' };
    const signed = signRequest(parts, { ...signer, credentials });
    expect(signed.headers['x-amz-security-token']).toBe('token');
    expect(signed.headers.authorization).toContain('x-amz-date;x-amz-security-token,');
  });
});

describe('S3, while things fail', () => {
  test('T3 tries again, with pauses that double up to a bound, and then says what it met', async () => {
    const { server, clock, store } = await fakeStore();
    server.inject(...Array(S3_ATTEMPTS).fill({ kind: 'status', status: 503, code: 'SlowDown' }));
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: `cannot read "a" in bucket "blobs" at ${server.options.endpoint}: status 503, SlowDown`,
      hint: expect.stringContaining('next attempt'),
    });
    expect(server.requests).toHaveLength(S3_ATTEMPTS);
    expect(clock.pauses).toEqual([200, 400, 800, 1_600, 3_200]);
    await expect(store.get('a')).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' });
  });

  test.each<S3Fault>([
    { kind: 'torn' },
    { kind: 'flipped' },
  ])('T2 reads again what arrives damaged: $kind', async (fault) => {
    const { server, store } = await fakeStore();
    const content = Uint8Array.from({ length: 100_000 }, (_, i) => i % 256);
    await store.put('a', content);
    server.inject(fault, fault);
    expect(await store.get('a')).toEqual(content);
    server.inject(...Array(S3_ATTEMPTS).fill(fault));
    await expect(store.get('a')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  test('T2 checks the ETag of objects that another program put', async () => {
    const { server, store } = await fakeStore();
    const etag = '"0cc175b9c0f1b6a831c399e269772661"';
    server.objects.set('good', { body: Buffer.from('a'), headers: { etag } });
    server.objects.set('bad', { body: Buffer.from('b'), headers: { etag } });
    server.objects.set('in-parts', { body: Buffer.from('c'), headers: { etag: '"abc-2"' } });
    expect(await store.get('good')).toEqual(bytes('a'));
    expect(await store.get('in-parts')).toEqual(bytes('c'));
    await expect(store.get('bad')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining('ETag'),
    });
  });

  test('repeats a write whose answer was lost', async () => {
    const { server, store } = await fakeStore();
    server.inject({ kind: 'reset', effect: true }, { kind: 'reset', effect: false });
    await store.put('a', bytes('x'));
    server.inject({ kind: 'reset', effect: true });
    await store.delete('a');
    expect(server.objects.size).toBe(0);
    expect(server.requests.map((line) => line.split(' ')[0]).join(' ')).toBe(
      'PUT PUT PUT DELETE DELETE',
    );
  });

  test('knows its own blob again when the answer to its creation was lost', async () => {
    const { server, store } = await fakeStore();
    server.inject({ kind: 'reset', effect: true });
    expect(await store.create('one', bytes('mine'))).toBe(true);
    server.inject({ kind: 'reset', effect: false });
    expect(await store.create('one', bytes('yours'))).toBe(false);
    server.inject({ kind: 'status', status: 409, code: 'ConditionalRequestConflict' });
    expect(await store.create('two', bytes('mine'))).toBe(true);
    expect(await store.get('one')).toEqual(bytes('mine'));
  });

  test('gives up a server that says nothing', async () => {
    const { server, store } = await fakeStore({ timeoutMs: 20 });
    server.inject(...Array(S3_ATTEMPTS).fill({ kind: 'silent' }));
    await expect(store.list('')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining('ETIMEDOUT (tried 6 times)'),
      hint: expect.stringContaining('timeout'),
    });
  });

  test('says that nothing listens', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const { store } = await fakeStore({ endpoint });
    await expect(store.put('a', bytes('x'))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
      hint: expect.stringContaining('start the server'),
    });
  });

  test.each([
    { more: { bucket: 'other' }, code: 'NoSuchBucket', hint: 'create the bucket' },
    { more: { region: 'mars' }, code: 'AuthorizationHeaderMalformed', hint: 'mend "region"' },
    {
      more: { credentials: { accessKeyId: 'AKIDFAKE', secretAccessKey: 'wrong' } },
      code: 'SignatureDoesNotMatch',
      hint: 'the secret key is wrong',
    },
    {
      more: { credentials: { accessKeyId: 'nobody', secretAccessKey: 'wrong' } },
      code: 'InvalidAccessKeyId',
      hint: 'mend "accessKeyId"',
    },
  ])('tells a refusal at once: $code', async ({ more, code, hint }) => {
    const { server, store } = await fakeStore(more);
    const refused = {
      code: 'STORAGE_FAILED',
      message: expect.stringContaining(code),
      hint: expect.stringContaining(hint),
    };
    const calls = [store.put('a', bytes('x')), store.get('a'), store.list(''), store.delete('a')];
    for (const call of calls) await expect(call).rejects.toMatchObject(refused);
    expect(server.requests).toHaveLength(calls.length);
  });

  test('tells how far the clocks are apart', async () => {
    const { server, store } = await fakeStore();
    server.skewMs = 3_600_000;
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      hint: expect.stringMatching(/the clock of this machine is (3599|3600|3601) s behind/),
    });
  });

  test('takes no page of a proxy for a list, and no answer without a code for a missing blob', async () => {
    const { server, store } = await fakeStore();
    server.inject({ kind: 'status', status: 200 });
    await expect(store.list('')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    server.inject({ kind: 'status', status: 403 });
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      hint: expect.stringContaining('needs the right'),
    });
  });

  test.each([
    'ftp://host',
    'host:9000',
    'http://host/path',
    'http://user@host',
  ])('refuses the endpoint %s', (endpoint) => {
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
    expect(() => createS3BlobStore({ endpoint, region: 'r', bucket: 'b', credentials })).toThrow(
      'is no endpoint of S3',
    );
  });
});

const missing = cephMissing();
describe.skipIf(missing !== undefined)(`S3 of Ceph${missing ? `: ${missing}` : ''}`, () => {
  let ceph: CephRgw;
  let stores = 0;

  beforeAll(async () => {
    ceph = await startCephRgw();
    await createBucket(ceph.options);
  }, 120_000);
  afterAll(() => ceph?.stop());

  blobStoreContract('S3 of Ceph', async () =>
    createS3BlobStore({ ...ceph.options, prefix: `store-${++stores}` }),
  );

  test('lists more keys than one answer holds', async () => {
    const store = createS3BlobStore({ ...ceph.options, prefix: 'many' });
    const names = Array.from({ length: 1_100 }, (_, i) => `n/${String(i).padStart(5, '0')}`);
    for (let i = 0; i < names.length; i += 50) {
      await Promise.all(names.slice(i, i + 50).map((name) => store.put(name, bytes(name))));
    }
    expect(await store.list('n/')).toEqual(names);
  }, 60_000);

  test('is refused with a wrong key, and told of a missing bucket', async () => {
    const credentials = { ...ceph.options.credentials, secretAccessKey: 'wrong' };
    const stranger = createS3BlobStore({ ...ceph.options, credentials });
    await expect(stranger.get('a')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      hint: expect.stringContaining('the secret key is wrong'),
    });
    const elsewhere = createS3BlobStore({ ...ceph.options, bucket: 'nowhere' });
    await expect(elsewhere.put('a', bytes('x'))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      hint: expect.stringContaining('create the bucket'),
    });
  });
});

async function createBucket({ endpoint, region, bucket, credentials }: S3Options): Promise<void> {
  const headers = { host: new URL(endpoint).host };
  const parts = { method: 'PUT', path: `/${bucket}`, query: [], headers, bodySha256: sha256([]) };
  const signed = signRequest(parts, { credentials, region, nowMs: Date.now() });
  const answer = await fetch(`${endpoint}${signed.target}`, {
    method: 'PUT',
    headers: signed.headers,
  });
  expect(answer.status).toBe(200);
}
