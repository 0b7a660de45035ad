import { describe, expect, test } from 'vitest';
import { readStateKey } from '../../host/control/state-key.ts';
import type { KeyField } from '../../host/model/key-spec.ts';
import { serverEvents, takeEvents } from '../kit/sse.ts';
import { until } from '../kit/until.ts';
import { overGenerator, reaches, startWordCountServer, submit } from '../kit/word-count-server.ts';

interface State {
  readonly found: boolean;
  readonly value: unknown;
}

test('the state of a key is shown as it is now, and its step is tapped, while the job runs', {
  timeout: 60_000,
}, async () => {
  const around = await startWordCountServer();
  const { server } = around;
  const id = await submit(around, overGenerator(2_000));
  await reaches(server, id, 'running');
  const steps = `/v1/jobs/${id}/steps`;
  const stateOf = (key: string) =>
    server.request<State>(`${steps}/counts/state/state?${new URLSearchParams({ key })}`);
  const first = await until('the word was counted', async () => {
    const state = await stateOf('mill');
    return state.found && state;
  });
  expect(first.value).toMatchObject({ word: 'mill', count: expect.any(Number) });
  const countOf = ({ value }: State) => (value as { readonly count: number }).count;
  await until('it grows', async () => countOf(await stateOf('mill')) > countOf(first));
  expect(await stateOf('{"word":"race"}')).toMatchObject({ value: { word: 'race' } });
  expect(await stateOf('nobody wrote this')).toEqual({ found: false, value: null });

  const events = await takeEvents(serverEvents(`${server.url}${steps}/words/tap?rows=2`), 5);
  for (const { data } of events) {
    expect(JSON.parse(data)).toMatchObject({ word: expect.stringMatching(/^(mill|race|wheel)$/) });
  }
  for (const [path, code, status] of [
    [`${steps}/none/state/state?key=a`, 'STEP_NOT_FOUND', 404],
    [`${steps}/counts/state/other?key=a`, 'STATE_NOT_FOUND', 404],
    [`${steps}/words/state/state?key=a`, 'STATE_NOT_FOUND', 404],
    [`${steps}/counts/state/state`, 'REQUEST_INVALID', 400],
    [`${steps}/counts/state/state?key={"other":1}`, 'REQUEST_INVALID', 400],
    [`${steps}/none/tap`, 'STEP_NOT_FOUND', 404],
    [`${steps}/words/tap?rows=0`, 'REQUEST_INVALID', 400],
  ] as const) {
    expect(await server.refusal(path), path).toMatchObject({ code, status });
  }
  await server.request(`/v1/jobs/${id}`, { method: 'DELETE' });
  expect(await server.refusal(`${steps}/counts/state/state?key=mill`)).toMatchObject({
    code: 'JOB_STATE',
  });
  const after: unknown[] = [];
  for await (const event of serverEvents(`${server.url}${steps}/words/tap`)) after.push(event);
  expect(after).toEqual([]);
});

describe('a key that somebody writes', () => {
  const field = (kind: KeyField['kind'], name = 'a', optional = false): KeyField => ({
    name,
    index: 3,
    kind,
    optional,
  });
  const hex = (text: string, ...fields: readonly KeyField[]) =>
    Buffer.from(readStateKey(text, fields).bytes).toString('hex');

  test('of one field is its value, of several an object', () => {
    expect(hex('hi', field('string'))).toBe('020000006869');
    expect(hex('17', field('string'))).toBe('020000003137');
    expect(hex('{"a":"hi"}', field('string'))).toBe('020000006869');
    expect(hex('17', field('i64'))).toBe('1100000000000000');
    expect(hex('"-1"', field('i64'))).toBe('ffffffffffffffff');
    expect(hex('true', field('bool'))).toBe('0100000000000000');
    expect(hex('{}', field('i64', 'a', true))).toBe('00');
    expect(hex('{"b":1,"a":"x"}', field('string'), field('i32', 'b'))).toBe(
      '01000000780100000000000000',
    );
  });

  test.each([
    ['x', [field('i64')]],
    ['1.5', [field('i64')]],
    ['x', [field('string'), field('i64', 'b')]],
    ['{"c":1}', [field('string')]],
    ['{"a":null}', [field('string')]],
  ])('%s does not fit %j', (text, fields) => {
    expect(() => readStateKey(text, fields)).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    );
  });
});
