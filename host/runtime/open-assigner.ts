import type { Operator, OperatorCounters, SwappableOperator } from '../dataflow/operator.ts';
import type { GuestSpec, SourceSpec } from '../dataflow/plan.ts';
import { type AssignTimes, assignByStep, assignFromField } from './assign-event-time.ts';

/** Makes the step inside of a source that says its event times, where a function does. */
export function openAssigner(
  spec: SourceSpec,
  create: (step: GuestSpec) => Operator,
): SwappableOperator | undefined {
  const { assign, limits } = spec.eventTime ?? {};
  if (assign === undefined || limits === undefined) return undefined;
  const { id, schema } = spec;
  // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
  const onError = { retries: 0, backoffMs: 0, then: spec.onMalformed };
  const own = { kind: 'guest', id, function: assign, input: schema, output: schema } as const;
  return create({ ...own, onError, limits }) as SwappableOperator;
}

/** What gives a source's rows their event time; undefined when nothing does. What the step costs counts as the source's. */
export function assignTimes(
  { eventTime, schema }: SourceSpec,
  step: SwappableOperator | undefined,
  counters: OperatorCounters,
): AssignTimes | undefined {
  if (step === undefined) return eventTime && assignFromField(schema, eventTime.fieldIndex);
  const assign = assignByStep(step);
  return (rows) => {
    const { fuel, traps, skipped, deadLetters } = step.counters;
    const timed = assign(rows);
    counters.fuel += step.counters.fuel - fuel;
    counters.traps += step.counters.traps - traps;
    counters.skipped += step.counters.skipped - skipped;
    counters.deadLetters += step.counters.deadLetters - deadLetters;
    return timed;
  };
}
