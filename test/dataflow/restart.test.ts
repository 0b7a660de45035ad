import { describe, expect, test } from 'vitest';
import { restartStrategy } from '../../host/dataflow/document/restart-schema.ts';
import { readPipeline } from '../../host/dataflow/pipeline.ts';

function strategyOf(restart: string) {
  const text = `{ name: copy, restart: ${restart}, sources: { in: { connector: stdin } }, sinks: { out: { from: in, connector: stdout } } }`;
  return restartStrategy(readPipeline(text).restart);
}

function findingsOf(restart: string): readonly string[] {
  try {
    strategyOf(restart);
  } catch (thrown) {
    return (thrown as { readonly details: readonly string[] }).details;
  }
  return [];
}

describe('restart of a document', () => {
  test.each([
    ['none', { kind: 'none' }],
    ['{ fixedDelay: {} }', { kind: 'fixedDelay', attempts: 1, delayMs: 1_000 }],
    [
      '{ fixedDelay: { attempts: 5, delay: 0ms } }',
      { kind: 'fixedDelay', attempts: 5, delayMs: 0 },
    ],
    [
      '{ exponentialBackoff: { maxBackoff: 5m, attemptsBeforeResetBackoff: 7 } }',
      {
        kind: 'exponentialBackoff',
        initialBackoffMs: 1_000,
        maxBackoffMs: 300_000,
        backoffMultiplier: 1.5,
        resetBackoffThresholdMs: 3_600_000,
        jitterFactor: 0.1,
        attemptsBeforeResetBackoff: 7,
      },
    ],
    [
      '{ failureRate: { maxFailuresPerInterval: 3, failureRateInterval: 5m, delay: 10s } }',
      {
        kind: 'failureRate',
        maxFailuresPerInterval: 3,
        failureRateIntervalMs: 300_000,
        delayMs: 10_000,
      },
    ],
  ])('%s has the defaults of Flink', (text, strategy) => {
    expect(strategyOf(text)).toEqual(strategy);
  });

  const NONE_OF =
    'restart: expected "none", or one of { fixedDelay: {…} }, { exponentialBackoff: {…} }, { failureRate: {…} }';

  test.each([
    ['always', [NONE_OF]],
    ['{}', [NONE_OF]],
    ['{ fixedDelay: {}, failureRate: {} }', [NONE_OF]],
    ['{ failureRate: 3 }', ['restart.failureRate: expected an object, found 3']],
    [
      '{ fixedDelay: { attempts: 0, tries: 3 } }',
      [
        'restart.fixedDelay.attempts: expected a whole number from 1 to 1000000000',
        'restart.fixedDelay.tries: unknown key',
      ],
    ],
    [
      '{ exponentialBackoff: { jitterFactor: 3, backoffMultiplier: 0.5, initialBackoff: soon } }',
      [
        'restart.exponentialBackoff.backoffMultiplier: expected a number from 1 to 100',
        'restart.exponentialBackoff.initialBackoff: expected a duration such as "500ms", "10s", "5m", "1h" or "1d"',
        'restart.exponentialBackoff.jitterFactor: expected a number from 0 to 1',
      ],
    ],
  ])('%s is refused in words of the document', (text, findings) => {
    expect([...findingsOf(text)].sort()).toEqual(findings);
  });
});
