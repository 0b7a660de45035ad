import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { serve } from '../../host/control/serve.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const OPENSSL = hasOpenssl();

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function certificate(): { readonly key: string; readonly cert: string } {
  const directory = temporaryDirectory();
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const files = ['-keyout', key, '-out', cert];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...files, ...subject],
    { stdio: 'ignore' },
  );
  return { key, cert };
}

const at = { port: 0, host: '127.0.0.1', tokenFile: undefined };

test.skipIf(!OPENSSL)(
  'with key and certificate the server speaks HTTPS (needs openssl)',
  async () => {
    const { key, cert } = certificate();
    const server = await serve({ ...at, data: temporaryDirectory(), tlsKey: key, tlsCert: cert });
    onTestFinished(() => server.close());
    expect(server.url).toMatch(/^https:/);
    const status = await new Promise((resolve, reject) => {
      request(`${server.url}/v1/jobs`, { rejectUnauthorized: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  },
);

test.each([
  ['a key alone', () => ({ tlsKey: file('x') })],
  ['a certificate alone', () => ({ tlsCert: file('x') })],
  ['files that are none', () => ({ tlsKey: file('x'), tlsCert: file('y') })],
  ['files that are not there', () => ({ tlsKey: '/nowhere/key', tlsCert: '/nowhere/cert' })],
])('%s is refused', async (_what, tls) => {
  const starting = serve({ ...at, data: temporaryDirectory(), ...tls() });
  await expect(starting).rejects.toMatchObject({ code: 'USAGE' });
});

function file(text: string): string {
  const path = join(temporaryDirectory(), 'file.pem');
  writeFileSync(path, text);
  return path;
}
