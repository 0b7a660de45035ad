import type { Batch } from '../../../model/batch.ts';
import type { KeyedCall, KeyedResult, WindowsCall } from '../../../sandbox/guest.ts';
import type { OperatorCounters } from '../../operator.ts';
import type { GuestCall } from '../guest-call.ts';

/** The guest of a windowed step; what its calls cost is counted. */
export class WindowGuest {
  readonly #guest: GuestCall;
  readonly #counters: OperatorCounters;

  constructor(guest: GuestCall, counters: OperatorCounters) {
    this.#guest = guest;
    this.#counters = counters;
  }

  runKeyed(name: string, call: KeyedCall): KeyedResult {
    const { instance } = this.#guest;
    const result = instance.runKeyed(name, call);
    this.#counters.fuel += instance.lastFuel;
    return result;
  }

  runWindows(name: string, call: WindowsCall): Batch {
    const { instance } = this.#guest;
    const result = instance.runWindows(name, call);
    this.#counters.fuel += instance.lastFuel;
    return result;
  }
}
