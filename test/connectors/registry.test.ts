import { expect, test } from 'vitest';
import { builtinConnectors } from '../../host/connectors/registry.ts';

test('the registry holds each connector under its own name, with the halves it has', () => {
  const halves = [...builtinConnectors].map(([name, connector]) => {
    expect(connector.name).toBe(name);
    return [name, connector.source !== undefined, connector.sink !== undefined];
  });
  expect(halves).toEqual([
    ['file', true, true],
    ['generator', true, false],
    ['http', true, false],
    ['memory', false, true],
    ['nexmark', true, false],
    ['postgres', false, true],
    ['stdin', true, false],
    ['stdout', false, true],
    ['webhook', false, true],
  ]);
});
