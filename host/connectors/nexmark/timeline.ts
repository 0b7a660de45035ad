import type { NexmarkOptions } from './nexmark-options.ts';

/** Steps that a sine is made of. */
const SINE_STEPS = 10;
const SQUARE_STEPS = 2;
/** Neighbours in a group of events are so far apart when the group is shuffled. */
const SHUFFLE_STRIDE = 953;
const US_PER_UNIT = { second: 1_000_000, minute: 60_000_000 };

/** A run of events with one distance in time between them. */
interface RateStep {
  readonly delayUs: number;
  readonly events: number;
}

/**
 * When events happen. Event `n` of a generator comes `delayUs × n` after the base time, or, where the rate changes, as long after
 * it as the steps of the rate say; milliseconds are rounded down, whole products never leave the doubles that are exact.
 * All generators have the same timeline and share the rate: each has `generators` times the distance between events.
 */
export class Timeline {
  readonly #steps: readonly RateStep[];
  readonly #delayMs: number;
  readonly #delayRestUs: number;
  readonly #epochEvents: number;
  readonly #epochMs: number;
  readonly #group: number;

  constructor(options: Pick<NexmarkOptions, 'rate' | 'generators' | 'outOfOrderGroup'>) {
    this.#steps = rateSteps(options);
    const { delayUs } = this.#steps[0];
    this.#delayMs = Math.floor(delayUs / 1000);
    this.#delayRestUs = delayUs % 1000;
    this.#epochEvents = this.#steps.reduce((sum, step) => sum + step.events, 0);
    this.#epochMs = this.#steps.reduce((sum, step) => sum + stepMs(step), 0);
    this.#group = options.outOfOrderGroup;
  }

  /** Milliseconds from the base time to event `number`. */
  offsetMs(number: number): number {
    if (this.#steps.length > 1) return this.#offsetInSteps(number);
    return number * this.#delayMs + Math.floor((number * this.#delayRestUs) / 1000);
  }

  /** The number of the event that comes as event `number`: itself, or another one of its shuffled group. */
  shuffled(number: number): number {
    const group = this.#group;
    if (group === 1) return number;
    return number - (number % group) + ((number * SHUFFLE_STRIDE) % group);
  }

  #offsetInSteps(number: number): number {
    let offsetMs = Math.floor(number / this.#epochEvents) * this.#epochMs;
    let rest = number % this.#epochEvents;
    for (const step of this.#steps) {
      if (rest < step.events) return offsetMs + Math.floor((rest * step.delayUs) / 1000);
      rest -= step.events;
      offsetMs += stepMs(step);
    }
    throw new Error('the steps hold every event of an epoch');
  }
}

/** Whether a step of the rate is so short that not one event fits into any: time would stand still. */
export function isRateTooSlow(options: Pick<NexmarkOptions, 'rate' | 'generators'>): boolean {
  const steps = rateSteps(options);
  return steps.length > 1 && steps.every((step) => step.events === 0);
}

function stepMs(step: RateStep): number {
  return Math.floor((step.events * step.delayUs) / 1000);
}

function rateSteps({
  rate,
  generators,
}: Pick<NexmarkOptions, 'rate' | 'generators'>): readonly RateStep[] {
  const delayUs = (perUnit: number) => {
    const unitUs = US_PER_UNIT[rate.per];
    return Math.floor((unitUs + Math.floor(perUnit / 2)) / perUnit) * generators;
  };
  const { first, next } = rate;
  if (first === next) return [{ delayUs: delayUs(first), events: 1 }];
  const rates =
    rate.shape === 'square'
      ? [first, next]
      : Array.from({ length: SINE_STEPS }, (_, i) =>
          Math.round(
            (first + next) / 2 + ((first - next) / 2) * Math.cos((2 * Math.PI * i) / SINE_STEPS),
          ),
        );
  const count = rate.shape === 'square' ? SQUARE_STEPS : SINE_STEPS;
  const stepUs = Math.ceil(Math.ceil(rate.period / 1000) / count) * 1_000_000;
  return rates.map((perUnit) => {
    const delay = delayUs(perUnit);
    return { delayUs: delay, events: Math.floor(stepUs / delay) };
  });
}
