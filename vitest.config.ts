import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two files at a time: the tests start servers, runner processes and worker threads themselves.
    maxWorkers: 2,
  },
});
